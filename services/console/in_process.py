"""Questions to services in this process: httpx calls them as ASGI applications, and gets their answers as they come."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import suppress
from typing import Final

import httpx
from starlette.types import ASGIApp, Message

PARTS_MAX: Final = 4
"""Parts of an answer that wait to be read; the service waits then."""


class InProcess(httpx.AsyncBaseTransport):
    """Calls one ASGI application. Unlike httpx's own transport it holds no whole answer in memory."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._running: set[asyncio.Task[None]] = set()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The answer once its headers are there. Raises `httpx.ReadError` where the application gives none."""
        call = _Call(await request.aread())
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": request.method,
            "scheme": request.url.scheme,
            "path": request.url.path,
            "raw_path": request.url.raw_path.partition(b"?")[0],
            "query_string": request.url.query,
            "root_path": "",
            "headers": [(name.lower(), value) for name, value in request.headers.raw],
            "server": (request.url.host, request.url.port),
            "client": ("127.0.0.1", 0),
        }
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
        """Raises `httpx.ReadError` where the answer breaks off."""
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
