"""The blocking client."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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


class Client:
    """Calls one system. It is a context manager, and may be shared by threads.

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
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._http = httpx.Client(transport=transport, **http_arguments(url, api_key, timeout_seconds))
        self._retries = retries or Retries()
        self._sleep = sleep

    def __enter__(self) -> Self:
        """Opens no connection yet."""
        return self

    def __exit__(self, *_: object) -> None:
        """Closes the connections."""
        self.close()

    def close(self) -> None:
        """Closes the connections."""
        self._http.close()

    def send(self, request: Request[Answer]) -> Answer:
        """The answer. Raises `Refused`, `Unreachable` and `Unreadable`."""
        with self.response(request, whole=True) as response:
            content = response.content
            return cast(Answer, read(content, (dict, list), request.named) if content else None)

    def pages(self, request: PagedRequest[Answer, Any]) -> Iterator[Answer]:
        """The pages of a list from the one that is asked for, each when it is taken."""
        asked: PagedRequest[Answer, Any] | None = request
        while asked is not None:
            page = self.send(asked)
            asked = paging.following(asked, page)
            yield page

    def items(self, request: PagedRequest[Any, Item]) -> Iterator[Item]:
        """The items of all pages."""
        for page in self.pages(request):
            yield from page[request.items]

    def follow(self, request: FeedRequest[Event], *, wait: bool = True) -> Iterator[Event]:
        """The events of a feed in order, each once. `wait`: also those that come, without an end.

        Keep the `position` of the last event that you have applied, and go on with `after`.
        """
        asked = paging.waiting(request) if wait else request
        while True:
            asked_at = time.monotonic()
            with self.response(asked, whole=True) as response:
                events: list[Event] = read(response.content, list, request.named)
            yield from events
            before, asked = asked, paging.further(asked, response)
            if events or asked != before:
                continue
            if not wait:
                return
            if time.monotonic() - asked_at < EMPTY_AFTER_SECONDS:
                self._sleep(self._retries.first_wait_seconds)

    def lines(self, request: LinesRequest[Item]) -> Iterator[Item]:
        """The answers of a batch, one for each line, as they come."""
        with self.response(request) as response:
            for line in response.iter_lines():
                yield read(line, dict, request.named)

    def file(self, request: FileRequest) -> Iterator[bytes]:
        """The parts of a table, proof or export, to be written or joined."""
        with self.response(request) as response:
            yield from response.iter_bytes()

    @contextmanager
    def response(self, request: Request[Any], *, whole: bool = False) -> Iterator[httpx.Response]:
        """The answer, with status and headers. `whole`: its body is read; else it is read as it comes."""
        attempt = 1
        while True:
            try:
                response = self._http.send(self._built(request), stream=True)
                if response.is_success and not whole:
                    break
                response.read()
                if response.is_success:
                    break
                response.close()
                outcome: httpx.Response | Exception = response
            except httpx.RequestError as problem:
                outcome = problem
            self._sleep(self._retries.seconds_before_next(request, attempt, outcome))
            attempt += 1
        try:
            yield response
        except httpx.RequestError as problem:
            raise Unreachable(f"{request.named}: the answer broke off") from problem
        finally:
            response.close()

    def _built(self, request: Request[Any]) -> httpx.Request:
        return self._http.build_request(
            request.method, request.path, params=list(request.query), headers=request.headers, content=request.body
        )
