"""Exam registrations, attempts and their scores."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Final

from fastapi import APIRouter, Query

from services.certification.api.command_request import (
    REFUSALS,
    Recorded,
    ScoreAnswer,
    TheCall,
    TheService,
    TheStatement,
    free_text,
    refusals,
    reporting,
)
from services.certification.api.fields import (
    Answer,
    AttemptInPath,
    AttemptNumber,
    FactBody,
    Id,
    Instant,
    InstantAnswer,
    NewestFirst,
    Score,
    Text,
)
from services.certification.domain.exam_registration import State, attempt_number, progress
from services.certification.domain.fact_report import StatedScore
from services.certification.domain.refusals import KnownInTheFuture, NotFound
from services.certification.event_store.store import EventStore
from services.certification.event_store.streams import registration_stream
from services.web.input_parsing import WHOLE_NUMBER, Body
from services.web.lists_as_csv import list_of
from services.web.scopes import Scope, requires
from services.web.sold_products import Product
from shared.events.envelope import Fact
from shared.events.facts import AttemptScored, ExamRegistered, ScoreCorrected
from shared.rules.scores import Attempt

LIMIT_MAX: Final = 100
LIMIT_DEFAULT: Final = 50

router = APIRouter(prefix="/certification/v1/exam-registrations", tags=["Exams"])


class Registration(FactBody):
    """Two attempts (R5). With a portal change they serve its maintenance assessment only (R25)."""

    registration_id: Id
    consultant_id: Id
    product: Product
    portal_change_id: Id | None = None


class AttemptScore(FactBody):
    """The score of attempt 1 or 2 (R5, R6)."""

    attempt: AttemptNumber
    score: Score


class Correction(FactBody):
    """The score as it should have been (R32). `reason` is kept apart from the fact, where it can be erased."""

    score: Score
    reason: Text


class ScoreStatement(Body):
    """The score of an attempt as it is now (R5, R6, R32).

    `scored_at`: when the attempt was made. It is read only if this call records the score; a correction leaves it as it
    is. `reason`: of a correction; it is kept apart from the fact, where it can be erased.
    """

    score: Score
    scored_at: Instant | None = None
    reason: Text | None = None


class AttemptAnswer(Answer):
    """An attempt that was made by then, with the score that decides (R32)."""

    attempt: int
    score: str
    passed: bool
    effective_at: InstantAnswer


class RegistrationAnswer(Answer):
    """How far a registration has come at `at`, judged from what was known at `known_at` (R7, R8, R31).

    `attempts`: those made by then whose scores are not voided. `attempts_left`: how many can still be scored (R33).
    """

    registration_id: str
    consultant_id: str
    product: str
    portal_change_id: str | None
    at: InstantAnswer
    known_at: InstantAnswer
    state: State
    attempts_left: int
    attempts: list[AttemptAnswer]


class RegistrationsAnswer(Answer):
    """One page, latest first; `next` is the `after` of the page that follows, null at the end."""

    registrations: list[RegistrationAnswer]
    next: int | None


@router.post("", **reporting(409))
@requires(Scope.FACTS)
async def register(body: Registration, call: TheCall) -> Recorded:
    """A consultant was registered for an exam and has two attempts (R5).

    After a void the id is free: the registration can be recorded again, for the same person or another (R33).
    """
    data = ExamRegistered(body.registration_id, body.consultant_id, body.product, body.portal_change_id)
    return await call.record(data, body.effective_at)


@router.post("/{registration_id}/attempts", **reporting(409, held=True))
@requires(Scope.FACTS)
async def score_attempt(registration_id: Id, body: AttemptScore, call: TheCall) -> Recorded:
    """An attempt was scored; held while its registration is not recorded, or voided (R33, R35)."""
    return await call.record(
        AttemptScored(registration_id, attempt_number(body.attempt), body.score), body.effective_at
    )


@router.post("/{registration_id}/attempts/{attempt}/corrections", **reporting(held=True))
@requires(Scope.FACTS)
async def correct_score(registration_id: Id, attempt: AttemptInPath, body: Correction, call: TheCall) -> Recorded:
    """The score of an attempt was wrong; held while its attempt is not recorded, or voided (R32, R33, R35)."""
    reason = free_text(body.reason)
    data = ScoreCorrected(registration_id, attempt_number(attempt), body.score, reason.hash)
    return await call.record(data, body.effective_at, reason)


@router.put(
    "/{registration_id}/attempts/{attempt}",
    status_code=200,
    response_model_exclude_none=True,
    responses={
        200: {"model": ScoreAnswer, "description": "The score is known already"},
        201: {"model": ScoreAnswer, "description": "The score was recorded, or corrected"},
        202: {"model": ScoreAnswer, "description": "The same, and held (R35)"},
        **REFUSALS,
    },
)
@requires(Scope.FACTS)
async def state_score(
    registration_id: Id, attempt: AttemptInPath, body: ScoreStatement, statement: TheStatement
) -> ScoreAnswer:
    """States the score of the attempt: it is recorded, corrected from now on, or known already (R32).

    So a full export can be sent every night. It needs no idempotency key: the same call again changes nothing.
    """
    reason = free_text(body.reason)
    stated = StatedScore(registration_id, attempt_number(attempt), body.score, body.scored_at, reason.hash)
    return await statement.state_score(stated, reason)


@router.get("", responses=REFUSALS)
@requires(Scope.READ)
@list_of("registrations", RegistrationAnswer, rows_max=LIMIT_MAX)
async def registrations(
    service: TheService,
    consultant_id: Annotated[Id, Query(description="Only those of this person.")],
    at: Instant | None = None,
    known_at: Instant | None = None,
    after: NewestFirst = None,
    limit: Annotated[
        int, Query(ge=1, le=LIMIT_MAX, description="How many registrations are looked at."), WHOLE_NUMBER
    ] = LIMIT_DEFAULT,
) -> RegistrationsAnswer:
    """How far each registration of a person has come, as of any instant; both default to now. Latest recorded first.

    A voided registration is left out (R33), so a page can be shorter than `limit`, or empty, although more follow.
    """
    at, known_at = await _moment(service.reader, at, known_at)
    page = await service.reader.registrations_of(consultant_id, after, limit, known_at)
    found = [answer for facts in page.streams if (answer := _answer(facts, at, known_at)) is not None]
    return RegistrationsAnswer(registrations=found, next=page.following)


@router.get("/{registration_id}", responses=refusals(404))
@requires(Scope.READ)
async def registration(
    registration_id: Id, service: TheService, at: Instant | None = None, known_at: Instant | None = None
) -> RegistrationAnswer:
    """How far a registration has come, as of any instant; both default to now. 404 while it is voided (R33)."""
    at, known_at = await _moment(service.reader, at, known_at)
    facts = await service.reader.stream(registration_stream(registration_id))
    found = _answer([fact for fact in facts if fact.recorded_at <= known_at], at, known_at)
    if found is None:
        raise NotFound(
            f"Registration {registration_id} was not recorded by then, or was voided and not recorded again."
        )
    return found


async def _moment(reader: EventStore, at: datetime | None, known_at: datetime | None) -> tuple[datetime, datetime]:
    """Both instants, once no fact can be recorded up to the second any more. Raises `KnownInTheFuture`."""
    now = await reader.now()
    at, known_at = at or now, known_at or now
    if known_at > now:
        raise KnownInTheFuture("known_at is in the future.")
    await reader.await_known(known_at)
    return at, known_at


def _answer(facts: Iterable[Fact], at: datetime, known_at: datetime) -> RegistrationAnswer | None:
    """The answer from the facts of the stream that were known then; None: no registration stands."""
    found = progress(facts, at)
    if found is None:
        return None
    return RegistrationAnswer(
        registration_id=found.registered.registration_id,
        consultant_id=found.registered.consultant_id,
        product=found.registered.product,
        portal_change_id=found.registered.portal_change_id,
        at=at,
        known_at=known_at,
        state=found.state,
        attempts_left=found.attempts_left,
        attempts=[_attempt(attempt, at) for attempt in found.attempts],
    )


def _attempt(attempt: Attempt, at: datetime) -> AttemptAnswer:
    deciding = attempt.deciding(at)
    return AttemptAnswer(
        attempt=attempt.number, score=deciding.value, passed=deciding.passes, effective_at=attempt.effective_at
    )
