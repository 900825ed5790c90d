"""The log as a feed: CloudEvents in batches or as a stream, in the order of positions."""

from datetime import datetime
from typing import Annotated, Final

import msgspec
from fastapi import APIRouter, Header, Query, Request, Response

from services.certification.api.command_request import REFUSALS, TheService
from services.certification.api.fields import Id
from services.certification.event_store.log_pages import LogEntry, LogFilter
from services.certification.event_store.store import EventStore
from services.web import event_feed
from services.web.event_broadcast import Read
from services.web.feed_events import LIMIT_DEFAULT, LIMIT_MAX, Event, FeedRead, Filter
from services.web.input_parsing import NUMBER, WHOLE_NUMBER
from services.web.scopes import Scope, requires
from services.web.sold_products import Product, require_sold
from shared.events.facts import TOPIC_OF, TOPICS, FactData

SOURCE: Final = "/certification/v1"

router = APIRouter(prefix="/certification/v1/events", tags=["Facts"])


class CloudEvent(msgspec.Struct, frozen=True):
    """A fact as a CloudEvent 1.0. `time` is when it was true, `recordedtime` when it became known."""

    id: str
    type: str
    subject: str
    time: datetime
    recordedtime: datetime
    position: int
    correlationid: str
    data: FactData
    causationid: str | msgspec.UnsetType
    history: bool | msgspec.UnsetType
    specversion: str = "1.0"
    source: str = SOURCE
    datacontenttype: str = "application/json"


@router.get(
    "",
    response_class=Response,
    responses={
        200: {
            "description": "The facts after the position, in order",
            "content": {event_feed.MEDIA_TYPE: {}, event_feed.STREAM_MEDIA_TYPE: event_feed.STREAMED},
        },
        304: {"description": "The page is still the one that If-None-Match names"},
        **REFUSALS,
    },
)
@requires(Scope.READ)
async def events(
    request: Request,
    service: TheService,
    after: Annotated[event_feed.FeedStart, Query(description=event_feed.FEED_START)] = 0,
    limit: Annotated[int, Query(ge=1, le=LIMIT_MAX, description="How many at most."), WHOLE_NUMBER] = LIMIT_DEFAULT,
    timeout: Annotated[
        float,
        Query(
            ge=0, le=event_feed.TIMEOUT_SECONDS_MAX, description="Seconds to wait for a first fact where there is none."
        ),
        NUMBER,
    ] = 0,
    types: Annotated[tuple[str, ...], Query(alias="type", description="Only these; short or full names.")] = (),
    partner_ids: Annotated[tuple[Id, ...], Query(alias="partner_id", description="Only about these.")] = (),
    products: Annotated[tuple[Product, ...], Query(alias="product", description="Only about these.")] = (),
    last_event_id: Annotated[
        str | None, Header(description="Of a stream: the position to go on after, instead of `after`.")
    ] = None,
) -> Response:
    """The facts after a position, at most `limit`; positions have no gaps and none is ever filled in later.

    A page may hold fewer, even none, although more follow: `Link` says where to go on. With `Accept: text/event-stream`
    the same without an end.
    """
    require_sold(products, service.products)
    which = Filter(frozenset(event_feed.full_types(types, list(TOPICS))), frozenset(partner_ids), frozenset(products))
    streamed = event_feed.asks_for_stream(request)
    start = await event_feed.start_of(service.feed, after, last_event_id if streamed else None)
    if streamed:
        return event_feed.stream(request, service.feed, which, start)
    page = await event_feed.first_page(request, service.feed, which, start, limit, timeout)
    immutable = len(page.events) == limit and after is not None and not service.sandbox
    return event_feed.answer(request, page, immutable=immutable)


def reading(store: EventStore) -> Read:
    """The log as a feed is read."""

    async def read(after: int, through: int, limit: int, which: Filter) -> FeedRead:
        log_filter = LogFilter(list(which.types), list(which.partner_ids), list(which.products))
        found = await store.facts_after(after, through, limit, log_filter)
        return FeedRead([_event(entry) for entry in found.entries], found.head, found.log)

    return read


def _event(entry: LogEntry) -> Event:
    kind = TOPIC_OF[type(entry.fact.data)]
    return Event(entry.fact.position, cloud_event(entry), kind, entry.partner_ids, entry.products)


def cloud_event(entry: LogEntry) -> bytes:
    """The entry as a CloudEvent."""
    fact = entry.fact
    return msgspec.json.encode(
        CloudEvent(
            id=fact.fact_id,
            type=TOPIC_OF[type(fact.data)],
            subject=entry.originator_id,
            time=fact.effective_at,
            recordedtime=fact.recorded_at,
            position=fact.position,
            correlationid=fact.correlation_id,
            causationid=fact.causation_id or msgspec.UNSET,
            history=fact.history or msgspec.UNSET,
            data=fact.data,
        )
    )
