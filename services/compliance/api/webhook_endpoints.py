"""Webhook endpoints: registered, changed, set back to an earlier position, given new secrets."""

from collections.abc import Mapping
from datetime import datetime
from secrets import token_hex
from typing import Annotated, Final

import msgspec
from fastapi import APIRouter, Body, Depends, Request
from msgspec import UNSET, UnsetType
from starlette.responses import Response

from services.compliance.api.endpoint_call_headers import TheExpected, TheIdempotencyKey
from services.compliance.api.openapi import question_docs, response_docs
from services.compliance.api.problems import NotDeliverable, WebhooksOff
from services.compliance.api.query_params import Id, question_of
from services.compliance.api.service import Service, Webhooks, service_of
from services.compliance.api.webhook_fields import (
    ChangeBody,
    FilterBody,
    NothingBody,
    PageQuestion,
    RegistrationBody,
    ReplayBody,
)
from services.compliance.database import Connection
from services.compliance.webhooks.endpoints import idempotency, secrets, store
from services.compliance.webhooks.endpoints.store import Endpoint, EndpointPatch
from services.compliance.webhooks.filter_and_cursor import DisabledBecause, Filter, State
from services.compliance.webhooks.signing import public_text, secret_text
from services.compliance.webhooks.transport.urls import UnacceptableUrl, check_url
from services.web import event_feed
from services.web.input_parsing import reject_duplicate_keys
from services.web.lists_as_csv import list_of
from services.web.scopes import Scope, caller_of, requires
from services.web.sold_products import require_sold
from shared.events.compliance_events import TYPE_OF

PATH: Final = "/compliance/v1/webhook-endpoints"

PROBLEMS: Final[Mapping[int, str]] = {
    422: "Malformed or not acceptable; `parameter` names what is meant.",
    503: "Webhooks are off, or the database is away: see `Retry-After`.",
}
PROBLEMS_OF_ONE: Final = {404: "There is no such endpoint.", **PROBLEMS}
PROBLEMS_OF_CHANGES: Final = {412: "The endpoint is not what If-Match expects.", **PROBLEMS_OF_ONE}
PROBLEMS_OF_SECRETS: Final = {409: "The secrets of the endpoint do not allow it.", **PROBLEMS_OF_ONE}

Nothing = Annotated[NothingBody | None, Body()]


class Health(msgspec.Struct, frozen=True):
    """How far delivery to the endpoint has come, and whether it succeeds.

    `lag`: how many events lie between `position` and `head`, the end of the log, of the filter or not. `sequence`:
    the number of the last message of this `epoch`. `warned_hours`: hours of failure last warned of in the log.
    `parked`: messages kept back.
    """

    position: int
    head: int
    lag: int
    epoch: int
    sequence: int
    parked: int
    failing_since: datetime | None
    failures: int
    warned_hours: int | None
    next_attempt_at: datetime | None
    last_attempt_at: datetime | None
    last_delivered_at: datetime | None
    last_status: int | None
    last_error: str | None
    disabled_because: DisabledBecause | None


class EndpointAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """An endpoint. `filter`: null if it gets every event. Its secret is never shown again.

    `registered_by`, `changed_by`: the names of the keys that registered it, and last changed it or its secrets.

    `public_key`: verifies its `v1a` signatures; left out without `ed25519`, or where no key opens the private half.
    """

    endpoint_id: str
    url: str
    description: str
    filter: Filter | None
    batch_max: int
    heartbeat_seconds: int | None
    ed25519: bool
    state: State
    registered_at: datetime
    registered_by: str
    changed_by: str
    health: Health
    public_key: str | UnsetType = UNSET


class RegisteredAnswer(EndpointAnswer, frozen=True, kw_only=True):
    """A new endpoint, with its secret, which is shown only once.

    The same call again, with the same key, shows it too, as long as it signs.
    """

    secret: str | UnsetType = UNSET


class EndpointsAnswer(msgspec.Struct, frozen=True):
    """A page of endpoints. `next`: the `after` of the next page; null: there is none."""

    endpoints: tuple[EndpointAnswer, ...]
    next: str | None


class RotatedAnswer(msgspec.Struct, frozen=True):
    """The new secret, shown only once. `previous_expires_at`: the previous one signs until then; null: it is lost."""

    secret: str
    previous_expires_at: datetime | None
    public_key: str | UnsetType = UNSET


def webhooks_of(request: Request) -> Webhooks:
    """The dependencies of webhook endpoints. Raises `WebhooksOff` if there is no key."""
    webhooks = service_of(request).webhooks
    if webhooks is None:
        raise WebhooksOff(
            "The operator of this system sets SAGECERT_COMPLIANCE_WEBHOOK_KEYS to a JSON list with a key of 32 random "
            "bytes in URL-safe base64; make one with python -c "
            "'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())'."
        )
    return webhooks


