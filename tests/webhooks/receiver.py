"""A receiver of webhooks over a real socket that can be told to misbehave, request by request."""

import asyncio
import contextlib
import gzip
import socket
import ssl
import struct
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Final, NamedTuple, Self

MISBEHAVES_SECONDS_MAX: Final = 60.0
"""After which it gives up on a sender that waits for ever."""


def _is_ours(host: str) -> bool:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as tried:
        try:
            tried.bind((host, 0))
        except OSError:
            return False
    return True


ELSEWHERE: Final = next(filter(_is_ours, ("127.0.0.2", "::1")), "127.0.0.2")
"""Another address of loopback, for what is told apart from 127.0.0.1: Linux has many, macOS has one of each family."""


class Request(NamedTuple):
    """A request as it came; names of headers in lower case. `connection` counts from 1 for each receiver."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    connection: int


class Connection(NamedTuple):
    """What an answer is written to."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, data: bytes) -> None:
        """Sends bytes at once."""
        self.writer.write(data)
        await self.writer.drain()

    def reset(self) -> None:
        """Breaks the connection: the sender sees a reset, not an end."""
        self.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def until_hung_up(self) -> None:
        """Waits until the sender is gone."""
        async with asyncio.timeout(MISBEHAVES_SECONDS_MAX):
            while await self.reader.read(65536):
                pass


Answer = Callable[[Request, Connection], Awaitable[bool]]
"""Answers a request; says whether the connection is kept."""


class Receiver:
    """`async with Receiver() as receiver`: it listens on a port of loopback and keeps every request.

    Requests are answered with what `script` was given, one after the other, and then with `answer`.
    """

    def __init__(
        self, answer: "Answer | None" = None, *, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1"
    ) -> None:
        self.requests: list[Request] = []
        self.connections = 0
        self.answer = answer or reply(204)
        self.host = host
        self._tls = tls
        self._script: deque[Answer] = deque()
        self._came = asyncio.Condition()
        self._tasks: set[asyncio.Task[None]] = set()

    def script(self, *answers: Answer) -> None:
        """What the next requests are answered with."""
        self._script.extend(answers)

    async def came(self, count: int, timeout_seconds: float = 30.0) -> list[Request]:
        """Waits for so many requests in all, and returns them."""
        async with asyncio.timeout(timeout_seconds), self._came:
            await self._came.wait_for(lambda: len(self.requests) >= count)
        return self.requests

    def url(self, path: str = "/hooks", host: str | None = None) -> str:
        """Where it can be reached."""
        host = host or (f"[{self.host}]" if ":" in self.host else self.host)
        return f"{'https' if self._tls else 'http'}://{host}:{self.port}{path}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, self.host, ssl=self._tls, limit=1 << 20)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for _turn in range(5):  # a connection just accepted has its task by then; the task closes it
            await asyncio.sleep(0)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self.connections += 1
        connection, number = Connection(reader, writer), self.connections
        with contextlib.suppress(OSError, EOFError, TimeoutError, asyncio.CancelledError):
            while await self._one(connection, number):
                pass
        writer.transport.abort()

    async def _one(self, connection: Connection, number: int) -> bool:
        request = await read_request(connection.reader, number)
        answer = self._script.popleft() if self._script else self.answer
        async with self._came:
            self.requests.append(request)
            self._came.notify_all()
        return await answer(request, connection)


async def read_request(reader: asyncio.StreamReader, connection: int) -> Request:
    """The next request of a connection."""
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").strip().split("\r\n")
    method, path, _ = first.split(" ")
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Request(method, path, headers, body, connection)


def reply(status: int, body: bytes = b"", **headers: str) -> Answer:
    """A proper reply; `retry_after="5"` is the header Retry-After."""

    async def answer(request: Request, connection: Connection) -> bool:
        await connection.send(_head(status, len(body), headers) + body)
        return True

    return answer


def once(released: asyncio.Event, then: Answer) -> Answer:
    """Answers when the event is set."""

    async def answer(request: Request, connection: Connection) -> bool:
        async with asyncio.timeout(MISBEHAVES_SECONDS_MAX):
            await released.wait()
        return await then(request, connection)

    return answer


