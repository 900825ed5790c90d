"""An exam registration: two attempts, each with one score that can be corrected or voided (R5, R33, R34, R35)."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Literal, assert_never

import msgspec

from services.certification.domain.fact_report import FactReport, Recorded, Repeated
from services.certification.domain.refusals import (
    AnotherScoreRecorded,
    DatedInTheFuture,
    NoSuchAttempt,
    NoSuchScore,
    OtherContentRecorded,
)
from services.certification.domain.void import standing
from shared.events.envelope import Fact
from shared.events.facts import AboutRegistration, AttemptScored, ExamRegistered, FactData, FactVoided, ScoreCorrected
from shared.events.facts import Attempt as AttemptNumber
from shared.rules.scores import ATTEMPTS, SCORE_MAX, Attempt, attempts_of


class ExamRegistration(msgspec.Struct, frozen=True):
    """The facts of a registration that are recorded and not voided; a void leaves its place free (R33, R34)."""

    registered: Fact | None = None
    scored: Mapping[int, Fact] = {}

    @property
    def consultant_id(self) -> str | None:
        """Whose registration it is; None while it is not recorded, or voided."""
        match self.registered:
            case Fact(data=ExamRegistered(consultant_id=consultant_id)):
                return consultant_id
            case _:
                return None


def decide(
    registration: ExamRegistration, report: FactReport, data: AboutRegistration, now: datetime
) -> Recorded | Repeated:
    """Records what is new, holds what waits for its registration or attempt, recognises what was recorded before.

    Raises `OtherContentRecorded`, `AnotherScoreRecorded` (R34), `NoSuchScore` (R6) and `DatedInTheFuture` (R36).
    """
    known = registration.registered
    match data:
        case ExamRegistered(registration_id):
            if known is None:
                return Recorded(report.fact(now))
            if report.repeats(known):
                return Repeated(known)
            detail = f"Registration {registration_id} is already recorded with other content."
            raise OtherContentRecorded(detail, recorded=known)
        case AttemptScored(registration_id, attempt, score):
            check_score(score)
            scored = registration.scored.get(attempt)
            if scored is None:
                return Recorded(report.fact(now), held=known is None)
            if _same_score(scored.data, score):
                return Repeated(scored)
            raise AnotherScoreRecorded(
                f"Attempt {attempt} of registration {registration_id} already has another score. A score that was "
                "wrong is corrected; one that was recorded in error is voided, and then the attempt is scored again.",
                recorded=scored,
            )
        case ScoreCorrected(_, attempt, score):
            check_score(score)
            if report.effective_at is not None and report.effective_at > now:
                raise DatedInTheFuture("A correction cannot take effect in the future.")
            return Recorded(report.fact(now), held=known is None or attempt not in registration.scored)
        case _:
            assert_never(data)


def evolve(registration: ExamRegistration, fact: Fact) -> ExamRegistration:
    """The registration after a fact of its stream."""
    match fact.data:
        case ExamRegistered():
            return ExamRegistration(fact, registration.scored)
        case AttemptScored(_, attempt):
            return ExamRegistration(registration.registered, {**registration.scored, attempt: fact})
        case FactVoided(fact_id):
            registered = registration.registered
            return ExamRegistration(
                None if registered is not None and registered.fact_id == fact_id else registered,
                {attempt: scored for attempt, scored in registration.scored.items() if scored.fact_id != fact_id},
            )
        case _:
            return registration


def attempt_number(number: int) -> AttemptNumber:
    """The number as that of an attempt. Raises `NoSuchAttempt` (R5)."""
    for attempt in ATTEMPTS:
        if number == attempt:
            return attempt
    raise NoSuchAttempt(f"A registration has the attempts 1 and 2; there is no attempt {number}.")


def check_score(score: str) -> None:
    """Raises `NoSuchScore` (R6)."""
    if Decimal(score) > SCORE_MAX:
        raise NoSuchScore(f"A score is at most {SCORE_MAX} per cent; {score} is above it.")


def _same_score(recorded: FactData, score: str) -> bool:
    return isinstance(recorded, AttemptScored) and Decimal(recorded.score) == Decimal(score)


State = Literal["open", "passed", "exhausted"]


class Progress(msgspec.Struct, frozen=True):
    """How far a registration has come at an instant.

    `attempts`: the attempts made by then, in the order in which they were made; a passed registration has no
    attempt left (R7), one that failed twice is exhausted (R8).
    """

    registered: ExamRegistered
    state: State
    attempts_left: int
    attempts: tuple[Attempt, ...]


def progress(facts: Iterable[Fact], at: datetime) -> Progress | None:
    """The state of a registration at an instant, from the facts of its stream.

    None while no registration stands: none was recorded by then, or the last one is voided (R33).
    """
    valid = standing(facts)
    registered = next((fact.data for fact in valid if isinstance(fact.data, ExamRegistered)), None)
    if registered is None:
        return None
    attempts = tuple(
        attempt for attempt in attempts_of(valid).get(registered.registration_id, ()) if attempt.effective_at <= at
    )
    if any(attempt.deciding(at).passes for attempt in attempts):
        state: State = "passed"
    elif len(attempts) == len(ATTEMPTS):
        state = "exhausted"
    else:
        state = "open"
    left = 0 if state == "passed" else len(ATTEMPTS) - len(attempts)
    return Progress(registered, state, left, attempts)
