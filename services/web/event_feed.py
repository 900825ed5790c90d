"""The HTTP feed of both logs: pages that can be cached for ever, long polls, and Server-Sent Events.

Positions have no gaps, nothing is filled in later, and no read goes beyond the committed events. So a reader that goes
on after the last position it has seen misses nothing.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from hashlib import blake2b
from typing import Annotated, Any, Final
from urllib.parse import parse_qsl, urlencode

from fastapi.sse import KEEPALIVE_COMMENT, EventSourceResponse, format_sse_event
from pydantic import BeforeValidator, Field, WithJsonSchema
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from services.web.comma_list_header import listed
from services.web.event_broadcast import Broadcast
from services.web.feed_events import EVERYTHING, POSITION_MAX, Filter, Page
from services.web.input_parsing import parse_whole_number
from services.web.refusal import Malformed
from shared.events.facts import TOPIC_PREFIX

MEDIA_TYPE: Final = "application/cloudevents-batch+json"
STREAM_MEDIA_TYPE: Final = "text/event-stream"
TIMEOUT_SECONDS_MAX: Final = 60
STREAMED_AT_ONCE: Final = 100
"""Events that a stream sends at once and holds in memory at most."""
GONE_SECONDS: Final = 5.0
"""How often a long poll checks that its caller is still connected."""

QUIET_SECONDS_MAX: Final = 15.0
"""After this time without an event a stream sends a keep-alive."""
AGAIN_SECONDS: Final = 0.5
"""Between two polls of a database that does not answer."""
RECONNECT_MILLISECONDS: Final = 1000
"""The time after which a browser reconnects to a stream that ended."""

STREAMED: Final[dict[str, Any]] = {
    "schema": {"type": "string"},
    "description": "No end: for each event `id:` with its position and `data:` with the CloudEvent.",
}
"""The stream in an OpenAPI document, under its media type."""

_REFUSED: Final = re.compile(r"\s*q\s*=\s*0(\.0{0,3})?\s*")
_FOR_EVER: Final = "max-age=31536000, immutable"
_POSITION: Final = re.compile(r"[0-9]{1,19}", re.ASCII)


def _start(written: object) -> object:
    return None if written == "now" else parse_whole_number(written)


FeedStart = Annotated[
    int | None,
    Field(ge=0, le=POSITION_MAX),
    BeforeValidator(_start),
    WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 0, "maximum": POSITION_MAX}, {"const": "now"}]}),
]
"""The position after which a reader begins, in a query; None: now, which is the end of the log."""
FEED_START: Final = "The last position already seen; now: begin with the next event."


def full_types(given: Collection[str], known: Sequence[str], parameter: str = "type") -> list[str]:
    """The types with these full or short names. Raises `Malformed`, which lists the known types."""
    short = {name: name.removeprefix(TOPIC_PREFIX).rpartition(".")[0] for name in known}
    acceptable = {*known, *short.values()}
    meant = set(given)
    for name in given:
        if name not in acceptable:
            there_are = ", ".join(dict.fromkeys(short.values()))
            raise Malformed(f"There is no type {name[:100]!r}; there are {there_are}.", parameter)
    return [name for name in known if name in meant or short[name] in meant]


def asks_for_stream(request: Request) -> bool:
    """Whether the caller accepts Server-Sent Events; with `q=0` it refuses them."""
    for accepted in listed(request.headers, "accept").lower().split(","):
        media_type, *parameters = accepted.split(";")
        if media_type.strip() == STREAM_MEDIA_TYPE:
            return not any(_REFUSED.fullmatch(parameter) for parameter in parameters)
    return False


async def start_of(feed: Broadcast, after: int | None, last_event_id: str | None = None) -> int:
    """The position after which a reader begins: that of `Last-Event-ID`, else `after`. Raises `Malformed`.

    `after`: None is the end of the log. A client of Server-Sent Events may send an empty id before its first event.
    """
    if last_event_id:
        return resumed(last_event_id)
    return after if after is not None else (await feed.page(POSITION_MAX, 1, EVERYTHING)).head


def resumed(last_event_id: str) -> int:
    """The position that `Last-Event-ID` names. Raises `Malformed`."""
    if not _POSITION.fullmatch(last_event_id) or int(last_event_id) > POSITION_MAX:
        raise Malformed("Last-Event-ID is the id of an event of this stream, which is its position.", "Last-Event-ID")
    return int(last_event_id)


async def first_page(request: Request, feed: Broadcast, which: Filter, after: int, limit: int, timeout: float) -> Page:
    """The first page with an event; after `timeout` seconds, or when the server stops, one without.

    Raises `TooManyReaders`: a waiting caller takes a place.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout
    if timeout == 0:
        return await feed.page(after, limit, which)
    found = await feed.first(after, limit, which)
    if found.events:
        return found
    with feed.reader(caller(request)):
        while not found.events and not feed.stopped and loop.time() < deadline and not await request.is_disconnected():
            left = min(deadline - loop.time(), GONE_SECONDS)
            found = await feed.following(found.through, limit, which, left, log=found.log)
            if found.replaced:
                break
    return found