TheWebhooks = Annotated[Webhooks, Depends(webhooks_of)]
router: Final = APIRouter(
    prefix=PATH, tags=["webhooks"], dependencies=[Depends(webhooks_of), Depends(reject_duplicate_keys)]
)


@router.post(
    "",
    status_code=201,
    responses={
        **response_docs(RegisteredAnswer, status=200, problems=PROBLEMS_OF_ONE),
        **response_docs(RegisteredAnswer, status=201, problems={}),
    },
)
@requires(Scope.ADMIN)
async def register(
    request: Request, body: RegistrationBody, webhooks: TheWebhooks, idempotency_key: TheIdempotencyKey
) -> Response:
    """Registers an endpoint. It gets every compliance event that passes its filter, in order, from `start` on.

    The same call again, with the same `Idempotency-Key` within seven days, is answered with 200 and
    `Idempotent-Replayed: true`. The answer is the endpoint as it is now, with the same secret, or 404 if it was deleted
    since.
    """
    service, caller = service_of(request), caller_of(request)
    endpoint_id = f"wh_{token_hex(12)}"
    wanted = EndpointPatch(
        url=_url(webhooks, body.url),
        description=body.description,
        filter=_filter(service, body.filter),
        batch_max=body.batch_max,
        heartbeat_seconds=body.heartbeat_seconds,
    )
    content = f"POST {PATH}\n".encode() + await request.body()
    async with service.owners_connection() as connection, connection.transaction():
        if idempotency_key is not None:
            earlier_id = await idempotency.claim_key(
                connection, caller.namespace, idempotency_key, content, endpoint_id
            )
            if earlier_id != endpoint_id:
                return await _registered_before(connection, earlier_id, webhooks)
        place = None if body.start is None else body.start.place
        position = await store.resolve_start(connection, place, "start")
        await store.insert_endpoint(connection, endpoint_id, wanted, position, caller.name)
        new = await secrets.create_secret(connection, endpoint_id, webhooks.sealer, ed25519=body.ed25519)
        found = await store.find_endpoint(connection, endpoint_id)
    return _registered_answer(found, new.secret, webhooks, 201)


async def _registered_before(connection: Connection, endpoint_id: str, webhooks: Webhooks) -> Response:
    found = await store.find_endpoint(connection, endpoint_id)
    secret = await secrets.find_first(connection, endpoint_id, webhooks.sealer)
    response = _registered_answer(found, secret, webhooks, 200)
    response.headers["Idempotent-Replayed"] = "true"
    return response


def _registered_answer(found: Endpoint, secret: bytes | None, webhooks: Webhooks, status: int) -> Response:
    shown = UNSET if secret is None else secret_text(secret)
    answer = RegisteredAnswer(**msgspec.structs.asdict(endpoint_answer(found, webhooks)), secret=shown)
    return json_answer(answer, status, found.tag)


@router.get("", **question_docs(PageQuestion, EndpointsAnswer, problems=PROBLEMS))
@requires(Scope.ADMIN)
@list_of("endpoints", EndpointAnswer)
async def endpoints(request: Request, webhooks: TheWebhooks) -> Response:
    """The endpoints in order of their ids."""
    question = question_of(request, PageQuestion)
    async with service_of(request).owners_connection() as connection:
        found, more = await store.list_endpoints(connection, question.after, question.limit)
    following = found[-1].endpoint_id if more else None
    return json_answer(EndpointsAnswer(tuple(endpoint_answer(endpoint, webhooks) for endpoint in found), following))


@router.get("/{endpoint_id}", responses=response_docs(EndpointAnswer, problems=PROBLEMS_OF_CHANGES))
@requires(Scope.ADMIN)
async def endpoint(request: Request, endpoint_id: Id, webhooks: TheWebhooks, expected: TheExpected) -> Response:
    """An endpoint with its health. Its `ETag` names the settings, secrets and state, not the health."""
    async with service_of(request).owners_connection() as connection:
        found = await store.find_endpoint(connection, endpoint_id)
    found.refuse_unless(expected)
    return json_answer(endpoint_answer(found, webhooks), 200, found.tag)


