"""Courses, recognitions and revocations: which changed nothing (R4, R24, R25, R35, R37)."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import Final

from services.compliance.policy.certified_periods import CertifiedPeriod, united_periods, valid_periods
from services.compliance.policy.no_effect.known_facts import KnownFacts
from shared.events.envelope import Fact
from shared.events.facts import GrantStatement, Period
from shared.rules.no_effect_reasons import Findings, NoEffect
from shared.rules.revocations_without_effect import revocations_without_effect


def courses_without_effect(known: KnownFacts) -> Findings:
    """The courses that changed nothing, maintenance trainings among them."""
    for (consultant_id, product, change_id), courses in known.courses.items():
        counts = min(courses, key=_in_order)
        yield from ((course, "course_already_completed") for course in courses if course is not counts)
        if change_id is None:
            granted: Iterable[Period] = (
                period for grant in known.grants_of.get((consultant_id, product), ()) for period in grant.periods
            )
            why: NoEffect | None = None if _named(counts, granted) else "waits_for_pass"
        else:
            why = _why_no_training(known, counts, consultant_id, product, change_id)
        if why is not None:
            yield counts, why


def _why_no_training(
    known: KnownFacts, course: Fact, consultant_id: str, product: str, change_id: str
) -> NoEffect | None:
    change = known.portal_changes.get(change_id)
    if change is None:
        return "waits_for_portal_change"
    if not change.significant:
        return "minor_change"
    granted = known.grants_of.get((consultant_id, product), ())
    obliged = any(grant.granted_at < change.announced_at and grant.periods for grant in granted)
    if product not in change.products or not obliged:
        return "not_obliged"
    done = known.completions.get((consultant_id, product, change_id), ())
    return None if _named(course, done) else "waits_for_assessment"


def _named(course: Fact, periods: Iterable[Period]) -> bool:
    return any(course.fact_id in period.start_facts for period in periods)


def recognitions_without_effect(known: KnownFacts) -> Findings:
    """The recognitions that changed nothing: revoked at their instant, or of people certified throughout."""
    for subject, recognitions in known.recognitions.items():
        held: list[CertifiedPeriod] = []
        waiting = {fact.fact_id: fact for fact in recognitions}
        for grant in sorted(known.grants_of.get(subject, ()), key=attrgetter("granted_at", "grant_id")):
            recognition = waiting.pop(grant.grant_id, None) if grant.periods else None
            valid = _valid(known, grant)
            if recognition is not None and _within(valid, held):
                yield recognition, "already_certified"
            else:
                held = united_periods((*held, *valid))
        yield from ((recognition, "revoked_at_once") for recognition in waiting.values())


def _valid(known: KnownFacts, grant: GrantStatement) -> list[CertifiedPeriod]:
    completions = {
        obligation.portal_change_id: known.completions.get(
            (grant.consultant_id, grant.product, obligation.portal_change_id), ()
        )
        for obligation in known.obligations.get(grant.product, ())
    }
    return valid_periods(grant, known.obligations.get(grant.product, ()), completions)


def _within(periods: Sequence[CertifiedPeriod], held: Sequence[CertifiedPeriod]) -> bool:
    """Whether each of the periods lies within one of those held, none of which touches the next."""
    for period in periods:
        place = bisect_right(held, period.start, key=attrgetter("start"))
        end = held[place - 1].end if place else period.start
        if end is not None and (period.end is None or period.end > end):
            return False
    return True


def orders_without_effect(known: KnownFacts) -> Findings:
    """The revocations with nothing to end: no attempt and no recognition by then that an earlier one left (R37)."""
    for subject, revocations in known.revocations.items():
        instants = [fact.effective_at for fact in (*known.attempts(subject), *known.recognitions.get(subject, ()))]
        yield from revocations_without_effect(sorted(revocations, key=_in_order), sorted(instants))


_in_order: Final = attrgetter("effective_at", "position")
