"""Claims: the answers that callers were given, each compared with what followed from what was known then."""

import json
from datetime import UTC, datetime
from typing import NamedTuple

from sagecert_verify.archive import DamagedError
from sagecert_verify.derive.partner import PartnerDerivation
from sagecert_verify.verdict import Finding, Status

SELLS_TO_NEW = ("compliant", "in_window")


class Claim(NamedTuple):
    """Somebody was told whether the partner may sell the product: as of `at`, from the facts up to `position`."""

    partner_id: str
    product: str
    customer: str
    is_allowed: bool
    at: str
    position: int


def read_claims(content: bytes) -> list[Claim]:
    """Claims, a line of JSON each. Raises `DamagedError`."""
    found = []
    for number, line in enumerate(content.splitlines(), start=1):
        try:
            row = json.loads(line)
            claim = Claim(
                row["partner_id"], row["product"], row["customer"], row["allowed"], row["at"], row["position"]
            )
        except (ValueError, RecursionError, KeyError, TypeError):
            raise DamagedError(f"line {number} of the claims is no claim") from None
        if [type(value) for value in claim] != [str, str, str, bool, str, int] or claim.customer not in (
            "new",
            "existing",
        ):
            raise DamagedError(f"line {number} of the claims is no claim")
        found.append(claim)
    return found


def check_claim(claim: Claim, derivation: PartnerDerivation) -> Finding | None:
    """Whether the answer follows from the facts that the derivation has taken."""
    try:
        at = datetime.fromisoformat(claim.at).astimezone(UTC)
    except (ValueError, OverflowError):
        return Finding(Status.DIFFERS, f"a claim about {claim.partner_id} names no instant: {claim.at}", "claims")
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
        claim.position,
        "R20" if claim.customer == "existing" else "R19",
    )
