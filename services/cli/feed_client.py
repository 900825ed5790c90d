"""The stream of compliance events of a running system, followed over lost connections and restarts."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Final, NamedTuple, Self

import aiohttp
import click
import msgspec

ANSWER_SECONDS_MAX: Final = 20.0
"""For a page or the clock."""
QUIET_SECONDS_MAX: Final = 45.0
"""A stream says every 15 seconds that it is alive: after this silence the connection is lost."""
PAUSE_SECONDS_MAX: Final = 15.0
LINE_BYTES_MAX: Final = 1 << 20
"""No event exceeds 64 KiB."""

_EVENTS: Final = "/compliance/v1/events"
_CLOCK: Final = "/sandbox/v1/clock"
_NEXT: Final = re.compile(r"[?&]after=([0-9]+)")
_PASSING: Final = frozenset({408, 425, 429, 500, 502, 503, 504})


class FeedEvent(msgspec.Struct, frozen=True):
    """What is shown of an event; `body`: its CloudEvent as it came."""

    id: str
    type: str
    subject: str
    position: int
    body: bytes = b""


class FeedFilter(NamedTuple):
    """Which events; empty: any. An event must pass each. `history` false: without what was loaded afterwards."""

    types: Sequence[str] = ()
    partner_ids: Sequence[str] = ()
    products: Sequence[str] = ()
    history: bool = True

    def query(self) -> list[tuple[str, str]]:
        """As parameters of the feed."""
        named = (("type", self.types), ("partner_id", self.partner_ids), ("product", self.products))
        chosen = [(name, value) for name, values in named for value in values]
        return chosen if self.history else [*chosen, ("history", "false")]


class _Clock(msgspec.Struct, frozen=True):
    now: datetime


class Unavailable(Exception):
    """The system does not answer at the moment."""


class Feed:
    """Follows the feed of one system. It is a context manager.

    `sandbox`: it says that it is one; known after `end`.
    """

    def __init__(self, url: str, api_key: str | None, which: FeedFilter) -> None:
        self.sandbox = False
        self._url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._which = which

    async def __aenter__(self) -> Self:
        """Opens no connection yet."""
        self._http = aiohttp.ClientSession(headers=self._headers, read_bufsize=LINE_BYTES_MAX)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Closes the connections."""
        await self._http.close()

    async def end(self) -> int:
        """The position of the last event of the log. Raises `click.ClickException` and `Unavailable`."""
        query = [("after", "now"), ("limit", "1"), *self._which.query()]
        async with self._asked(_EVENTS, query, ANSWER_SECONDS_MAX) as response:
            self.sandbox = response.headers.get("X-Sandbox") == "true"
            found = _NEXT.search(response.headers.get("Link", ""))
        if found is None:
            raise click.ClickException(
                f"{self._url} is another system or an older version: its feed does not say where it begins."
            )
        return int(found[1])

    async def sandbox_now(self) -> datetime:
        """What the clock of the sandbox shows. Raises `click.ClickException` and `Unavailable`."""
        async with self._asked(_CLOCK, [], ANSWER_SECONDS_MAX) as response:
            return msgspec.json.decode(await response.read(), type=_Clock).now

    async def events(self, after: int, lost: Callable[[str], None]) -> AsyncIterator[FeedEvent]:
        """The events after a position, each once and in order, without an end; after a reset those of the new log.

        `lost`: called with a reason when the connection is lost, once until there is an event again. Raises
        `click.ClickException` if the system refuses the call.
        """
        pause = 1.0
        while True:
            reason = "the stream ended"
            try:
                async for event, through in self._stream(after):
                    after = through
                    if event is not None:
                        pause = 1.0
                        yield event
            except Unavailable as problem:
                reason = str(problem)
            if pause == 1.0:
                lost(reason)
            await asyncio.sleep(pause)
            pause = min(2 * pause, PAUSE_SECONDS_MAX)

    async def _stream(self, after: int) -> AsyncIterator[tuple[FeedEvent | None, int]]:
        """Each event, or None if the filter has left out some, and the position to go on after."""
        query = [("after", str(after)), *self._which.query()]
        headers = {"Accept": "text/event-stream"}
        async with self._asked(_EVENTS, query, QUIET_SECONDS_MAX, headers) as response:
            data = b""
            try:
                async for line in response.content:
                    name, _, value = line.rstrip(b"\r\n").partition(b": ")
                    if name == b"id":
                        after = int(value)
                    elif name == b"data":
                        data = value
                    elif not name:
                        yield _decoded(data) if data else None, after
                        data = b""
            except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as problem:
                raise Unavailable(f"the stream broke off ({_text(problem)})") from problem

    @asynccontextmanager
    async def _asked(
        self, path: str, query: Sequence[tuple[str, str]], silence_seconds: float, headers: dict[str, str] | None = None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        timeout = aiohttp.ClientTimeout(sock_connect=ANSWER_SECONDS_MAX, sock_read=silence_seconds)
        try:
            response = await self._http.get(self._url + path, params=query, headers=headers, timeout=timeout)
        except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError) as problem:
            raise click.ClickException(f"--url {self._url} is not the address of a system.") from problem
        except (aiohttp.ClientError, OSError, TimeoutError) as problem:
            raise Unavailable(f"{self._url} does not answer ({_text(problem)})") from problem
        async with response:
            if response.status in _PASSING:
                raise Unavailable(f"{self._url} answers {response.status}")
            if response.status != 200:
                raise click.ClickException(f"{self._url} answers {response.status}: {await _detail(response)}")
            yield response


def _text(problem: Exception) -> str:
    return str(problem) or type(problem).__name__


def _decoded(data: bytes) -> FeedEvent:
    return msgspec.structs.replace(msgspec.json.decode(data, type=FeedEvent), body=data)


async def _detail(response: aiohttp.ClientResponse) -> str:
    """What the problem document says, or the beginning of whatever came."""
    text = await response.content.read(4096)
    try:
        return str(msgspec.json.decode(text)["detail"])
    except (msgspec.DecodeError, KeyError, TypeError):
        return " ".join(text[:200].decode("utf-8", "replace").split()) or (response.reason or "nothing more")


def wall_now() -> datetime:
    """The time by the clock of this machine."""
    return datetime.now(UTC)
