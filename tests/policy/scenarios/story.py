"""A story is told to a system and asked about; the system is the bare policy here, the running one elsewhere."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import chain
from typing import Any, Protocol

from services.certification.domain import exam_registration
from services.compliance.policy.answers_from_facts import certification_answer, notified_partners, partner_segment
from services.compliance.policy.parameters import PARAMETERS
from services.compliance.policy.policy_timeline import policy_known
from services.web.refusal import Refusal
from shared.events.envelope import Fact as Recorded
from tests.oracle.rules.facts import Fact
from tests.policy.fact_log import Group, appended, stream_of

Answer = dict[str, Any]
Told = Fact | Iterable[Fact]


@dataclass(frozen=True)
class Expected:
    """A window as a scenario expects it; None: not said."""

    opened_at: datetime
    outcome: str
    closed_at: datetime | None = None
    deadline_on: date | None = None
    deadline_at: datetime | None = None
    policy_id: str | None = None


class Teller(Protocol):
    """What a story needs of the system that it is told to. Times are instants; `known_at` None: all that was told."""

    def record(self, fact: Fact) -> str:
        """`recorded`, `repeated`, or `refused` with the id of the rule, if any."""

    def partner(self, partner: str, product: str, at: datetime, known_at: datetime | None) -> Answer: ...

    def person(self, person: str, product: str, at: datetime, known_at: datetime | None) -> Answer: ...

    def registration(self, registration: str, at: datetime, known_at: datetime | None) -> Answer | None:
        """None: there is none."""
        ...

    def notified(self, change: str, at: datetime, known_at: datetime | None) -> list[str]: ...

    def policy(self, at: datetime, known_at: datetime | None) -> Answer: ...


class Story:
    """Given what happened, when something happens, then the answers are these."""

    def __init__(self, teller: Teller) -> None:
        self.teller = teller

    def given(self, *told: Told) -> None:
        for fact in flat(told):
            assert self.teller.record(fact) == "recorded"

    when = given

    def repeats(self, fact: Fact) -> None:
        """It was known before and changes nothing (R34)."""
        assert self.teller.record(fact) == "repeated"

    def refuses(self, fact: Fact, rule: str) -> None:
        assert self.teller.record(fact) == f"refused {rule}"

    def then(
        self, partner: str, *, at: datetime, product: str = "S200P", known_at: datetime | None = None, **expected: Any
    ) -> None:
        """The answer about the partner; of windows, only what is said of them is compared."""
        answer = self.teller.partner(partner, product, at, known_at)
        for name, wanted in expected.items():
            got = answer[name]
            if name == "windows":
                got = [_as_expected(window, like) for window, like in zip(got, wanted, strict=True)]
            assert got == wanted, f"{partner} {product} at {at}: {name} is {got}, not {wanted}"

    def then_person(
        self, person: str, *, at: datetime, product: str = "S200P", known_at: datetime | None = None, **expected: Any
    ) -> None:
        answer = self.teller.person(person, product, at, known_at)
        assert {name: answer[name] for name in expected} == expected

    def then_because(self, person: str, rule: str, *facts: Fact, at: datetime, product: str = "S200P") -> None:
        """The first reason that the answer about the person gives, and just the facts that it names."""
        assert self.teller.person(person, product, at, None)["because"] == (rule, *(fact.fact_id for fact in facts))

    def then_registration(
        self, registration: str, *, at: datetime, known_at: datetime | None = None, **expected: Any
    ) -> None:
        answer = self.teller.registration(registration, at, known_at)
        assert answer is not None, f"there is no registration {registration}"
        assert {name: answer[name] for name in expected} == expected

    def then_no_registration(self, registration: str, *, at: datetime, known_at: datetime | None = None) -> None:
        """It was not recorded by then, or is voided."""
        assert self.teller.registration(registration, at, known_at) is None

    def then_notified(self, change: str, *partners: str, at: datetime, known_at: datetime | None = None) -> None:
        assert self.teller.notified(change, at, known_at) == list(partners)

    def then_policy(self, policy_id: str, *, at: datetime, known_at: datetime | None = None, **expected: Any) -> None:
        """The policy in force, and what is expected of its terms."""
        answer = self.teller.policy(at, known_at)
        assert {name: answer[name] for name in ("policy_id", *expected)} == {"policy_id": policy_id, **expected}


class BarePolicy:
    """Certification's rules and compliance's policy, without a database, a network or a clock."""

    def __init__(self) -> None:
        self.groups: list[Group] = []

    def record(self, fact: Fact) -> str:
        assert all(group[0].recorded_at <= fact.recorded_at for group in self.groups[-1:]), "told out of order"
        try:
            group = appended(self._log(None), fact)
        except Refusal as refusal:
            return f"refused {refusal.rule}"
        if not group:
            return "repeated"
        self.groups.append(group)
        return "recorded"

    def partner(self, partner: str, product: str, at: datetime, known_at: datetime | None) -> Answer:
        segment = partner_segment(self._log(known_at), partner, product, at, PARAMETERS)
        assert segment is not None
        standing = segment.standing
        return {
            name: getattr(standing, name)
            for name in ("headcount", "minimum", "shortfall", "status", "sell_new", "maintain_existing")
        } | {
            "counted": list(standing.counted),
            "windows": [
                {name: getattr(window, name) for name in Expected.__dataclass_fields__} for window in standing.windows
            ],
            "suspensions": [(suspension.since, suspension.to) for suspension in standing.suspensions],
        }

    def person(self, person: str, product: str, at: datetime, known_at: datetime | None) -> Answer:
        answer = certification_answer(self._log(known_at), person, product, at, PARAMETERS)
        said = {name: getattr(answer, name) for name in ("certified", "portal_user", "next_change_at")}
        return said | {"because": (answer.reasons[0].rule, *answer.reasons[0].fact_ids)}

    def registration(self, registration: str, at: datetime, known_at: datetime | None) -> Answer | None:
        progress = exam_registration.progress(stream_of(registration, self._log(known_at)), at)
        if progress is None:
            return None
        return {
            "consultant_id": progress.registered.consultant_id,
            "state": progress.state,
            "attempts_left": progress.attempts_left,
        }

    def notified(self, change: str, at: datetime, known_at: datetime | None) -> list[str]:
        notified = notified_partners(self._log(known_at), change, at, PARAMETERS)
        assert notified is not None
        return notified

    def policy(self, at: datetime, known_at: datetime | None) -> Answer:
        known = policy_known(self._log(known_at), PARAMETERS)
        return {
            "policy_id": known.in_force.at(at).policy_id,
            "window_days": known.window_days.at(at).value,
            "minimum": {kind: term.at(at).value for kind, term in known.minimum.items()},
            "programmes": list(known.programmes.at(at).value),
            "reminder_days": list(known.reminder_days.at(at).value),
        }

    def _log(self, known_at: datetime | None) -> list[Recorded]:
        log = chain.from_iterable(self.groups)
        return [fact for fact in log if known_at is None or fact.recorded_at <= known_at]


def flat(told: Sequence[Told]) -> Iterable[Fact]:
    for one in told:
        if isinstance(one, Fact):
            yield one
        else:
            yield from one


def _as_expected(window: Answer, like: Expected) -> Expected:
    """The window with just as much said of it."""
    said = {name for name in Expected.__dataclass_fields__ if getattr(like, name) is not None}
    return Expected(**{name: value for name, value in window.items() if name in said | {"closed_at"}})
