"""The client for asyncio; otherwise the same as `Client`."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Self, cast

import httpx

from sagecert_client import paging
from sagecert_client.httpx_arguments import http_arguments
from sagecert_client.paging import EMPTY_AFTER_SECONDS
from sagecert_client.problem import Unreachable, read
from sagecert_client.request import (
    Answer,
    Event,
    FeedRequest,
    FileRequest,
    Item,
    LinesRequest,
    PagedRequest,
    Request,
)
from sagecert_client.retries import Retries


class AsyncClient:
    """Calls one system. It is a context manager, and may be shared by tasks.

    `url`: its origin, such as http://127.0.0.1:8000. `timeout_seconds`: for each step of one attempt. `transport`: of
    `httpx`, instead of the network.
    """

    def __init__(
        self,
        url: str,
        api_key: str | None = None,
        *,
        retries: Retries | None = None,
        timeout_seconds: float = 65.0,
        transport: httpx.AsyncBaseTransport | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._http = httpx.AsyncClient(transport=transport, **http_arguments(url, api_key, timeout_seconds))
        self._retries = retries or Retries()
        self._sleep = sleep

    async def __aenter__(self) -> Self:
        """Opens no connection yet."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Closes the connections."""
        await self.aclose()

    async def aclose(self) -> None:
        """Closes the connections."""
        await self._http.aclose()

    async def send(self, request: Request[Answer]) -> Answer:
        """The answer. Raises `Refused`, `Unreachable` and `Unreadable`."""
        async with self.response(request, whole=True) as response:
            content = response.content
            return cast(Answer, read(content, (dict, list), request.named) if content else None)

    async def pages(self, request: PagedRequest[Answer, Any]) -> AsyncIterator[Answer]:
        """The pages of a list from the one that is asked for, each when it is taken."""
        asked: PagedRequest[Answer, Any] | None = request
        while asked is not None:
            page = await self.send(asked)
            asked = paging.following(asked, page)
            yield page

    async def items(self, request: PagedRequest[Any, Item]) -> AsyncIterator[Item]:
        """The items of all pages."""
        async for page in self.pages(request):
            for item in page[request.items]:
                yield item

    async def follow(self, request: FeedRequest[Event], *, wait: bool = True) -> AsyncIterator[Event]:
        """The events of a feed in order, each once. `wait`: also those that come, without an end.

        Keep the `position` of the last event that you have applied, and go on with `after`.
        """
        asked = paging.waiting(request) if wait else request
        while True:
            asked_at = time.monotonic()
            async with self.response(asked, whole=True) as response:
                events: list[Event] = read(response.content, list, request.named)
            for event in events:
                yield event
            before, asked = asked, paging.further(asked, response)
            if events or asked != before:
                continue
            if not wait:
                return
            if time.monotonic() - asked_at < EMPTY_AFTER_SECONDS:
                await self._sleep(self._retries.first_wait_seconds)

    async def lines(self, request: LinesRequest[Item]) -> AsyncIterator[Item]:
        """The answers of a batch, one for each line, as they come."""
        async with self.response(request) as response:
            async for line in response.aiter_lines():
                yield read(line, dict, request.named)

    async def file(self, request: FileRequest) -> AsyncIterator[bytes]:
        """The parts of a table, proof or export, to be written or joined."""
        async with self.response(request) as response:
            async for part in response.aiter_bytes():
                yield part

    @asynccontextmanager
    async def response(self, request: Request[Any], *, whole: bool = False) -> AsyncIterator[httpx.Response]:
        """The answer, with status and headers. `whole`: its body is read; else it is read as it comes."""
        attempt = 1
        while True:
            try:
                response = await self._http.send(self._built(request), stream=True)
                if response.is_success and not whole:
                    break
                await response.aread()
                if response.is_success:
                    break
                await response.aclose()
                outcome: httpx.Response | Exception = response
            except httpx.RequestError as problem:
                outcome = problem
            await self._sleep(self._retries.seconds_before_next(request, attempt, outcome))
            attempt += 1
        try:
            yield response
        except httpx.RequestError as problem:
            raise Unreachable(f"{request.named}: the answer broke off") from problem
        finally:
            await response.aclose()

    def _built(self, request: Request[Any]) -> httpx.Request:
        return self._http.build_request(
            request.method, request.path, params=list(request.query), headers=request.headers, content=request.body
        )
