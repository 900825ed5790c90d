"""Serves an application over HTTP: uvicorn with its fast parts, limits on requests, and problems for bad ones."""

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, Final

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from services.host.request_parser import RequestParser
from services.host.response_headers import completed
from services.web.problem_details import HOST_UNCLEAR, MEDIA_TYPE, TYPE_PREFIX, Problem, problem_body

HEAD_SECONDS_MAX: Final = 10.0
BODY_SECONDS_MAX: Final = 10.0
HEAD_BYTES_MAX: Final = 64 << 10
TARGET_BYTES_MAX: Final = 32 << 10
HEADERS_MAX: Final = 100
MESSAGE_BYTES_MAX: Final = 1 << 20
"""Bytes of one request besides its body: head, chunk framing and trailers."""
LINGER_SECONDS: Final = 2.0
LINGER_BYTES_MAX: Final = 16 << 20
"""How long, and how many bytes, are still read and discarded after a refusal."""
READ_SECONDS: Final = 30.0
READ_BYTES_PER_SECOND: Final = 16 << 10
"""While a connection waits for its caller to read, the caller takes so much on average, after so long at the latest."""
GRACE_SECONDS: Final = 3
"""The time that a running call has to finish when the server stops."""

_TITLE: Final = "The request is not valid HTTP"
INVALID: Final = Problem(TYPE_PREFIX + "invalid-http", _TITLE, 400, "What was sent cannot be read as HTTP/1.1.")
HEAD_TOO_LARGE: Final = Problem(
    TYPE_PREFIX + "head-too-large",
    "The head of the request is too large",
    431,
    f"The head of a request has at most {HEAD_BYTES_MAX} bytes and {HEADERS_MAX} headers.",
)
TARGET_TOO_LONG: Final = Problem(
    TYPE_PREFIX + "target-too-long",
    "The URL is too long",
    414,
    f"Path and query have at most {TARGET_BYTES_MAX} bytes.",
)
HEAD_TOO_SLOW: Final = Problem(
    TYPE_PREFIX + "too-slow", "Too slow", 408, f"The head did not arrive within {HEAD_SECONDS_MAX:g} seconds."
)
BODY_TOO_SLOW: Final = Problem(
    TYPE_PREFIX + "too-slow", "Too slow", 408, f"The body did not arrive within {BODY_SECONDS_MAX:g} seconds."
)
MESSAGE_TOO_LARGE: Final = Problem(
    TYPE_PREFIX + "too-large", "Too large", 413, f"A request has at most {MESSAGE_BYTES_MAX} bytes besides its body."
)


class _Refused(Exception):
    """Ends the parsing; it comes back as an error of the parser."""


class _NoTrailers(list[tuple[bytes, bytes]]):
    """Discards trailers, which the parser appends after a whole head."""

    def append(self, _: tuple[bytes, bytes]) -> None:
        return


class _Transport:
    """A transport whose `close` lets the answer arrive.

    A connection that closes while its caller still sends is reset, and the answer is lost. So the end of the answer is
    sent first, and incoming bytes are discarded for a while.
    """

    def __init__(self, transport: asyncio.Transport, still_sending: Callable[[], bool]) -> None:
        self._transport = transport
        self._still_sending = still_sending
        self.lingering = False
        self.bytes_written = 0
        self.get_extra_info = transport.get_extra_info
        self.pause_reading = transport.pause_reading
        self.resume_reading = transport.resume_reading

    def write(self, data: bytes) -> None:
        if self.is_closing():
            return  # nobody reads it
        self.bytes_written += len(data)
        self._transport.write(data)

    @property
    def bytes_taken(self) -> int:
        """Of those written, as far as they left this process."""
        return self.bytes_written - self._transport.get_write_buffer_size()

    def abort(self) -> None:
        """Closes the connection whether or not everything was taken."""
        self._transport.abort()

    def is_closing(self) -> bool:
        return self.lingering or self._transport.is_closing()

    def close(self) -> None:
        if self.lingering or self._transport.is_closing() or not self._still_sending():
            self._close()
            return
        self.lingering = True
        self._transport.write_eof()
        with suppress(RuntimeError):  # it was not paused
            self._transport.resume_reading()
        asyncio.get_running_loop().call_later(LINGER_SECONDS, self._close)

    def _close(self) -> None:
        """What the caller does not read in time is dropped."""
        unread = self._transport.get_write_buffer_size()
        self._transport.close()
        if unread:
            seconds = READ_SECONDS + unread / READ_BYTES_PER_SECOND
            asyncio.get_running_loop().call_later(seconds, self._transport.abort)


