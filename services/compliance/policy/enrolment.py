"""What a partner is over time: its kind, its minimum, whether it is enrolled (R10, R11, R22, R28)."""

from collections.abc import Iterable
from datetime import datetime

import msgspec

from services.compliance.policy.parameters import Parameters
from shared.events.envelope import Fact
from shared.events.facts import (
    Kind,
    PartnerClosed,
    PartnerEnrolled,
    PartnerKindChanged,
    PartnerProgrammeChanged,
    PartnersMerged,
)


class Enrolment(msgspec.Struct, frozen=True):
    """From `start` until the next: kind and programme, the minimum they give, and the facts that say so.

    `kind` and `minimum` are None until a fact gives the kind; they stay when the programme is left (R10).
    """

    start: datetime
    kind: Kind | None
    programme: str | None
    minimum: int | None
    enrolled: bool
    kind_facts: tuple[str, ...]
    programme_facts: tuple[str, ...]


CLOSED = "closed"
MERGED = "merged away"


def enrolments(facts: Iterable[Fact], parameters: Parameters) -> list[Enrolment]:
    """The enrolments of one partner, in order, one per instant with a fact about it (none voided).

    Where facts of one instant contradict each other, the later recorded wins (R35).
    """
    found: list[Enrolment] = []
    kind: Kind | None = None
    programme: str | None = None
    kind_facts: tuple[str, ...] = ()
    programme_facts: tuple[str, ...] = ()
    for fact in sorted(facts, key=lambda f: (f.effective_at, f.position)):
        match fact.data:
            case PartnerEnrolled():
                kind, kind_facts = fact.data.kind, (fact.fact_id,)
                programme, programme_facts = fact.data.programme, (fact.fact_id,)
            case PartnerKindChanged():
                kind, kind_facts = fact.data.kind, (fact.fact_id,)
            case PartnerProgrammeChanged():
                programme, programme_facts = fact.data.programme, (fact.fact_id,)
            case PartnerClosed():
                programme, programme_facts = CLOSED, (fact.fact_id,)
            case PartnersMerged():
                programme, programme_facts = MERGED, (fact.fact_id,)
            case _:
                continue
        minimum = None if kind is None else parameters.minimum[kind]
        enrolled = kind is not None and programme in parameters.programmes
        if found and found[-1].start == fact.effective_at:
            found.pop()
        found.append(Enrolment(fact.effective_at, kind, programme, minimum, enrolled, kind_facts, programme_facts))
    return found


def enrolment_at(timeline: Iterable[Enrolment], at: datetime) -> Enrolment | None:
    """The enrolment in force at `at` (every fact of that instant applied), or None before the first."""
    found = None
    for enrolment in timeline:
        if enrolment.start > at:
            break
        found = enrolment
    return found
