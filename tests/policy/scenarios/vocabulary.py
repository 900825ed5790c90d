"""What can happen in a story. Each fact is recorded when it happens unless `recorded_at` says otherwise."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from itertools import count

from tests.oracle.rules import facts
from tests.oracle.rules.facts import Fact

S200P, S200S = "S200P", "S200S"
VAR, DEVELOPER = "VAR", "DEVELOPER"
Recorded = datetime | None

_numbers = count(1)


def utc(text: str) -> datetime:
    """`2022-03-01 09:00`, in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def _base(at: datetime, recorded_at: Recorded) -> tuple[str, datetime, datetime]:
    return f"fact-{next(_numbers)}", at, recorded_at or at


def enrolled(
    partner: str, at: datetime, kind: str = VAR, programme: str = "PARTNER_SUCCESS", recorded_at: Recorded = None
) -> Fact:
    return facts.PartnerEnrolled(*_base(at, recorded_at), partner, kind, programme)


def becomes(partner: str, kind: str, at: datetime, recorded_at: Recorded = None) -> Fact:
    return facts.PartnerKindChanged(*_base(at, recorded_at), partner, kind)


def joins_programme(partner: str, programme: str, at: datetime, recorded_at: Recorded = None) -> Fact:
    return facts.PartnerProgrammeChanged(*_base(at, recorded_at), partner, programme)


def leaves_programme(partner: str, at: datetime, recorded_at: Recorded = None) -> Fact:
    return joins_programme(partner, "NONE", at, recorded_at)


def closes(partner: str, at: datetime, recorded_at: Recorded = None) -> Fact:
    return facts.PartnerClosed(*_base(at, recorded_at), partner)


def merges(partner: str, into: str, at: datetime, recorded_at: Recorded = None) -> Fact:
    return facts.PartnersMerged(*_base(at, recorded_at), partner, into)


def joins(person: str, partner: str, at: datetime, recorded_at: Recorded = None) -> Fact:
    return facts.ConsultantLinked(*_base(at, recorded_at), partner, person)


def leaves(person: str, partner: str, at: datetime, recorded_at: Recorded = None) -> Fact:
    return facts.ConsultantLeft(*_base(at, recorded_at), partner, person)


def completes_course(
    person: str, at: datetime, product: str = S200P, change: str | None = None, recorded_at: Recorded = None
) -> Fact:
    return facts.CourseCompleted(*_base(at, recorded_at), person, product, change)


def registers(
    registration: str,
    person: str,
    at: datetime,
    product: str = S200P,
    change: str | None = None,
    recorded_at: Recorded = None,
) -> Fact:
    return facts.ExamRegistered(*_base(at, recorded_at), registration, person, product, change)


def scores(registration: str, attempt: int, score: str, at: datetime, recorded_at: Recorded = None) -> Fact:
    return facts.AttemptScored(*_base(at, recorded_at), registration, attempt, score)


def is_corrected(registration: str, attempt: int, score: str, at: datetime, recorded_at: Recorded = None) -> Fact:
    return facts.ScoreCorrected(*_base(at, recorded_at), registration, attempt, score)


def is_recognised(person: str, at: datetime, product: str = S200P, recorded_at: Recorded = None) -> Fact:
    return facts.CertificationRecognised(*_base(at, recorded_at), person, product)


def is_revoked(person: str, at: datetime, product: str = S200P, recorded_at: Recorded = None) -> Fact:
    return facts.RevocationOrdered(*_base(at, recorded_at), person, product)


def portal_changes(
    change: str,
    at: datetime,
    due_on: date,
    products: tuple[str, ...] = (S200P,),
    significant: bool = True,
    recorded_at: Recorded = None,
) -> Fact:
    return facts.PortalChangeDeclared(*_base(at, recorded_at), change, products, significant, due_on)


def portal_change_is_corrected(
    change: str,
    at: datetime,
    due_on: date | None = None,
    products: tuple[str, ...] | None = None,
    significant: bool | None = None,
    recorded_at: Recorded = None,
) -> Fact:
    return facts.PortalChangeCorrected(*_base(at, recorded_at), change, due_on, products, significant)


def revises(
    policy: str,
    at: datetime,
    *,
    window_days: int | None = None,
    minimum: Mapping[str, int] | None = None,
    programmes: tuple[str, ...] | None = None,
    reminder_days: tuple[int, ...] | None = None,
    recorded_at: Recorded = None,
) -> Fact:
    """The policy is another one from `at` on, in the terms that are given."""
    base = _base(at, recorded_at)
    return facts.PolicyRevised(*base, policy, window_days, minimum, programmes, reminder_days)


def is_void(fact: Fact, at: datetime) -> Fact:
    """The fact was recorded in error, as is found out at `at`."""
    return facts.FactVoided(*_base(at, None), fact.fact_id)


# Several at once -----------------------------------------------------------------------------


def certified(*people: str, partner: str, at: datetime, product: str = S200P) -> list[Fact]:
    """They join the partner and are recognised as certified, all at one instant."""
    return [fact for person in people for fact in (joins(person, partner, at), is_recognised(person, at, product))]


def passes_exam(registration: str, person: str, at: datetime, product: str = S200P) -> list[Fact]:
    """Course, registration and a pass at the first attempt, all at one instant."""
    return [
        completes_course(person, at, product),
        registers(registration, person, at, product),
        scores(registration, 1, "90", at),
    ]


def maintains(person: str, change: str, at: datetime, product: str = S200P) -> list[Fact]:
    """Training and assessment for the portal change, both done at one instant."""
    registration = f"{person}-{change}-{next(_numbers)}"
    return [
        completes_course(person, at, product, change),
        registers(registration, person, at, product, change),
        scores(registration, 1, "80", at),
    ]