async def silence(request: Request, connection: Connection) -> bool:
    """Reads the message and never answers; a reply after the deadline comes to the same."""
    await connection.until_hung_up()
    return False


async def slow_headers(request: Request, connection: Connection) -> bool:
    """Begins a proper reply and sends another header every few milliseconds, for ever."""
    await connection.send(b"HTTP/1.1 200 OK\r\n")
    async for number in _for_ever():
        await connection.send(b"X-%d: 1\r\n" % number if number < 50 else b"")
    return False


async def slow_body(request: Request, connection: Connection) -> bool:
    """200, and then a byte of the body every few milliseconds, for ever."""
    await connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n")
    async for _ in _for_ever():
        await connection.send(b".")
    return False


async def no_end_of_body(request: Request, connection: Connection) -> bool:
    """200, three bytes of ten, and silence."""
    await connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
    return await silence(request, connection)


async def endless_body(request: Request, connection: Connection) -> bool:
    """200, and a body as fast as it is read, for ever."""
    await connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        await connection.send(b"1000\r\n" + b"x" * 0x1000 + b"\r\n")


async def gzip_bomb(request: Request, connection: Connection) -> bool:
    """200, and 64 MiB of zeros in 64 KiB."""
    body = gzip.compress(bytes(64 << 20), 9)
    return await reply(200, body, content_encoding="gzip")(request, connection)


def great_headers(size: int) -> Answer:
    """200 with headers of so many bytes, in lines of a kilobyte."""

    async def answer(request: Request, connection: Connection) -> bool:
        await connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n")
        for number in range(size // 1024):
            await connection.send(b"X-%06d: %s\r\n" % (number, b"x" * 1012))
        await connection.send(b"\r\n")
        return False

    return answer


def great_header(size: int) -> Answer:
    """200 with one header of so many bytes."""

    async def answer(request: Request, connection: Connection) -> bool:
        await connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-Great: " + b"x" * size + b"\r\n\r\n")
        return False

    return answer


async def reset_before_reply(request: Request, connection: Connection) -> bool:
    """Reads the message and breaks the connection."""
    connection.reset()
    return False


async def end_before_reply(request: Request, connection: Connection) -> bool:
    """Reads the message and closes the connection in good order."""
    return False


async def reset_in_headers(request: Request, connection: Connection) -> bool:
    """Breaks the connection after half a header."""
    await connection.send(b"HTTP/1.1 200 OK\r\nContent-Le")
    return await reset_before_reply(request, connection)


async def reset_in_body(request: Request, connection: Connection) -> bool:
    """200, three bytes of ten, and the connection breaks."""
    await connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
    await asyncio.sleep(0.05)
    return await reset_before_reply(request, connection)


async def reset_after_reply(request: Request, connection: Connection) -> bool:
    """A whole reply that promises to keep the connection, and the connection breaks."""
    await reply(200, b"ok")(request, connection)
    await asyncio.sleep(0.05)
    return await reset_before_reply(request, connection)


async def not_http(request: Request, connection: Connection) -> bool:
    """Answers in another protocol."""
    await connection.send(b"220 mail.example ESMTP\r\n")
    return False


def redirect(status: int, to: str) -> Answer:
    """A redirect; an empty `to` means to the same URL."""

    async def answer(request: Request, connection: Connection) -> bool:
        where = to or f"http://{request.headers['host']}{request.path}"
        return await reply(status, location=where)(request, connection)

    return answer


def _head(status: int, length: int, headers: Mapping[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status} Status"]
    if status != 204:
        lines.append(f"Content-Length: {length}")
    lines += [f"{name.replace('_', '-').title()}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


async def _for_ever() -> AsyncIterator[int]:
    number = 0
    async with asyncio.timeout(MISBEHAVES_SECONDS_MAX):
        while True:
            await asyncio.sleep(0.005)
            yield number
            number += 1
