"""What a person lacks for a certification: the course, the pass, or maintenance (R4, R6, R25, R26, R37)."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Final, Literal, NamedTuple

from services.compliance.policy.certified_periods import Obligation
from shared.events.envelope import Fact
from shared.events.facts import CourseCompleted, ExamRegistered, FactVoided, GrantStatement, Period, RevocationOrdered
from shared.rules.scores import Attempt, attempts_of

Lack = Literal["course", "pass", "maintenance"]


class Training(NamedTuple):
    """What a person has done for one product, maintenance left aside.

    `course_at`: when the first course was completed. `attempts`: those of exams. `revoked_at`: when certifications were
    revoked, in order.
    """

    course_at: datetime | None
    attempts: Sequence[Attempt]
    revoked_at: Sequence[datetime]

    def has_course(self, at: datetime) -> bool:
        """Whether the course is completed by the instant."""
        return self.course_at is not None and self.course_at <= at

    def has_pass(self, at: datetime) -> bool:
        """Whether an attempt passes at the instant, and no revocation came with or after that attempt (R32, R37)."""
        return any(
            attempt.effective_at <= at
            and attempt.deciding(at).passes
            and bisect_left(self.revoked_at, attempt.effective_at) == bisect_right(self.revoked_at, at)
            for attempt in self.attempts
        )

    def instants(self) -> set[datetime]:
        """When what the person has can change."""
        scores = {score.since for attempt in self.attempts for score in attempt.scores}
        return scores.union(self.revoked_at, () if self.course_at is None else (self.course_at,))


NO_TRAINING: Final = Training(None, (), ())


def training_of(facts: Iterable[Fact]) -> dict[str, Training]:
    """What one person has done, by product.

    `facts`: the courses, registrations, attempts, corrections and revocations of the person, and their voids, in log
    order.
    """
    known = list(facts)
    voided = {fact.data.fact_id for fact in known if isinstance(fact.data, FactVoided)}
    standing = [fact for fact in known if fact.fact_id not in voided]
    attempts = attempts_of(standing)
    course_at: dict[str, datetime] = {}
    revoked_at: dict[str, list[datetime]] = {}
    taken: dict[str, list[Attempt]] = {}
    for fact in standing:
        match fact.data:
            case CourseCompleted(product=product, portal_change_id=None):
                course_at[product] = min(fact.effective_at, course_at.get(product, fact.effective_at))
            case ExamRegistered(registration_id=registration_id, product=product, portal_change_id=None):
                taken.setdefault(product, []).extend(attempts.get(registration_id, ()))
            case RevocationOrdered(product=product):
                revoked_at.setdefault(product, []).append(fact.effective_at)
            case _:
                pass
    return {
        product: Training(course_at.get(product), taken.get(product, ()), sorted(revoked_at.get(product, ())))
        for product in course_at.keys() | taken.keys() | revoked_at.keys()
    }


def lacking(at: datetime, training: Training, *, certified: bool, maintenance_owed: bool) -> tuple[Lack, ...]:
    """What the person lacks for the product at the instant; nothing while it is certified.

    `maintenance_owed`: whether a certification depends on maintenance that is not complete. A certification that lapsed
    only for want of maintenance needs no other pass (R26).
    """
    if certified:
        return ()
    if maintenance_owed:
        return ("maintenance",)
    return (*(() if training.has_course(at) else ("course",)), *(() if training.has_pass(at) else ("pass",)))


def owed_maintenance(
    grants: Iterable[GrantStatement], obligation: Obligation, completed: Iterable[Period]
) -> tuple[datetime, ...]:
    """When the maintenance of a portal change is due from a person and not complete (R25): from the first of these
    instants to the second, and so on.

    `grants`: those of the obligation's product. It is due from its announcement, while a grant is in force, maintenance
    left aside, and every one in force was given before the announcement. A person with a later grant owes nothing.
    """
    bound: list[Period] = []
    released = list(completed)
    for grant in grants:
        (bound if grant.granted_at < obligation.announced_at else released).extend(grant.periods)
    if not bound:
        return ()
    in_force = free = 0
    owed: list[datetime] = []
    for instant, grants_more, free_more in sorted([*_bounds(bound, 1, 0), *_bounds(released, 0, 1)]):
        in_force, free = in_force + grants_more, free + free_more
        if (in_force > 0 and not free) is bool(len(owed) % 2):
            continue
        if owed and owed[-1] == instant:
            owed.pop()
        else:
            owed.append(instant)
    known = bisect_right(owed, obligation.announced_at)
    return tuple(owed[known:]) if known % 2 == 0 else (obligation.announced_at, *owed[known:])


def _bounds(periods: Iterable[Period], grants: int, free: int) -> Iterator[tuple[datetime, int, int]]:
    """The instants at which the periods start and end, each with the change of `in_force` and of `free`."""
    for period in periods:
        yield period.start, grants, free
        if period.end is not None:
            yield period.end, -grants, -free