class Protocol(HttpToolsProtocol):
    """Adds limits: uvicorn itself waits for ever for a request and accepts a head of any length.

    A request beyond them, or one that is not HTTP, gets a problem. A caller that does not read what it asked for loses
    the connection: what waits for it holds memory, and perhaps a place that others want.
    """

    parser: RequestParser
    _deadline: asyncio.TimerHandle | None = None
    """When the head, and then the body, has to be there."""
    _refusal: Problem = INVALID
    _refused: Problem | None = None
    """What the last request gets, once those before it are answered. What comes after it is discarded."""
    _idle = True
    """Nothing of the next request has arrived."""
    _in_head = True
    _chunk_bytes = 0
    """Bytes of the current chunk that can belong to a request that begins in it."""
    _message_bytes = 0
    _waits: asyncio.TimerHandle | None = None
    """When the caller must have read more."""
    _waits_since = 0.0
    _waited_seconds = 0.0
    _buffered: int | None = None
    """Bytes that the kernel had taken when the caller was first waited for: they may be unread."""

    def __init__(self, *arguments: Any, sandbox: bool, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.parser = RequestParser(self)
        self._sandbox = sandbox

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        self._transport = _Transport(transport, lambda: not self._idle)
        super().connection_made(self._transport)  # type: ignore[arg-type]  # all of one that uvicorn uses
        self._deadline = self.loop.call_later(HEAD_SECONDS_MAX, self._too_slow)

    def connection_lost(self, exc: Exception | None) -> None:
        self._arrived()
        self._has_read()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._waits is None:
            self._waits_since = self.loop.time()
            if self._buffered is None:
                self._buffered = self._transport.bytes_taken
            self._wait_for_reader(self._buffered)

    def resume_writing(self) -> None:
        self._has_read()
        super().resume_writing()

    def _wait_for_reader(self, buffered: int) -> None:
        """Ends the connection once its caller was waited for longer than what it has taken is worth."""
        waited = self._waited_seconds + self.loop.time() - self._waits_since
        left = READ_SECONDS + (self._transport.bytes_taken - buffered) / READ_BYTES_PER_SECOND - waited
        if left <= 0:
            self._transport.abort()
        else:
            self._waits = self.loop.call_later(left, self._wait_for_reader, buffered)

    def _has_read(self) -> None:
        if self._waits is not None:
            self._waits.cancel()
            self._waits = None
            self._waited_seconds += self.loop.time() - self._waits_since

    def data_received(self, data: bytes) -> None:
        if self._transport.lingering or self._refused is not None:
            self._message_bytes += len(data)
            if self._message_bytes > LINGER_BYTES_MAX:
                self._transport.close()
            return
        if self._idle:
            self._chunk_bytes = len(data)
        else:
            self._message_bytes += len(data)
        super().data_received(data)
        if self._idle or self._takes_no_more():
            return
        if self._message_bytes > (HEAD_BYTES_MAX if self._in_head else MESSAGE_BYTES_MAX):
            self._refuse(HEAD_TOO_LARGE if self._in_head else MESSAGE_TOO_LARGE)
        elif self._deadline is None:
            self._deadline = self.loop.call_later(BODY_SECONDS_MAX, self._too_slow)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._message_bytes, self._chunk_bytes = self._chunk_bytes, 0
        self._idle, self._in_head = False, True
        if self._deadline is None:
            self._deadline = self.loop.call_later(HEAD_SECONDS_MAX, self._too_slow)

    def on_headers_complete(self) -> None:
        if len(self.url) > TARGET_BYTES_MAX:
            self._refusal = TARGET_TOO_LONG
            raise _Refused
        head_bytes = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
        if self.parser.get_http_version() == "1.1" and not any(name == b"host" for name, _ in self.headers):
            self._refusal = HOST_UNCLEAR
            raise _Refused
        if len(self.headers) > HEADERS_MAX or head_bytes > HEAD_BYTES_MAX:
            self._refusal = HEAD_TOO_LARGE
            raise _Refused
        if self.parser.only_asks:
            return
        self._arrived()
        super().on_headers_complete()  # raises for a target that is no URL
        self._in_head = False
        self.headers = _NoTrailers()

    def on_body(self, body: bytes) -> None:
        self._message_bytes -= len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        if self.parser.only_asks:
            return
        self._arrived()
        self._idle = True
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002  # uvicorn's text
        """uvicorn calls this for bytes that it cannot parse, and for refusals of the methods here."""
        self._refuse(self._refusal)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._refused is not None and not self.transport.is_closing():
            self._refuse(self._refused)

    def _refuse(self, problem: Problem) -> None:
        """Answers with the problem after what is owed, unless its own answer has begun, and closes the connection."""
        if self._owes_another_answer():
            self._arrived()
            self._refused = problem
            return
        if not self._answer_has_begun():
            body = problem_body(problem)
            headers = completed(
                [
                    *self.server_state.default_headers,
                    (b"content-type", MEDIA_TYPE.encode()),
                    (b"content-length", str(len(body)).encode()),
                    (b"connection", b"close"),
                ],
                sandbox=self._sandbox,
            )
            head = b"".join(b"%b: %b\r\n" % header for header in headers)
            self.transport.write(STATUS_LINE[problem.status] + head + b"\r\n" + body)
        self.transport.close()

    def _takes_no_more(self) -> bool:
        return self._refused is not None or self.transport.is_closing()

    def _owes_another_answer(self) -> bool:
        """Whether requests that came before the one being read are not answered yet."""
        last = self._last_cycle()
        return bool(self.pipeline) or (self._in_head and last is not None and not last.response_complete)

    def _answer_has_begun(self) -> bool:
        """Of the request being read, whose head is whole."""
        return not self._in_head and self.cycle.response_started

    def _last_cycle(self) -> RequestResponseCycle | None:
        return self.cycle

    def _arrived(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_slow(self) -> None:
        """A connection on which nothing was sent just ends. While others are owed an answer, there is time."""
        if self._owes_another_answer():
            self._deadline = self.loop.call_later(HEAD_SECONDS_MAX, self._too_slow)
        elif self._idle:
            self.transport.close()
        else:
            self._refuse(HEAD_TOO_SLOW if self._in_head else BODY_TOO_SLOW)


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, ready: Callable[[], None], stopping: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready
        self._stopping = stopping

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._stopping()
        await super().shutdown(sockets)


async def serve(
    app: ASGIApp,
    listening: socket.socket,
    ready: Callable[[], None],
    stopping: Callable[[], None] = lambda: None,
    *,
    sandbox: bool = False,
) -> None:
    """Serves until SIGINT or SIGTERM, finishes running calls, and raises the signal again.

    `ready` is called once calls are answered, `stopping` before running calls are waited for. `sandbox`: the server's
    own refusals say so.
    """
    await _Server(configuration(app, sandbox=sandbox), ready, stopping).serve(sockets=[listening])


def configuration(app: ASGIApp, *, sandbox: bool) -> uvicorn.Config:
    """How uvicorn serves the application."""
    return uvicorn.Config(
        app,
        loop="uvloop",
        http=partial(Protocol, sandbox=sandbox),  # type: ignore[arg-type]  # uvicorn only ever calls it
        ws="none",
        lifespan="off",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        log_config=None,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
