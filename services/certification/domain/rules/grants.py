"""Grants of certification: one for each passing attempt or recognition (R4, R7, R24, R32, R37)."""

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

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
from shared.rules.half_open_periods import provided, union, until_instant, without
from shared.rules.scores import Attempt, attempts_of


class _Known(NamedTuple):
    """What grants depend on: of each product the course that counts and the revocations by effective instant."""

    attempts: Mapping[str, tuple[Attempt, ...]]
    courses: Mapping[str, Fact]
    revocations: Mapping[str, list[Fact]]


def grants(standing: Sequence[Fact]) -> Iterator[GrantStatement]:
    """One statement per grant that certifies its consultant at some time, in no particular order.

    `standing` are reported facts about one consultant, in log order, without the voided ones: all that the grants of
    these registrations and recognitions depend on.
    """
    known = _known(standing)
    for fact in standing:
        match fact.data:
            case ExamRegistered(portal_change_id=None):
                yield from _grants_of_registration(fact.data, known)
            case CertificationRecognised(consultant_id, product):
                always = (Period(fact.effective_at, None, (fact.fact_id,)),)
                periods = _until_revoked(always, fact.effective_at, product, known)
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


def _known(standing: Sequence[Fact]) -> _Known:
    """The ordinary course that counts was completed first, the first recorded of one instant."""
    courses: dict[str, Fact] = {}
    revocations: dict[str, list[Fact]] = {}
    for fact in standing:
        match fact.data:
            case CourseCompleted(product=product, portal_change_id=None):
                if fact.effective_at < courses.setdefault(product, fact).effective_at:
                    courses[product] = fact
            case RevocationOrdered(product=product):
                revocations.setdefault(product, []).append(fact)
            case _:
                pass
    for orders in revocations.values():
        orders.sort(key=_effective_at)
    return _Known(attempts_of(standing), courses, revocations)


def _grants_of_registration(registered: ExamRegistered, known: _Known) -> Iterator[GrantStatement]:
    """At each instant only the earliest attempt that passes then grants (R7); from the course on (R4)."""
    course = known.courses.get(registered.product)
    if course is None:
        return
    earlier: tuple[Period, ...] = ()
    for attempt in known.attempts.get(registered.registration_id, ()):
        passing = attempt.passing()
        if not passing:
            continue
        granted_at = max(attempt.effective_at, course.effective_at)
        periods = provided(without(passing, earlier), course.effective_at, (course.fact_id,))
        periods = _until_revoked(periods, attempt.effective_at, registered.product, known)
        if periods:
            yield statement(registered.consultant_id, registered.product, attempt.scored.fact_id, granted_at, periods)
        earlier = union((*earlier, *passing))


def _until_revoked(periods: tuple[Period, ...], passed_at: datetime, product: str, known: _Known) -> tuple[Period, ...]:
    """What the first revocation at or after the pass leaves; only a later pass or recognition restores (R37).

    Of several revocations of one instant the first recorded is the reason.
    """
    orders = known.revocations.get(product, ())
    at = bisect_left(orders, passed_at, key=_effective_at)
    return until_instant(periods, orders[at].effective_at, (orders[at].fact_id,)) if at < len(orders) else periods


def _effective_at(fact: Fact) -> datetime:
    return fact.effective_at
