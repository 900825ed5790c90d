"""Claims: the answers that callers were given, each compared with what followed from what was known then."""

from array import array
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from sagecert_verify.derive.partner import PartnerDerivation
from sagecert_verify.engines_and_rotations import SystemFacts
from sagecert_verify.finding import Finding, Status
from sagecert_verify.indexed_facts import Spool, positions_by_name
from sagecert_verify.rows import CLAIM_COLUMNS, WrongEntryError, quick_row, read_row

POSITION_MAX = 2**53
SELLS_TO_NEW = ("compliant", "in_window")


class Claim(NamedTuple):
    """An answer whether the partner may sell the product: as of `at`, from the facts up to `position`.

    `number`: its place in the log of claims. `policy_id`, `engine`: the policy and the engine that the answer named.
    `actor`: the name of the caller's key.
    """

    number: int
    partner_id: str
    product: str
    customer: str
    is_allowed: bool
    at: str
    position: int
    policy_id: str
    engine: str
    actor: str


class IndexedClaimLog:
    """Takes the entries of the log of claims. `last_position`: of the last fact that any of them depends on."""

    def __init__(self) -> None:
        self.spool = Spool()
        self.by_partner = positions_by_name()
        self.last_position = 0
        self._positions = array("q", [0])

    def take(self, number: int, entry: bytes) -> None:
        """Raises `WrongEntryError`."""
        columns, body = read_row(entry, CLAIM_COLUMNS)
        if columns["number"] != number:
            raise WrongEntryError(f"it says that it is at {columns['number']}: the numbers have a gap")
        if body or columns["customer"] not in ("new", "existing") or not 0 <= columns["position"] <= POSITION_MAX:
            raise WrongEntryError("it is not a claim")
        self.spool.append(entry)
        self._positions.append(columns["position"])
        self.by_partner[columns["partner_id"]].append(number)
        self.last_position = max(self.last_position, columns["position"])

    def about(self, partner: str) -> Iterator[Claim]:
        """Those about a partner, by the facts that they depend on."""
        for number in sorted(self.by_partner.get(partner, ()), key=self._positions.__getitem__):
            columns, _ = quick_row(self.spool.read(number))
            yield Claim(*(columns["allowed" if name == "is_allowed" else name] for name in Claim._fields))


def check_claim(claim: Claim, derivation: PartnerDerivation) -> Finding | None:
    """Whether the answer follows from the facts that the derivation has taken. Raises `ValueError`, `OverflowError`."""
    at = _instant(claim)
    state = derivation.state(claim.product, at) if claim.product in derivation.products else None
    status = state.status if state is not None else "not_enrolled"
    follows = status in SELLS_TO_NEW if claim.customer == "new" else status != "not_enrolled"
    if claim.is_allowed == follows:
        return None
    answered, right = ("allowed", "not allowed") if claim.is_allowed else ("not allowed", "allowed")
    return Finding(
        Status.DIFFERS,
        f"{claim.partner_id} was {answered} to serve {claim.customer} customers of {claim.product} at {claim.at}; "
        f"from the facts up to {claim.position} it was {right}: {status}",
        "claims",
        claim.number,
        "R20" if claim.customer == "existing" else "R19",
    )


def check_names(claim: Claim, derivation: PartnerDerivation, system: SystemFacts) -> Finding | None:
    """Whether it names by what it was decided: the policy in force, and an engine that was installed.

    An engine answers once it is installed, also while it has not applied the fact that says so.
    """
    try:
        policy_id = derivation.policy_id(_instant(claim))
    except (ValueError, OverflowError):
        sentence = f"a claim about {claim.partner_id} names no instant: {claim.at}"
        return Finding(Status.DIFFERS, sentence, "claims", claim.number)
    about = f"what {claim.partner_id} was answered for {claim.product} at {claim.at}"
    if claim.policy_id != policy_id:
        sentence = f"{about} names the policy {claim.policy_id}; in force, from the facts up to {claim.position}, "
        return Finding(Status.DIFFERS, f"{sentence}was {policy_id}", "claims", claim.number, "R39")
    installed = system.engine_at(claim.position)
    later = [engine.engine_id for engine in system.engines if engine.position > claim.position]
    if system.engines and claim.engine not in (*later, *(() if installed is None else (installed.engine_id,))):
        sentence = f"{about} names the engine {claim.engine}, which did not decide at position {claim.position}"
        return Finding(Status.DIFFERS, sentence, "claims", claim.number)
    return None


def _instant(claim: Claim) -> datetime:
    return datetime.fromisoformat(claim.at).astimezone(UTC)
