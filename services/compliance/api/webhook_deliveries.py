"""What is sent to a webhook endpoint: attempts, tests, resends, retries, what would be sent, what is parked."""

from typing import Annotated, Final

import msgspec
from fastapi import APIRouter, Body, Depends, Request
from starlette.responses import Response

from services.compliance.api.endpoint_call_headers import TheExpected
from services.compliance.api.openapi import question_docs, response_docs
from services.compliance.api.query_params import Id, question_of
from services.compliance.api.service import Webhooks, service_of
from services.compliance.api.webhook_endpoints import (
    PATH,
    PROBLEMS_OF_CHANGES,
    PROBLEMS_OF_ONE,
    PROBLEMS_OF_SECRETS,
    EndpointAnswer,
    Nothing,
    TheWebhooks,
    endpoint_answer,
    json_answer,
    webhooks_of,
)
from services.compliance.api.webhook_fields import AttemptsQuestion, DryRunBody, ParkedQuestion, ReleaseBody, ResendBody
from services.compliance.webhooks.delivery import parking
from services.compliance.webhooks.delivery.parking import Parked
from services.compliance.webhooks.endpoints import attempt_log, dry_run, store
from services.compliance.webhooks.endpoints.attempt_log import Attempt
from services.compliance.webhooks.endpoints.requested_messages import Sending, resend_event, send_test_event
from services.compliance.webhooks.outcome import Outcome
from services.web.input_parsing import reject_duplicate_keys
from services.web.lists_as_csv import list_of
from services.web.scopes import Scope, caller_of, requires

router: Final = APIRouter(
    prefix=f"{PATH}/{{endpoint_id}}",
    tags=["webhooks"],
    dependencies=[Depends(webhooks_of), Depends(reject_duplicate_keys)],
)

PROBLEMS_OF_RESENDS: Final = {
    404: "There is no such endpoint, or no such event.",
    409: "The endpoint is still to get the event, or its filter leaves it out, or its secrets do not allow it.",
}
_NOT_ACTIVE: Final = "The endpoint is paused or disabled."


class AttemptsAnswer(msgspec.Struct, frozen=True):
    """A page of attempts, the newest first. `next`: the `after` of the next page; null: there is none."""

    attempts: tuple[Attempt, ...]
    next: int | None


class ParkedAnswer(msgspec.Struct, frozen=True):
    """A page of parked messages. `next`: the `after` of the next page; null: there is none."""

    parked: tuple[Parked, ...]
    next: str | None


class ReleaseAnswer(msgspec.Struct, frozen=True):
    """How many messages were released."""

    released: int


class SentAnswer(msgspec.Struct, frozen=True):
    """The outcome of sending a message. `error`: why there is no status, or why it does not count."""

    delivered: bool
    status: int | None
    duration_ms: int
    error: str | None
    reply: str


class DryRunAnswer(msgspec.Struct, frozen=True):
    """What would be sent. `position`: the last one looked at; `next`: where to go on; null: the log ends there."""

    messages: tuple[msgspec.Raw, ...]
    position: int
    next: int | None


@router.post("/tests", responses=response_docs(SentAnswer, problems=PROBLEMS_OF_SECRETS))
@requires(Scope.ADMIN)
async def try_endpoint(request: Request, endpoint_id: Id, webhooks: TheWebhooks, _body: Nothing = None) -> Response:
    """Sends one signed test message, also to an endpoint that is paused or disabled, and returns the outcome."""
    return _sent(await send_test_event(await _sending(request, webhooks), endpoint_id))


@router.post("/resends", responses=response_docs(SentAnswer, problems={**PROBLEMS_OF_SECRETS, **PROBLEMS_OF_RESENDS}))
@requires(Scope.ADMIN)
async def resend(request: Request, endpoint_id: Id, body: ResendBody, webhooks: TheWebhooks) -> Response:
    """Sends again, at once and under the same id, an event that the endpoint already got. Returns the outcome.

    The message has `resend` and no number; nothing is moved, also where it fails.
    """
    return _sent(await resend_event(await _sending(request, webhooks), endpoint_id, body.event_id))


