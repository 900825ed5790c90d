"""Who is certified when: one grant per passing attempt or recognition (R4, R7, R24, R32, R37)."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from services.certification.rules.attempts import attempts_of
from services.certification.rules.periods import provided, until_instant, without
from shared.events.envelope import Fact
from shared.events.facts import (
    CertificationRecognised,
    CertificationRevoked,
    ConsultantCertified,
    CourseCompleted,
    ExamRegistered,
    GrantStatement,
    Period,
    RevocationOrdered,
)


def grants(standing: Sequence[Fact]) -> Iterator[GrantStatement]:
    """One statement per grant that certifies its consultant at some time, in no particular order.

    `standing` are all reported facts about one consultant, in log order, without the voided ones.
    """
    for fact in standing:
        match fact.data:
            case ExamRegistered(portal_change_id=None):
                yield from _grants_of_registration(fact.data, standing)
            case CertificationRecognised(consultant_id, product):
                always = (Period(fact.effective_at, None, (fact.fact_id,)),)
                periods = _until_revoked(always, fact.effective_at, product, standing)
                if periods:
                    yield statement(consultant_id, product, fact.fact_id, fact.effective_at, periods)
            case _:
                pass


def statement(
    consultant_id: str, product: str, grant_id: str, granted_at: datetime, periods: tuple[Period, ...]
) -> GrantStatement:
    """A grant restated: certified while one period is still open-ended, else revoked."""
    lasting = bool(periods) and periods[-1].end is None
    says = ConsultantCertified if lasting else CertificationRevoked
    return says(consultant_id, product, grant_id, granted_at, periods)


def _grants_of_registration(registered: ExamRegistered, standing: Sequence[Fact]) -> Iterator[GrantStatement]:
    """At each instant only the earliest attempt that passes then grants (R7); from the course on (R4)."""
    course = _earliest_course(registered.product, standing)
    if course is None:
        return
    earlier: list[Period] = []
    for attempt in attempts_of(registered.registration_id, standing):
        passing = attempt.passing()
        granted_at = max(attempt.effective_at, course.effective_at)
        periods = provided(without(passing, earlier), course.effective_at, (course.fact_id,))
        periods = _until_revoked(periods, attempt.effective_at, registered.product, standing)
        if periods:
            yield statement(registered.consultant_id, registered.product, attempt.scored.fact_id, granted_at, periods)
        earlier.extend(passing)


def _earliest_course(product: str, standing: Sequence[Fact]) -> Fact | None:
    """The ordinary course for the product that was completed first; the first recorded of one instant."""
    courses = [
        fact
        for fact in standing
        if isinstance(fact.data, CourseCompleted)
        and fact.data.product == product
        and fact.data.portal_change_id is None
    ]
    return min(courses, key=lambda fact: fact.effective_at, default=None)


def _until_revoked(
    periods: tuple[Period, ...], passed_at: datetime, product: str, standing: Sequence[Fact]
) -> tuple[Period, ...]:
    """What the first revocation at or after the pass leaves; only a later pass or recognition restores (R37)."""
    orders = [
        fact
        for fact in standing
        if isinstance(fact.data, RevocationOrdered) and fact.data.product == product and fact.effective_at >= passed_at
    ]
    if not orders:
        return periods
    revoked_at = min(order.effective_at for order in orders)
    because = tuple(order.fact_id for order in orders if order.effective_at == revoked_at)
    return until_instant(periods, revoked_at, because)
