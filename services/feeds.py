"""Two logs, one way to follow them: pages that can be kept for ever, long polls, and Server-Sent Events.

Positions have no gaps, nothing is filled in later, and no read goes beyond what is committed. So whoever goes on
after the last position he has seen misses nothing.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from hashlib import blake2b
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qsl, urlencode

from fastapi.sse import KEEPALIVE_COMMENT, EventSourceResponse, format_sse_event
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response

from services.list_headers import listed
from services.waiting import Waiting
from shared.events.facts import TOPIC_PREFIX

MEDIA_TYPE: Final = "application/cloudevents-batch+json"
STREAM_MEDIA_TYPE: Final = "text/event-stream"
LIMIT_DEFAULT: Final = 100
LIMIT_MAX: Final = 1000
TIMEOUT_SECONDS_MAX: Final = 60
POSITION_MAX: Final = 2**63 - 1
STRETCH: Final = 10_000
"""How many positions one read looks at, however few of their events pass the filter."""

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


class Malformed(Exception):
    """A parameter or a field is not acceptable; `detail` says what would be."""

    def __init__(self, parameter: str, detail: str) -> None:
        super().__init__(detail)
        self.parameter = parameter
        self.detail = detail


class Page(NamedTuple):
    """What one read has found: of each event the position and the CloudEvent.

    `through`: up to there was looked. `head`: where the log ended then.
    """

    events: Sequence[tuple[int, bytes]]
    through: int
    head: int

    @property
    def more(self) -> bool:
        """Whether the log goes on from there."""
        return self.through < self.head


class Feed(NamedTuple):
    """A log with a filter.

    `read`: at most so many events after a position. `away`: errors that pass by themselves. `sandbox`: the log may
    begin anew. Any other grows for ever; what a crash of the server took from its end comes again as it was.
    """

    read: Callable[[int, int], Awaitable[Page]]
    waiting: Waiting
    away: tuple[type[Exception], ...]
    sandbox: bool


def end_of_stretch(after: int) -> int:
    """The last position that one read looks at."""
    return min(after + STRETCH, POSITION_MAX)


def page(events: Sequence[tuple[int, bytes]], after: int, limit: int, head: int) -> Page:
    """The page of what was found up to the end of the stretch, in one snapshot of a log that ended at `head`."""
    full = len(events) == limit
    through = events[-1][0] if full else max(after, min(end_of_stretch(after), head))
    return Page(events, through, head)


def full_types(given: Collection[str], known: Sequence[str], parameter: str = "type") -> list[str]:
    """The types that are meant by full or short names. Raises `Malformed`, which lists what there is."""
    short = {name: name.removeprefix(TOPIC_PREFIX).rpartition(".")[0] for name in known}
    acceptable = {*known, *short.values()}
    meant = set(given)
    for name in given:
        if name not in acceptable:
            there_are = ", ".join(dict.fromkeys(short.values()))
            raise Malformed(parameter, f"There is no type {name[:100]!r}; there are {there_are}.")
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
        raise Malformed("Last-Event-ID", "Last-Event-ID is the id of an event of this stream, which is its position.")
    return int(last_event_id)


async def first_page(request: Request, feed: Feed, after: int, limit: int, timeout: float) -> Page:
    """The first page with an event; after `timeout` seconds, or when the server stops, one without."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout
    while True:
        ring = feed.waiting.next_ring()
        found = await feed.read(after, limit)
        left = deadline - loop.time()
        if found.events or left <= 0 or feed.waiting.stopped or await request.is_disconnected():
            return found
        after = found.through
        if not found.more:
            await feed.waiting.wait(ring, left)


def answer(request: Request, found: Page, *, immutable: bool) -> Response:
    """The page as a batch, or 304 where the caller has it. `immutable`: it will never be answered otherwise.

    Nothing is `public`: what was asked for with a key stays out of shared caches.
    """
    body = b"[%b]" % b",".join(event for _, event in found.events)
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


def stream(feed: Feed, after: int) -> Response:
    """The events after a position as Server-Sent Events, until the caller goes or the server stops."""
    return EventSourceResponse(
        _blocks(feed, after), headers={"Cache-Control": "no-store", "Vary": "Accept", "X-Accel-Buffering": "no"}
    )


async def _blocks(feed: Feed, after: int) -> AsyncIterator[bytes]:
    """A page at a time, each read only when the one before was taken.

    An id without data dispatches no event, but a caller that comes back says it: what a filter has passed over is not
    looked at again. A database that is away ends nothing. A log that was begun anew is told from its beginning.
    """
    loop = asyncio.get_running_loop()
    told = after
    quiet_until = loop.time() + QUIET_SECONDS_MAX
    yield format_sse_event(retry=RECONNECT_MILLISECONDS)
    while not feed.waiting.stopped:
        if loop.time() >= quiet_until:
            yield format_sse_event(id=str(after)) if after > told else KEEPALIVE_COMMENT
            told = after
            quiet_until = loop.time() + QUIET_SECONDS_MAX
        ring = feed.waiting.next_ring()
        try:
            found = await feed.read(after, LIMIT_DEFAULT)
        except feed.away:
            await feed.waiting.wait(ring, AGAIN_SECONDS)
            continue
        if feed.sandbox and found.head < after:
            yield format_sse_event(id="0")
            after = told = 0
            continue
        after = found.through
        if found.events:
            yield b"".join(_block(position, event) for position, event in found.events)
            told = found.events[-1][0]
            quiet_until = loop.time() + QUIET_SECONDS_MAX
        if not found.more:
            await feed.waiting.wait(ring, quiet_until - loop.time())
    if after > told:
        yield format_sse_event(id=str(after))


def _block(position: int, event: bytes) -> bytes:
    return format_sse_event(id=str(position), data_str=event.decode())


def _next_page(request: Request, after: int) -> str:
    """Where to go on, with what else was asked."""
    query = parse_qsl(request.scope["query_string"].decode("latin-1"), keep_blank_values=True)
    asked = [("after", str(after)), *((name, value) for name, value in query if name != "after")]
    return f'<{request.scope["path"]}?{urlencode(asked)}>; rel="next"'


def _has(headers: Headers, tag: str) -> bool:
    """Whether the caller has the page already."""
    known = [each.strip().removeprefix("W/") for each in listed(headers, "if-none-match").split(",")]
    return tag in known or known == ["*"]
