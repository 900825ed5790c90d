"""Questions to services in this process: called as ASGI applications, whole or, through httpx, as answers come."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import suppress
from typing import Any, Final
from urllib.parse import unquote

import httpx
from starlette.types import ASGIApp, Message

PARTS_MAX: Final = 4
"""Parts of an answer that wait to be read; the service waits then."""


async def call(
    app: ASGIApp, method: str, address: str, headers: Mapping[str, str], body: bytes
) -> tuple[int, dict[str, str], bytes]:
    """Status, headers by lower-case name and the whole body of the answer.

    `address`: the path, encoded, and its query. Raises `httpx.ReadError` if the application gives none.
    """
    sent = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    if body:
        sent.append((b"content-length", str(len(body)).encode()))
    requests: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]
    answer: list[Message] = []
    parts: list[bytes] = []

    async def receive() -> Message:
        if requests:
            return requests.pop()
        return await asyncio.Future[Message]()  # the caller stays until the answer is whole

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            answer.append(message)
        elif message["type"] == "http.response.body":
            parts.append(message.get("body", b""))
            if not message.get("more_body", False):
                answer.append(message)
            else:
                await asyncio.sleep(0)  # a deadline can end it between two parts

    with suppress(Exception):  # the application logs it; the caller sees that the answer is not whole
        await app(_scope(method, address.encode(), [(b"host", b"localhost"), *sent]), receive, send)
    if len(answer) != 2:
        raise httpx.ReadError("the application gave no whole answer")
    named = {name.decode("latin-1"): value.decode("latin-1") for name, value in answer[0].get("headers", ())}
    return answer[0]["status"], named, b"".join(parts)


def _scope(method: str, address: bytes, headers: list[tuple[bytes, bytes]]) -> dict[str, Any]:
    path, _, query = address.partition(b"?")
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": unquote(path.decode("ascii")),
        "raw_path": path,
        "query_string": query,
        "root_path": "",
        "headers": headers,
        "server": ("localhost", None),
        "client": ("127.0.0.1", 0),
    }


class InProcess(httpx.AsyncBaseTransport):
    """Calls one ASGI application. Unlike httpx's own transport it holds no whole answer in memory."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._running: set[asyncio.Task[None]] = set()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The answer once its headers are there. Raises `httpx.ReadError` if the application gives none."""
        call = _Call(await request.aread())
        headers = [(name.lower(), value) for name, value in request.headers.raw]
        scope = _scope(request.method, request.url.raw_path, headers)
        call.task = asyncio.create_task(call.run(self._app(scope, call.receive, call.send)))
        self._running.add(call.task)
        call.task.add_done_callback(self._running.discard)
        try:
            start = await call.parts.get()
        except asyncio.CancelledError:
            await call.aclose()
            raise
        if start is None or start["type"] != "http.response.start":
            await call.aclose()
            raise httpx.ReadError("the application gave no answer", request=request)
        return httpx.Response(start["status"], headers=list(start.get("headers", ())), stream=call)


class _Call(httpx.AsyncByteStream):
    """One call under way: what the application receives and sends."""

    def __init__(self, body: bytes) -> None:
        self.parts: asyncio.Queue[Message | None] = asyncio.Queue(PARTS_MAX)
        self.task: asyncio.Task[None] | None = None
        self._body: bytes | None = body
        self._closed = asyncio.Event()
        self._complete = False

    async def run(self, answering: Awaitable[None]) -> None:
        """Runs the application to its end, which follows its last part."""
        with suppress(Exception):  # the application logs it; the caller sees an answer that breaks off
            await answering
        await self.parts.put(None)

    async def receive(self) -> Message:
        """The body, then that the caller is gone."""
        if self._body is not None:
            body, self._body = self._body, None
            return {"type": "http.request", "body": body, "more_body": False}
        await self._closed.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        """Waits while the caller reads more slowly."""
        self._complete = message["type"] == "http.response.body" and not message.get("more_body", False)
        await self.parts.put(message)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Raises `httpx.ReadError` if the answer breaks off."""
        while (message := await self.parts.get()) is not None:
            yield message.get("body", b"")
            if not message.get("more_body", False):
                return
        raise httpx.ReadError("the answer breaks off")

    async def aclose(self) -> None:
        """Ends the call; what the application does after a whole answer goes on."""
        self._closed.set()
        while not self.parts.empty():
            self.parts.get_nowait()
        if self.task is not None and not self.task.done() and not self._complete:
            self.task.cancel()
            with suppress(asyncio.CancelledError):
                await self.task
