"""Turns a call into a recorded fact: the caller, the key, and the answer."""

from collections.abc import Sequence
from datetime import datetime
from secrets import token_bytes
from typing import Annotated, Any, Final, Literal, NamedTuple, TypedDict
from uuid import uuid4

from fastapi import Depends, Header, Request, Response

from services.certification import record_fact
from services.certification.api.fields import KEY_PATTERN, Answer, CorrelationId, InstantAnswer
from services.certification.decision import RequestReceipt
from services.certification.domain.fact_report import FactReport, StatedScore
from services.certification.domain.stated_consultants import StatedConsultants
from services.certification.event_store.store import EventStore
from services.certification.personal_data import NO_TEXT, FreeText, PersonalData
from services.certification.record_consultants import Established, record_consultants
from services.web.bounded_places import Places
from services.web.event_broadcast import Broadcast
from services.web.input_parsing import duplicate_key_error, reject_duplicate_keys
from services.web.scopes import Caller, caller_of
from shared.events.facts import AttemptScored, PortalChangeCorrected, Reported, ScoreCorrected
from shared.rules.no_effect_reasons import EXPLANATIONS, NoEffect

SALT_BYTES: Final = 16

_DESCRIBED: Final = {
    404: "It does not exist",
    409: "Other content is already recorded",
    413: "Too long",
    422: "Malformed or not acceptable",
    503: "The database does not answer, or too many wait; the same call can be made again",
}


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that reads or writes the database, which can also be refused with these statuses."""
    return {status: {"description": _DESCRIBED[status]} for status in (*statuses, 422, 503)}


class WaitsFor(Answer):
    """The fact that a held fact waits for (R35).

    A score: its registration; its correction: the attempt, too. A correction of a portal change: the declaration (R38).
    """

    registration_id: str | None = None
    attempt: int | None = None
    portal_change_id: str | None = None


class NoEffectWarning(Answer):
    """Why a fact changes nothing now: one of the reasons of `/compliance/v1/facts-without-effect`, and its rule."""

    reason: NoEffect
    rule: str
    text: str


class Recorded(Answer):
    """A fact is recorded. `position`: the last one appended with it; `waits_for`: what a held fact waits for.

    `warnings`: why it changes nothing now, where that can be known at once. Without one it can still change nothing.
    """

    fact_id: str
    position: int
    recorded_at: InstantAnswer
    effective_at: InstantAnswer
    waits_for: WaitsFor | None = None
    warnings: list[NoEffectWarning] | None = None


ScoreOutcome = Literal["recorded", "corrected", "unchanged"]


class ScoreAnswer(Recorded):
    """`outcome`: whether the score was recorded, corrected, or known already; the rest is about the fact behind it."""

    outcome: ScoreOutcome


class Reporting(TypedDict):
    """How a route that records a fact is declared."""

    status_code: int
    response_model_exclude_none: bool
    responses: dict[int | str, dict[str, Any]]


def reporting(*statuses: int, held: bool = False) -> Reporting:
    """The declaration of a route that can also be refused with these statuses. `held`: its facts can wait (R35)."""
    responses: dict[int | str, dict[str, Any]] = {
        200: {"model": Recorded, "description": "Recorded before, the first answer again; `Idempotent-Replayed: true`"}
    }
    if held:
        responses[202] = {"model": Recorded, "description": "Recorded and held (R35)"}
    return Reporting(status_code=201, response_model_exclude_none=True, responses={**responses, **refusals(*statuses)})


REPORTING: Final = reporting()
REFUSALS: Final = refusals()


class Service(NamedTuple):
    """The services that the endpoints call. `sandbox`: the log can be emptied. `batches`: places for batches.

    `reader`: the log for what only reads, with a role that cannot append.
    """

    store: EventStore
    reader: EventStore
    feed: Broadcast
    personal_data: PersonalData
    products: tuple[str, ...]
    sandbox: bool
    batches: Places


async def service(request: Request) -> Service:
    """The dependencies of the endpoints of this application."""
    found: Service = request.app.state.service
    return found


TheService = Annotated[Service, Depends(service)]


class CommandRequest:
    """One call that reports a fact."""

    def __init__(
        self,
        service: Service,
        caller: Caller,
        response: Response,
        idempotency_key: str,
        correlation_id: str,
        content: bytes,
    ) -> None:
        self._service = service
        self._caller = caller
        self._response = response
        self._key = idempotency_key
        self._correlation_id = correlation_id
        self._content = content

    async def record(self, data: Reported, effective_at: datetime | None, free_text: FreeText = NO_TEXT) -> Recorded:
        """Records it and answers 201, 202 where it is held, 200 where it was recorded before (R34, R35)."""
        answer = await self._record(data, effective_at, free_text)
        if answer.replayed:
            self._response.headers["Idempotent-Replayed"] = "true"
        return recorded_answer(answer)

    async def state_score(self, stated: StatedScore, free_text: FreeText) -> ScoreAnswer:
        """Answers 201 or 202 where a fact was recorded, 200 where the score is known already."""
        answer = await self._record(stated, None, free_text)
        if answer.replayed:
            what: ScoreOutcome = "unchanged"
        else:
            what = "recorded" if isinstance(answer.fact.data, AttemptScored) else "corrected"
        return ScoreAnswer(**vars(recorded_answer(answer)), outcome=what)

    async def state_consultants(
        self, partner_id: str, consultant_ids: frozenset[str], as_of: datetime | None, *, dry_run: bool
    ) -> Established:
        """Answers 201 where facts were recorded, 200 where there was nothing to record, or only asked for."""
        stated = StatedConsultants(partner_id, consultant_ids, as_of, self._caller.name, self._correlation_id)
        receipt = RequestReceipt(self._caller.namespace, self._key, self._content)
        found = await record_consultants(self._service.store, stated, receipt, dry_run=dry_run)
        self._response.status_code = 201 if found.fact_ids else 200
        return found

    async def _record(
        self, data: Reported | StatedScore, effective_at: datetime | None, free_text: FreeText
    ) -> record_fact.Answer:
        report, receipt = self.report(data, effective_at, free_text)
        answer = await record_fact.record(self._service.store, self._service.products, report, receipt)
        self._response.status_code = 200 if answer.replayed else 202 if answer.held else 201
        return answer

    def report(
        self, data: Reported | StatedScore, effective_at: datetime | None, free_text: FreeText
    ) -> tuple[FactReport, RequestReceipt]:
        """The report that the call makes, and its receipt."""
        report = FactReport(str(uuid4()), data, effective_at, self._caller.name, self._correlation_id)
        return report, RequestReceipt(self._caller.namespace, self._key, self._content, free_text)


def recorded_answer(answer: record_fact.Answer) -> Recorded:
    """The body of the answer."""
    return Recorded(
        fact_id=answer.fact.fact_id,
        position=answer.position,
        recorded_at=answer.fact.recorded_at,
        effective_at=answer.fact.effective_at,
        waits_for=_waits_for(answer),
        warnings=None if answer.no_effect is None else [_warning(answer.no_effect)],
    )


def _warning(reason: NoEffect) -> NoEffectWarning:
    explanation = EXPLANATIONS[reason]
    return NoEffectWarning(reason=reason, rule=explanation.rule, text=explanation.text)


def free_text(text: str | None) -> FreeText:
    """The text with a new salt."""
    return NO_TEXT if text is None else FreeText(text, token_bytes(SALT_BYTES))


async def call(
    request: Request,
    response: Response,
    service: TheService,
    idempotency_key: Annotated[
        str, Header(pattern=KEY_PATTERN, description="One key is one fact (R34).", examples=["lms-score-88123"])
    ],
    x_correlation_id: Annotated[
        CorrelationId | None,
        Header(description="Your id for the conversation: a UUID, a ULID, a W3C traceparent, or hexadecimal digits."),
    ] = None,
) -> CommandRequest:
    """The call: its content is method, path and body as sent.

    Raises `RequestValidationError` if it has several keys, or several ids: nobody can tell which is meant.
    """
    content = await _content(request)
    return CommandRequest(service, caller_of(request), response, idempotency_key, x_correlation_id or "", content)


async def statement(
    request: Request,
    response: Response,
    service: TheService,
    x_correlation_id: Annotated[CorrelationId | None, Header()] = None,
) -> CommandRequest:
    """A call that states how something is. Repeating it changes nothing, so it needs no key of the caller's."""
    content = await _content(request, ("x-correlation-id",))
    return CommandRequest(service, caller_of(request), response, f"put-{uuid4()}", x_correlation_id or "", content)


async def _content(request: Request, names: Sequence[str] = ("idempotency-key", "x-correlation-id")) -> bytes:
    """Method, path and body. Raises `RequestValidationError` where a header of these names is given twice."""
    for name in names:
        if len(request.headers.getlist(name)) > 1:
            raise duplicate_key_error("header", name)
    return f"{request.method} {request.scope['path']}\n".encode() + await reject_duplicate_keys(request)


TheCall = Annotated[CommandRequest, Depends(call)]
TheStatement = Annotated[CommandRequest, Depends(statement)]


def _waits_for(answer: record_fact.Answer) -> WaitsFor | None:
    match answer.fact.data:
        case AttemptScored(registration_id) if answer.held:
            return WaitsFor(registration_id=registration_id)
        case ScoreCorrected(registration_id, attempt) if answer.held:
            return WaitsFor(registration_id=registration_id, attempt=attempt)
        case PortalChangeCorrected(portal_change_id) if answer.held:
            return WaitsFor(portal_change_id=portal_change_id)
        case _:
            return None
