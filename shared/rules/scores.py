"""What an attempt scored, and when it passes (R5, R6, R32)."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Final

import msgspec

from shared.events.envelope import Fact
from shared.events.facts import Attempt as AttemptNumber
from shared.events.facts import AttemptScored, Period, ScoreCorrected
from shared.rules.half_open_periods import facts_of

ATTEMPTS: Final[tuple[AttemptNumber, ...]] = (1, 2)
"""The numbers of the attempts that a registration grants (R5)."""

PASS_MARK: Final = Decimal(80)
"""Per cent; a score of exactly this passes (R6)."""

SCORE_MAX: Final = Decimal(100)


class Score(msgspec.Struct, frozen=True):
    """A score in force from an instant, and the fact that put it in force."""

    since: datetime
    value: str
    fact_id: str

    @property
    def passes(self) -> bool:
        """Whether it reaches the pass mark, compared as an exact decimal (R6)."""
        return Decimal(self.value) >= PASS_MARK


class Attempt(msgspec.Struct, frozen=True):
    """One attempt of a registration: its number, the fact that scored it and its scores in order of force.

    The first score is the reported one. Corrections follow by effective instant, at one instant in the
    order of recording (R35); one stamped before the attempt is in force from the attempt.
    """

    number: int
    scored: Fact
    scores: tuple[Score, ...]

    @property
    def effective_at(self) -> datetime:
        """When the attempt was made."""
        return self.scored.effective_at

    def deciding(self, instant: datetime) -> Score:
        """The score that decides at an instant not before the attempt: in force, or the latest where it helps (R32)."""
        in_force = [score for score in self.scores if score.since <= instant][-1]
        return in_force if in_force.passes else self.scores[-1] if self.scores[-1].passes else in_force

    def passing(self) -> tuple[Period, ...]:
        """When it passes: from the attempt on where the latest score does, else while a passing score is in force."""
        first, latest = self.scores[0], self.scores[-1]
        if latest.passes:
            return (Period(first.since, None, facts_of([first.fact_id, latest.fact_id])),)
        periods: list[Period] = []
        for score, following in zip(self.scores, self.scores[1:], strict=False):
            if not score.passes or score.since == following.since:
                continue
            if periods and periods[-1].end == score.since:
                periods[-1] = Period(periods[-1].start, following.since, periods[-1].start_facts, (following.fact_id,))
            else:
                started_by = facts_of([first.fact_id, score.fact_id])
                periods.append(Period(score.since, following.since, started_by, (following.fact_id,)))
        return tuple(periods)


def attempts_of(standing: Iterable[Fact]) -> dict[str, tuple[Attempt, ...]]:
    """The attempts of each registration in the order in which they were made (R7): effective instant, then number.

    `standing` are reported facts in log order without the voided ones. Corrections of an attempt whose score is
    not among them count nowhere yet (R35).
    """
    scored: list[tuple[AttemptScored, Fact]] = []
    corrected: dict[tuple[str, int], list[tuple[ScoreCorrected, Fact]]] = {}
    for fact in standing:
        match fact.data:
            case AttemptScored() as data:
                scored.append((data, fact))
            case ScoreCorrected() as data:
                corrected.setdefault((data.registration_id, data.attempt), []).append((data, fact))
            case _:
                pass
    attempts: dict[str, list[Attempt]] = {}
    for data, fact in scored:
        corrections = [
            Score(max(correction.effective_at, fact.effective_at), how.score, correction.fact_id)
            for how, correction in sorted(
                corrected.get((data.registration_id, data.attempt), ()),
                key=lambda correction: correction[1].effective_at,
            )
        ]
        scores = (Score(fact.effective_at, data.score, fact.fact_id), *corrections)
        attempts.setdefault(data.registration_id, []).append(Attempt(data.attempt, fact, scores))
    return {
        registration_id: tuple(sorted(made, key=lambda attempt: (attempt.effective_at, attempt.number)))
        for registration_id, made in attempts.items()
    }