def caller(request: Request) -> str:
    """The caller, identified by the address at the other end of the connection."""
    return request.client.host if request.client else ""


def answer(request: Request, found: Page, *, immutable: bool) -> Response:
    """The page as a batch, or 304 if the caller has it. `immutable`: the page never changes.

    No page is `public`: answers to calls with a key stay out of shared caches.
    """
    body = b"[%b]" % found.bodies
    link = _next_page(request, found.through)
    tag = f'"{blake2b(link.encode() + body, digest_size=16).hexdigest()}"'
    headers = {
        "ETag": tag,
        "Cache-Control": _FOR_EVER if immutable else "no-cache",
        "Vary": "Accept",
        "Link": link,
    }
    if _has(request.headers, tag):
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type=MEDIA_TYPE)


def stream(request: Request, feed: Broadcast, which: Filter, after: int) -> Response:
    """The events after a position as Server-Sent Events, until the caller goes or the server stops.

    Raises `TooManyReaders`.
    """
    place = feed.reader(caller(request))
    place.__enter__()
    headers = {"Cache-Control": "no-store", "Vary": "Accept", "X-Accel-Buffering": "no"}
    return _Stream(_blocks(feed, which, after), place, headers)


class _Stream(EventSourceResponse):
    """Gives its place among the readers back when it ends for any reason."""

    def __init__(
        self, blocks: AsyncIterator[bytes], place: AbstractContextManager[None], headers: Mapping[str, str]
    ) -> None:
        super().__init__(blocks, headers=headers)
        self._place = place

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._place.__exit__(None, None, None)


async def _blocks(feed: Broadcast, which: Filter, after: int) -> AsyncIterator[bytes]:
    """Yields page after page, each read only when the one before was sent.

    An id without data dispatches no event, but a caller that reconnects repeats it, so the positions that the filter
    skipped are not scanned twice. A database that is away does not end the stream. A replaced log is sent from its
    beginning.
    """
    loop = asyncio.get_running_loop()
    log: int | None = None
    sent_through = after
    quiet_until = loop.time() + QUIET_SECONDS_MAX
    yield format_sse_event(retry=RECONNECT_MILLISECONDS)
    while not feed.stopped:
        if loop.time() >= quiet_until:
            yield format_sse_event(id=str(after)) if after > sent_through else KEEPALIVE_COMMENT
            sent_through = after
            quiet_until = loop.time() + QUIET_SECONDS_MAX
        try:
            left = quiet_until - loop.time()
            found = await feed.following(after, STREAMED_AT_ONCE, which, left, restarts=True, log=log)
        except feed.away:
            await asyncio.sleep(AGAIN_SECONDS)
            continue
        if found.replaced:
            yield format_sse_event(id="0")
            after = sent_through = 0
            log = None
            continue
        after, log = found.through, found.log
        if found.events:
            yield sent(found)
            sent_through = found.events[-1].position
            quiet_until = loop.time() + QUIET_SECONDS_MAX
    if after > sent_through:
        yield format_sse_event(id=str(after))


def sent(found: Page) -> bytes:
    """The events of a page as Server-Sent Events, encoded once for all streams that share the page."""
    blocks: bytes | None = found.__dict__.get("blocks")
    if blocks is None:
        blocks = b"".join(
            format_sse_event(id=str(event.position), data_str=event.body.decode()) for event in found.events
        )
        found.__dict__["blocks"] = blocks
    return blocks


def _next_page(request: Request, after: int) -> str:
    """The link to the next page, with the other parameters of the query."""
    query = parse_qsl(request.scope["query_string"].decode("latin-1"), keep_blank_values=True)
    asked = [("after", str(after)), *((name, value) for name, value in query if name != "after")]
    return f'<{request.scope["path"]}?{urlencode(asked)}>; rel="next"'


def _has(headers: Headers, tag: str) -> bool:
    """Whether the caller already has the page."""
    known = [entity_tag.strip().removeprefix("W/") for entity_tag in listed(headers, "if-none-match").split(",")]
    return tag in known or known == ["*"]
