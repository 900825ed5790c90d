"""An exam registration: two attempts, each with one score that can be corrected (R5, R34, R35)."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Literal, assert_never

import msgspec

from services.certification.refusals import (
    AnotherScoreRecorded,
    DatedInTheFuture,
    NoSuchAttempt,
    NoSuchScore,
    OtherContentRecorded,
)
from services.certification.report import Recorded, Repeated, Report
from services.certification.rules.attempts import ATTEMPTS, SCORE_MAX, Attempt, attempts_of
from services.certification.standing import standing
from shared.events.envelope import Fact
from shared.events.facts import Attempt as AttemptNumber
from shared.events.facts import AttemptScored, ExamRegistered, FactData, ScoreCorrected

AboutRegistration = ExamRegistered | AttemptScored | ScoreCorrected
"""What can be reported of an exam registration."""


class ExamRegistration(msgspec.Struct, frozen=True):
    """What was recorded of a registration, voided or not: an id and a score are used once, for ever (R34)."""

    registered: Fact | None = None
    scored: Mapping[int, Fact] = {}

    @property
    def consultant_id(self) -> str | None:
        """Whose registration it is; None until it is itself recorded."""
        match self.registered:
            case Fact(data=ExamRegistered(consultant_id=consultant_id)):
                return consultant_id
            case _:
                return None


def decide(
    registration: ExamRegistration, report: Report, data: AboutRegistration, now: datetime
) -> Recorded | Repeated:
    """Records or holds what is new, recognises what was recorded before.

    Raises `OtherContentRecorded`, `AnotherScoreRecorded` (R34), `NoSuchScore` (R6) and `DatedInTheFuture` (R36).
    """
    known = registration.registered
    match data:
        case ExamRegistered(registration_id):
            if known is None:
                return Recorded(report.fact(now))
            if report.repeats(known):
                return Repeated(known)
            raise OtherContentRecorded(f"Registration {registration_id} is already recorded with other content.")
        case AttemptScored(registration_id, attempt, score):
            _check(score)
            scored = registration.scored.get(attempt)
            if scored is None:
                return Recorded(report.fact(now), held=known is None)
            if _same_score(scored.data, score):
                return Repeated(scored)
            raise AnotherScoreRecorded(
                f"Attempt {attempt} of registration {registration_id} already has another score. A score that was "
                "wrong is corrected; one that was voided stays void: register again."
            )
        case ScoreCorrected(_, attempt, score):
            _check(score)
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
        case _:
            return registration


def attempt_number(number: int) -> AttemptNumber:
    """The number as that of an attempt. Raises `NoSuchAttempt` (R5)."""
    for attempt in ATTEMPTS:
        if number == attempt:
            return attempt
    raise NoSuchAttempt(f"A registration has the attempts 1 and 2; there is no attempt {number}.")


def _check(score: str) -> None:
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
    voided: bool


def progress(facts: Sequence[Fact], at: datetime) -> Progress | None:
    """What the facts of a registration's stream amount to at an instant; None while it is not itself recorded."""
    registered = next((fact for fact in facts if isinstance(fact.data, ExamRegistered)), None)
    if registered is None or not isinstance(registered.data, ExamRegistered):
        return None
    valid = standing(facts)
    attempts = tuple(
        attempt for attempt in attempts_of(registered.data.registration_id, valid) if attempt.effective_at <= at
    )
    if any(attempt.deciding(at).passes for attempt in attempts):
        state: State = "passed"
    elif len(attempts) == len(ATTEMPTS):
        state = "exhausted"
    else:
        state = "open"
    left = 0 if state == "passed" else len(ATTEMPTS) - len(attempts)
    return Progress(registered.data, state, left, attempts, registered not in valid)
