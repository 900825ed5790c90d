"""Two logs, one way to follow them over HTTP: pages that can be kept for ever, long polls, and Server-Sent Events.

Positions have no gaps, nothing is filled in later, and no read goes beyond what is committed. So whoever goes on
after the last position he has seen misses nothing.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from hashlib import blake2b
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

from fastapi.sse import KEEPALIVE_COMMENT, EventSourceResponse, format_sse_event
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from services.web.event_broadcast import POSITION_MAX, Broadcast, Filter, Page
from services.web.list_headers import listed
from services.web.refusal import Malformed
from shared.events.facts import TOPIC_PREFIX

MEDIA_TYPE: Final = "application/cloudevents-batch+json"
STREAM_MEDIA_TYPE: Final = "text/event-stream"
LIMIT_DEFAULT: Final = 100
LIMIT_MAX: Final = 1000
TIMEOUT_SECONDS_MAX: Final = 60
STREAMED_AT_ONCE: Final = 100
"""Events that a stream sends in one go; no more of a stream are in memory."""
GONE_SECONDS: Final = 5.0
"""After this time it is looked whether the caller of a long poll is still there."""

QUIET_SECONDS_MAX: Final = 15.0
"""After this time without an event a stream says that it is alive."""
AGAIN_SECONDS: Final = 0.5
"""Until the next look where the database does not answer."""
RECONNECT_MILLISECONDS: Final = 1000
"""After this time a browser whose stream has ended asks for the rest."""

STREAMED: Final[dict[str, Any]] = {
    "schema": {"type": "string"},
    "description": "No end: for each event `id:` with its position and `data:` with the CloudEvent.",
}
"""The stream in an OpenAPI document, under its media type."""

_REFUSED: Final = re.compile(r"\s*q\s*=\s*0(\.0{0,3})?\s*")
_FOR_EVER: Final = "max-age=31536000, immutable"
_POSITION: Final = re.compile(r"[0-9]{1,19}", re.ASCII)


def full_types(given: Collection[str], known: Sequence[str], parameter: str = "type") -> list[str]:
    """The types that are meant by full or short names. Raises `Malformed`, which lists what there is."""
    short = {name: name.removeprefix(TOPIC_PREFIX).rpartition(".")[0] for name in known}
    acceptable = {*known, *short.values()}
    meant = set(given)
    for name in given:
        if name not in acceptable:
            there_are = ", ".join(dict.fromkeys(short.values()))
            raise Malformed(f"There is no type {name[:100]!r}; there are {there_are}.", parameter)
    return [name for name in known if name in meant or short[name] in meant]


def asks_for_stream(request: Request) -> bool:
    """Whether the caller names Server-Sent Events among what it accepts; with `q=0` it refuses them."""
    for each in listed(request.headers, "accept").lower().split(","):
        media_type, *parameters = each.split(";")
        if media_type.strip() == STREAM_MEDIA_TYPE:
            return not any(_REFUSED.fullmatch(one) for one in parameters)
    return False


def resumed(last_event_id: str | None, after: int) -> int:
    """Where a stream begins: after the last event that the caller has got, if it says so. Raises `Malformed`.

    An empty id is what a client of Server-Sent Events has before the first event: none.
    """
    if not last_event_id:
        return after
    if not _POSITION.fullmatch(last_event_id) or int(last_event_id) > POSITION_MAX:
        raise Malformed("Last-Event-ID is the id of an event of this stream, which is its position.", "Last-Event-ID")
    return int(last_event_id)


async def first_page(request: Request, feed: Broadcast, which: Filter, after: int, limit: int, timeout: float) -> Page:
    """The first page with an event; after `timeout` seconds, or when the server stops, one without.

    Raises `TooManyReaders`: who waits takes a place.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout
    found = await feed.page(after, limit, which)
    if found.events or timeout == 0:
        return found
    with feed.reader(caller(request)):
        while not found.events and not feed.stopped and loop.time() < deadline and not await request.is_disconnected():
            found = await feed.following(found.through, limit, which, min(deadline - loop.time(), GONE_SECONDS))
            if found.begun_anew:
                break
    return found


def caller(request: Request) -> str:
    """Who calls, as far as is known: the address at the other end of the connection."""
    return request.client.host if request.client else ""


def answer(request: Request, found: Page, *, immutable: bool) -> Response:
    """The page as a batch, or 304 where the caller has it. `immutable`: it will never be answered otherwise.

    Nothing is `public`: what was asked for with a key stays out of shared caches.
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
    """Leaves its place among the readers when it ends, however it ends."""

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
    """A page at a time, each looked for only when the one before was taken.

    An id without data dispatches no event, but a caller that comes back says it: what a filter has passed over is not
    looked at again. A database that is away ends nothing. A log that was begun anew is told from its beginning.
    """
    loop = asyncio.get_running_loop()
    told = after
    quiet_until = loop.time() + QUIET_SECONDS_MAX
    yield format_sse_event(retry=RECONNECT_MILLISECONDS)
    while not feed.stopped:
        if loop.time() >= quiet_until:
            yield format_sse_event(id=str(after)) if after > told else KEEPALIVE_COMMENT
            told = after
            quiet_until = loop.time() + QUIET_SECONDS_MAX
        try:
            found = await feed.following(after, STREAMED_AT_ONCE, which, quiet_until - loop.time(), restarts=True)
        except feed.away:
            await asyncio.sleep(AGAIN_SECONDS)
            continue
        if found.begun_anew:
            yield format_sse_event(id="0")
            after = told = 0
            continue
        after = found.through
        if found.events:
            yield sent(found)
            told = found.events[-1].position
            quiet_until = loop.time() + QUIET_SECONDS_MAX
    if after > told:
        yield format_sse_event(id=str(after))


def sent(found: Page) -> bytes:
    """The events of a page as a stream sends them, encoded once for all streams that share the page."""
    blocks: bytes | None = found.__dict__.get("blocks")
    if blocks is None:
        blocks = b"".join(
            format_sse_event(id=str(event.position), data_str=event.body.decode()) for event in found.events
        )
        found.__dict__["blocks"] = blocks
    return blocks


def _next_page(request: Request, after: int) -> str:
    """Where to go on, with what else was asked."""
    query = parse_qsl(request.scope["query_string"].decode("latin-1"), keep_blank_values=True)
    asked = [("after", str(after)), *((name, value) for name, value in query if name != "after")]
    return f'<{request.scope["path"]}?{urlencode(asked)}>; rel="next"'


def _has(headers: Headers, tag: str) -> bool:
    """Whether the caller has the page already."""
    known = [each.strip().removeprefix("W/") for each in listed(headers, "if-none-match").split(",")]
    return tag in known or known == ["*"]
