"""Scores and corrections of one registration: which changed nothing (R7, R32, R35).

Whether a score passes is certification's to say: what its decisions state is taken from them.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from operator import attrgetter
from typing import Final, NamedTuple

from shared.events.envelope import Fact
from shared.events.facts import AttemptScored, ExamRegistered, GrantStatement, ScoreCorrected
from shared.rules.no_effect_reasons import Findings


class _InForce(NamedTuple):
    """A score of an attempt, in force from `since` until the next."""

    since: datetime
    fact: Fact
    score: Decimal


def exams_without_effect(
    registered: Fact | None, scores: Sequence[Fact], corrections: Sequence[Fact], grants: Mapping[str, GrantStatement]
) -> Findings:
    """The scores and corrections of a registration that changed nothing.

    `registered`: what stands under its id; None: nothing does. `grants`: by id, the last statement of each.
    """
    if registered is None:
        yield from ((fact, "waits_for_registration") for fact in (*scores, *corrections))
        return
    corrected: dict[int, list[Fact]] = {}
    for fact in corrections:
        assert isinstance(fact.data, ScoreCorrected)
        corrected.setdefault(fact.data.attempt, []).append(fact)
    passed = False
    for scored in sorted(scores, key=_made):
        assert isinstance(scored.data, AttemptScored)
        own = corrected.pop(scored.data.attempt, [])
        if passed:
            yield from ((fact, "already_passed") for fact in (scored, *own))
        else:
            yield from _of_attempt(scored, own)
        passed = passed or (_for_certification(registered) and _passes_for_ever(grants.get(scored.fact_id)))
    yield from ((fact, "waits_for_score") for facts in corrected.values() for fact in facts)


def _of_attempt(scored: Fact, corrections: Sequence[Fact]) -> Findings:
    """The corrections of an attempt that never decided anything (R32): in force for no time, or with the same score."""
    line = [_in_force(fact, scored) for fact in (scored, *sorted(corrections, key=_effective_at))]
    instead: set[Decimal] = set()
    for score, following in zip(line, (*line[1:], None), strict=True):
        if score.fact is not scored and instead <= {score.score}:
            yield score.fact, "score_unchanged"
        elif score.fact is not scored and following is not None and score.since == following.since:
            yield score.fact, "overruled"
        if following is not None and score.since != following.since:
            instead.clear()
        instead.add(score.score)


def _in_force(fact: Fact, scored: Fact) -> _InForce:
    """One stamped before the attempt is in force from the attempt."""
    assert isinstance(fact.data, AttemptScored | ScoreCorrected)
    return _InForce(max(fact.effective_at, scored.effective_at), fact, Decimal(fact.data.score))


def _for_certification(registered: Fact) -> bool:
    return isinstance(registered.data, ExamRegistered) and registered.data.portal_change_id is None


def _passes_for_ever(grant: GrantStatement | None) -> bool:
    """Whether the attempt that gives the grant passes at every later instant: then no later attempt grants (R7)."""
    return grant is not None and bool(grant.periods) and grant.periods[-1].end is None


def _made(scored: Fact) -> tuple[datetime, int]:
    return scored.effective_at, getattr(scored.data, "attempt", 0)


_effective_at: Final = attrgetter("effective_at")
