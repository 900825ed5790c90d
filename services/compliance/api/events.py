"""The log of compliance events as a feed: CloudEvents in batches or as a stream, in the order of positions."""

from typing import Annotated, Any, Final, Literal

import msgspec
from fastapi import APIRouter, Request
from starlette.responses import Response

from services.compliance.api.openapi import LIST_PROBLEMS, query_parameters, response_docs
from services.compliance.api.query_params import Id, question_of
from services.compliance.api.service import CONNECTION_SECONDS_MAX, service_of
from services.compliance.cloud_event import CloudEvent, cloud_event
from services.compliance.database import Pool
from services.compliance.historical_answers.as_of import AsOf, moment_of
from services.compliance.historical_answers.questions import (
    ABOUT_PARTNERS,
    LIMIT,
    TYPES,
    AsOfQuestion,
    QueryParameter,
    Question,
)
from services.compliance.read_model.event_log import EventFilter, LoggedEvent, find_event, read_events
from services.compliance.refusals import InvalidQuery, NeverMentioned
from services.web import event_feed
from services.web.event_broadcast import Read
from services.web.feed_events import LIMIT_DEFAULT, Event, FeedRead, Filter
from services.web.scopes import Scope, requires
from shared.events.compliance_events import TYPE_OF

router: Final = APIRouter(tags=["events"])


class EventsQuestion(AsOfQuestion, frozen=True, kw_only=True):
    """Which compliance events, and how long to wait for one. `after` None: from now on."""

    after: Annotated[int | None, QueryParameter(event_feed.FEED_START, "feed start")] = 0
    limit: Annotated[int, LIMIT] = LIMIT_DEFAULT
    timeout: Annotated[
        float,
        QueryParameter(
            "Seconds to wait for a first event where there is none.",
            "number",
            least=0,
            most=event_feed.TIMEOUT_SECONDS_MAX,
        ),
    ] = 0
    type: Annotated[tuple[str, ...], TYPES] = ()
    partner_id: Annotated[tuple[str, ...], ABOUT_PARTNERS] = ()
    product: Annotated[tuple[str, ...], QueryParameter("Only about these.", "product")] = ()
    history: Annotated[
        Literal["false"] | None, QueryParameter("`false`: without what follows from facts that were loaded afterwards.")
    ] = None


_LAST_EVENT_ID: Final = {
    "name": "Last-Event-ID",
    "in": "header",
    "required": False,
    "description": "Of a stream: the position to go on after, instead of `after`.",
    "schema": {"type": "string"},
}


class CloudEventsResponse(Response):
    """A CloudEvents batch."""

    media_type = event_feed.MEDIA_TYPE


def _documented() -> dict[str, Any]:
    asked = query_parameters(EventsQuestion)
    return {**asked, "parameters": [*asked["parameters"], _LAST_EVENT_ID]}


def _answered() -> dict[int | str, dict[str, Any]]:
    answered = response_docs(list[CloudEvent], event_feed.MEDIA_TYPE, problems=LIST_PROBLEMS)
    answered[200]["content"][event_feed.STREAM_MEDIA_TYPE] = event_feed.STREAMED
    return {**answered, 304: {"description": "The page is still the one that If-None-Match names."}}


@router.get(
    "/compliance/v1/events", response_class=CloudEventsResponse, openapi_extra=_documented(), responses=_answered()
)
@requires(Scope.READ)
async def events(request: Request) -> Response:
    """The events after a position, in order, at most `limit`; waits up to `timeout` seconds while there are none.

    A page may hold fewer, even none, although more follow: `Link` says where to go on. With `Accept: text/event-stream`
    the same without an end. With `at` only those effective by then; with `known_at` or `known_position` only those
    derived from what was known then.
    """
    question = question_of(request, EventsQuestion)
    service = service_of(request)
    types = event_feed.full_types(question.type, list(TYPE_OF.values()))
    streamed = event_feed.asks_for_stream(request)
    if streamed and not question.live:
        raise InvalidQuery("A stream continues from now: use at, known_at and known_position with pages.")
    moment = None
    await service.applied(question)
    if not question.live:
        moment = await service.wait_for_position(
            question, lambda connection: moment_of(connection, question.moment, service.parameters)
        )
    which = Filter(
        frozenset(types),
        frozenset(question.partner_id),
        frozenset(question.product),
        _until(question, moment),
        history=question.history is None,
    )
    last_event_id = request.headers.get("last-event-id") if streamed else None
    after = await event_feed.start_of(service.feed, question.after, last_event_id)
    if streamed:
        return event_feed.stream(request, service.feed, which, after)
    page = await event_feed.first_page(request, service.feed, which, after, question.limit, question.timeout)
    plain = question.live and question.min_position is None and question.after is not None
    immutable = len(page.events) == question.limit and plain and not service.sandbox
    return event_feed.answer(request, page, immutable=immutable)


@router.get("/compliance/v1/events/{event_id}", responses=response_docs(CloudEvent))
@requires(Scope.READ)
async def event(request: Request, event_id: Id) -> Response:
    """The event of this id, as it was published."""
    question_of(request, Question)
    async with service_of(request).connection() as connection:
        found = await find_event(connection, event_id)
    if found is None:
        raise NeverMentioned(f"No event {event_id} was ever published.")
    return Response(msgspec.json.encode(cloud_event(found)), media_type="application/json")


def _until(question: EventsQuestion, moment: AsOf | None) -> tuple[Any, ...]:
    """A timer's event has no position among the facts: what was known there are the timers due by its recording."""
    if moment is None:
        return ()
    asks_what_was_known = question.known_at is not None or question.known_position is not None
    known_at, known_position = (moment.known_at, moment.position) if asks_what_was_known else (None, None)
    return question.at, known_at, known_position


def reading(pool: Pool) -> Read:
    """The log as a feed is read."""

    async def read(after: int, through: int, limit: int, which: Filter) -> FeedRead:
        types, partner_ids, products = (
            sorted(values) or None for values in (which.types, which.partner_ids, which.products)
        )
        wanted = EventFilter(types, partner_ids, products, *which.until)._replace(
            history=None if which.history else False
        )
        async with pool.acquire(timeout=CONNECTION_SECONDS_MAX) as connection:
            found, head, log = await read_events(connection, after, through, wanted, limit)
        return FeedRead([_encoded(event) for event in found], head, log)

    return read


def _encoded(event: LoggedEvent) -> Event:
    body = msgspec.json.encode(cloud_event(event))
    moment = (event.effective_at, event.recorded_at, event.fact_position)
    return Event(event.position, body, event.type, (event.partner_id,), tuple(event.products), moment, event.history)
