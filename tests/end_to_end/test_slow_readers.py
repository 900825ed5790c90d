"""A caller that does not read what it asked for loses its connection, and what waits for it ends."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import pytest
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from services.host import asgi_server
from services.host.asgi_server import Protocol
from services.web.bounded_places import Places

PART: Final = b"x" * 65_536
ENOUGH: Final = 400
"""Parts that no buffer of the kernel holds."""
ASKED: Final = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


class Endless:
    """An application with an answer in parts. `ended`: nothing is written any more. `sent`: so many parts."""

    def __init__(self) -> None:
        self.ended = asyncio.Event()
        self.sent = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await StreamingResponse(self._parts())(scope, receive, send)
        finally:
            self.ended.set()

    async def _parts(self) -> AsyncIterator[bytes]:
        for _ in range(ENOUGH):
            yield PART
            self.sent += 1
            await asyncio.sleep(0)


@asynccontextmanager
async def connected(app: Any) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection of a caller to a server with this application; the caller reads nothing by itself."""
    configuration, state = asgi_server.configuration(app, sandbox=False), ServerState()
    server = await asyncio.get_running_loop().create_server(
        lambda: Protocol(config=configuration, server_state=state, app_state={}, sandbox=False), "127.0.0.1", 0
    )
    async with server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname(), limit=1024)
        try:
            yield reader, writer
        finally:
            writer.transport.abort()


async def test_a_caller_who_reads_nothing_is_waited_for_so_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asgi_server, "READ_SECONDS", 0.05)
    monkeypatch.setattr(asgi_server, "READ_BYTES_PER_SECOND", 1)  # what the kernel holds is not read
    app = Endless()
    async with connected(app) as (_, writer):
        writer.write(ASKED)
        await asyncio.wait_for(app.ended.wait(), 10)
        assert 0 < app.sent < ENOUGH


async def test_a_caller_who_keeps_on_reading_gets_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes longer in all than anybody is waited for who takes nothing."""
    monkeypatch.setattr(asgi_server, "READ_SECONDS", 0.5)
    monkeypatch.setattr(asgi_server, "READ_BYTES_PER_SECOND", 64 << 10)
    app = Endless()
    got = 0
    async with connected(app) as (reader, writer):
        writer.write(ASKED)
        while got < ENOUGH * len(PART):
            got += len(await reader.read(1 << 20))
            if reader.at_eof():
                break
            await asyncio.sleep(0.01)
    assert got > ENOUGH * len(PART)


async def test_what_a_connection_that_closes_still_holds_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asgi_server, "READ_SECONDS", 0.05)
    monkeypatch.setattr(asgi_server, "READ_BYTES_PER_SECOND", 1 << 30)
    whole = Response(PART * ENOUGH, headers={"Connection": "close"})
    lost = asyncio.Event()
    monkeypatch.setattr(Protocol, "connection_lost", lambda *_: lost.set())
    async with connected(whole) as (_, writer):
        writer.write(ASKED)
        await asyncio.wait_for(lost.wait(), 10)


async def test_an_answer_to_who_was_refused_meanwhile_is_dropped(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The refusal was the last thing said: what the application answers later fails nowhere."""
    monkeypatch.setattr(asgi_server, "BODY_SECONDS_MAX", 0.05)
    monkeypatch.setattr(asgi_server, "LINGER_SECONDS", 0.5)
    answered = asyncio.Event()

    async def late(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(0.2)
        await Response(b"late")(scope, receive, send)
        answered.set()

    async with connected(late) as (reader, writer):
        writer.write(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nhalf")
        answer = await asyncio.wait_for(reader.read(), 10)
        await asyncio.wait_for(answered.wait(), 10)
    assert answer.startswith(b"HTTP/1.1 408")
    assert b"late" not in answer
    assert not caplog.records


def test_one_caller_never_takes_every_place() -> None:
    places = Places(3, 2)
    first, second = places.take("one"), places.take("one")
    assert first is not None
    assert second is not None
    assert places.take("one") is None
    other = places.take("other")
    assert other is not None
    assert places.take("other") is None, "all are taken"
    first()
    assert places.taken == 2
    assert places.take("one") is not None