@router.post(
    "/retries",
    status_code=202,
    responses=response_docs(EndpointAnswer, status=202, problems={**PROBLEMS_OF_CHANGES, 409: _NOT_ACTIVE}),
)
@requires(Scope.ADMIN)
async def retry(
    request: Request, endpoint_id: Id, webhooks: TheWebhooks, expected: TheExpected, _body: Nothing = None
) -> Response:
    """Retries a failed message at once; if it fails again, the wait is as long as it would have been."""
    found = await store.retry_endpoint(service_of(request).owners_pool, endpoint_id, caller_of(request).name, expected)
    return json_answer(endpoint_answer(found, webhooks), 202, found.tag)


@router.post("/dry-runs", responses=response_docs(DryRunAnswer, problems=PROBLEMS_OF_ONE))
@requires(Scope.ADMIN)
async def run_dry(request: Request, endpoint_id: Id, body: Annotated[DryRunBody | None, Body()] = None) -> Response:
    """What a replay from there would send first, or (without `from`) the next messages; nothing is sent or changed."""
    asked = body or DryRunBody()
    async with service_of(request).owners_connection() as connection:
        if asked.from_ is None:
            found = await dry_run.preview_next(connection, endpoint_id, asked.limit)
        else:
            found = await dry_run.preview_replay(connection, endpoint_id, asked.from_.place, asked.limit)
    messages = tuple(msgspec.Raw(message.body) for message in found.messages)
    following = found.position if found.position < found.head else None
    return json_answer(DryRunAnswer(messages, found.position, following))


@router.get("/attempts", **question_docs(AttemptsQuestion, AttemptsAnswer, problems=PROBLEMS_OF_ONE))
@requires(Scope.ADMIN)
@list_of("attempts", Attempt)
async def attempts(request: Request, endpoint_id: Id) -> Response:
    """The latest requests to the endpoint and their replies, the newest first."""
    question = question_of(request, AttemptsQuestion)
    async with service_of(request).owners_connection() as connection:
        found = await attempt_log.list_attempts(connection, endpoint_id, question.after, question.limit)
    following = found[-1].number if len(found) == question.limit else None
    return json_answer(AttemptsAnswer(tuple(found), following))


@router.get("/parked", **question_docs(ParkedQuestion, ParkedAnswer, problems=PROBLEMS_OF_ONE))
@requires(Scope.ADMIN)
@list_of("parked", Parked)
async def parked(request: Request, endpoint_id: Id) -> Response:
    """The messages that this endpoint alone rejected for a day, and the later ones of their partners."""
    question = question_of(request, ParkedQuestion)
    epoch, sequence = map(int, question.after.split("~"))
    async with service_of(request).owners_connection() as connection:
        found = await parking.list_parked(connection, endpoint_id, (epoch, sequence), question.limit)
    following = f"{found[-1].epoch}~{found[-1].sequence}" if len(found) == question.limit else None
    return json_answer(ParkedAnswer(tuple(found), following))


@router.post(
    "/releases", status_code=202, responses=response_docs(ReleaseAnswer, status=202, problems=PROBLEMS_OF_CHANGES)
)
@requires(Scope.ADMIN)
async def release(
    request: Request, endpoint_id: Id, expected: TheExpected, body: Annotated[ReleaseBody | None, Body()] = None
) -> Response:
    """Sends parked messages before all others and in order: those of one partner, or all."""
    partner_id = None if body is None else body.partner_id
    released = await parking.release_parked(
        service_of(request).owners_pool, endpoint_id, caller_of(request).name, partner_id, expected
    )
    return json_answer(ReleaseAnswer(released), 202)


async def _sending(request: Request, webhooks: Webhooks) -> Sending:
    pool = service_of(request).owners_pool
    return Sending(pool, webhooks.sealer, await webhooks.sender(), webhooks.clock)


def _sent(outcome: Outcome) -> Response:
    reply = outcome.reply.decode("utf-8", "replace")
    return json_answer(SentAnswer(outcome.delivered, outcome.status, outcome.duration_ms, outcome.error, reply))