@router.patch("/{endpoint_id}", responses=response_docs(EndpointAnswer, problems=PROBLEMS_OF_CHANGES))
@requires(Scope.ADMIN)
async def change(
    request: Request, endpoint_id: Id, body: ChangeBody, webhooks: TheWebhooks, expected: TheExpected
) -> Response:
    """Changes what the body names; a member that is named is replaced whole.

    Another filter takes effect at the cursor and begins a new epoch. `state: active` resumes at the cursor, also where
    the endpoint had been disabled: nothing was lost.
    """
    service = service_of(request)
    said = {name: getattr(body, name) for name in body.model_fields_set}
    if "url" in said:
        said["url"] = _url(webhooks, body.url)
    if "filter" in said:
        said["filter"] = _filter(service, body.filter)
    changed = await store.change_endpoint(
        service.owners_pool, endpoint_id, caller_of(request).name, EndpointPatch(**said), expected
    )
    return json_answer(endpoint_answer(changed, webhooks), 200, changed.tag)


@router.delete(
    "/{endpoint_id}", status_code=204, responses=response_docs(None, status=204, problems=PROBLEMS_OF_CHANGES)
)
@requires(Scope.ADMIN)
async def delete(request: Request, endpoint_id: Id, expected: TheExpected) -> Response:
    """Deletes the endpoint and everything about it."""
    await store.delete_endpoint(service_of(request).owners_pool, endpoint_id, caller_of(request).name, expected)
    return Response(status_code=204)


@router.post(
    "/{endpoint_id}/secret-rotations",
    status_code=201,
    responses=response_docs(RotatedAnswer, status=201, problems={**PROBLEMS_OF_CHANGES, **PROBLEMS_OF_SECRETS}),
)
@requires(Scope.ADMIN)
async def rotate_secret(
    request: Request, endpoint_id: Id, webhooks: TheWebhooks, expected: TheExpected, _body: Nothing = None
) -> Response:
    """Creates a new secret, and a new key pair if there is one; the present ones also sign for another 24 hours."""
    rotated = await secrets.rotate_secret(
        service_of(request).owners_pool, endpoint_id, caller_of(request).name, webhooks.sealer, expected
    )
    public_key = UNSET if rotated.new.seed is None else public_text(rotated.new.seed)
    return json_answer(RotatedAnswer(secret_text(rotated.new.secret), rotated.previous_expires_at, public_key), 201)


@router.post(
    "/{endpoint_id}/replays",
    status_code=202,
    responses=response_docs(EndpointAnswer, status=202, problems=PROBLEMS_OF_CHANGES),
)
@requires(Scope.ADMIN)
async def replay(
    request: Request, endpoint_id: Id, body: ReplayBody, webhooks: TheWebhooks, expected: TheExpected
) -> Response:
    """Sends every event from a place on again, with the same ids, in a new epoch; then continues with later events."""
    found = await store.replay_endpoint(
        service_of(request).owners_pool, endpoint_id, caller_of(request).name, body.from_.place, expected
    )
    return json_answer(endpoint_answer(found, webhooks), 202, found.tag)


def endpoint_answer(found: Endpoint, webhooks: Webhooks) -> EndpointAnswer:
    """The endpoint as it is shown."""
    told = msgspec.structs.asdict(found)
    filtered = told.pop("filter")
    seed = None if found.key_pair is None else webhooks.sealer.open(found.key_pair)
    told |= {"ed25519": found.key_pair is not None, "public_key": UNSET if seed is None else public_text(seed)}
    told |= {"lag": found.head - found.position, "warned_hours": found.warned_hours or None}
    health = Health(**{name: told[name] for name in Health.__struct_fields__})
    shown = {name: told[name] for name in EndpointAnswer.__struct_fields__ if name in told}
    return EndpointAnswer(**shown, filter=None if filtered == Filter() else filtered, health=health)


def json_answer(answer: object, status: int = 200, tag: str | None = None) -> Response:
    """The answer as JSON, with the entity tag of the endpoint that it shows."""
    headers = None if tag is None else {"ETag": tag}
    return Response(msgspec.json.encode(answer), status, headers, media_type="application/json")


def _url(webhooks: Webhooks, url: str) -> str:
    try:
        return check_url(url, plain_http=webhooks.plain_http, networks=webhooks.networks)
    except UnacceptableUrl as refused:
        why = str(refused)
        raise NotDeliverable(f"{why[0].upper()}{why[1:]}.", "url") from None


def _filter(service: Service, body: FilterBody | None) -> Filter:
    if body is None:
        return Filter()
    types = None if body.types is None else event_feed.full_types(body.types, list(TYPE_OF.values()), "filter.types")
    require_sold(body.products or (), service.parameters.products, "filter.products")
    of_types, of_partners, of_products = (
        None if listed is None else tuple(sorted(set(listed))) for listed in (types, body.partner_ids, body.products)
    )
    return Filter(of_types, of_partners, of_products, body.history)
