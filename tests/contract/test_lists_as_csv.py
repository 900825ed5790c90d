"""Tables of lists, over a small application: which form is answered, what is refused, and how a table ends."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final

import httpx
import msgspec
import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from services.web import lists_as_csv, long_work, problem_details, table_response
from services.web.csv_table import BYTE_ORDER_MARK
from services.web.lists_as_csv import TABLES_MAX, TABLES_PER_CALLER_MAX, declared_list, list_of
from services.web.scopes import LOCAL, open_to_all, set_caller
from services.web.table_response import TableEndsEarly
from tests.contract.test_openapi import apps

NUMBERS: Final = 5
HEAD: Final = '"number"\r\n'


class Numbers:
    """A list of numbers, two on a page. `answer` can refuse a page."""

    def __init__(self, hold: lists_as_csv.Hold | None = None) -> None:
        self.asked: list[dict[str, str]] = []
        self.snapshot: object = None
        self.answer: Callable[[int], Response | None] = lambda _: None
        self.app = FastAPI()
        problem_details.install(self.app, problem_details.SHARED)

        @self.app.get("/numbers")
        @open_to_all
        @list_of("numbers", ("number",), rows_max=2, live=hold is not None)
        async def numbers(
            request: Request, at: str = "", known_position: int = 0, after: int = 0, limit: int = 100
        ) -> Response:
            self.asked.append(dict(request.query_params))
            self.snapshot = lists_as_csv.snapshot_of(request)
            refused = self.answer(after)
            if refused is not None:
                return refused
            page = list(range(after + 1, min(after + limit, NUMBERS) + 1))
            following = page[-1] if page[-1] < NUMBERS else None
            known = {"at": at or "2022-03-01T09:00:00Z", "position": known_position or 7}
            return Response(msgspec.json.encode({**known, "numbers": page, "next": following}))

        lists_as_csv.install(self.app, hold)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        set_caller(scope, LOCAL)
        await self.app(scope, receive, send)


@pytest.fixture
def numbers() -> Numbers:
    return Numbers()


@pytest.fixture
async def client(numbers: Numbers) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(numbers), base_url="http://numbers") as client:
        yield client


async def test_a_table_has_the_rows_of_every_page(numbers: Numbers, client: httpx.AsyncClient) -> None:
    by_path = await client.get("/numbers.csv")
    by_accept = await client.get("/numbers", headers={"accept": "text/csv, application/json;q=0.9"})
    assert by_path.content == BYTE_ORDER_MARK + b'"number"\r\n1\r\n2\r\n3\r\n4\r\n5\r\n'
    assert by_accept.content == by_path.content
    assert by_path.headers["content-disposition"] == 'attachment; filename="numbers.csv"'
    assert [asked.get("after") for asked in numbers.asked] == [None, "2", "4"] * 2


@pytest.mark.parametrize(("query", "at"), [("", "2022-03-01T09:00:00Z"), ("?at=2022-01-01T00:00:00Z",) * 2])
async def test_every_page_of_a_table_answers_for_the_moment_of_the_first(
    query: str, at: str, numbers: Numbers, client: httpx.AsyncClient
) -> None:
    at = at.removeprefix("?at=")
    table = await client.get(f"/numbers.csv{query}")
    assert [(asked.get("at"), asked.get("known_position")) for asked in numbers.asked] == [
        (at if query else None, None),
        (at, "7"),
        (at, "7"),
    ]
    assert (table.headers["answer-at"], table.headers["answer-position"]) == (at, "7")


async def test_the_rows_of_a_live_list_are_read_in_one_snapshot_however_slowly_they_are_taken() -> None:
    held: list[str] = []
    numbers = Numbers(hold=partial(_hold, held))
    scopes: list[object] = []
    numbers.answer = lambda _: scopes.append(numbers.snapshot)
    taken = asyncio.Event()

    async def first_only() -> None:
        if held == ["taken", "let go"]:
            taken.set()
        await taken.wait()

    waiting = asyncio.create_task(_called(numbers, first_only))
    while held != ["taken", "let go"]:
        assert not waiting.done()
        await asyncio.sleep(0)
    taken.set()
    await waiting
    assert scopes == [None, "snapshot", "snapshot", "snapshot"]


async def test_a_live_table_that_is_read_for_too_long_or_becomes_too_great_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    held: list[str] = []
    numbers = Numbers(hold=partial(_hold, held))
    for name, limit in (("READ_SECONDS_MAX", 0), ("KEPT_BYTES_MAX", 10)):
        with monkeypatch.context() as patch:
            patch.setattr(table_response, name, limit)
            with pytest.raises(TableEndsEarly):
                await _called(numbers, _at_once)
    await _called(numbers, asyncio.Event().wait, hangs_up=True)
    assert held == ["taken", "let go"] * 3


async def _at_once() -> None:
    """Takes what comes."""


@asynccontextmanager
async def _hold(held: list[str]) -> AsyncIterator[str]:
    held.append("taken")
    try:
        yield "snapshot"
    finally:
        held.append("let go")


@pytest.mark.parametrize("accept", ["*/*", "application/json, text/csv;q=0.5", "text/html", "text/csv;q=0"])
async def test_json_is_the_usual_form(client: httpx.AsyncClient, accept: str) -> None:
    response = await client.get("/numbers", headers={"accept": accept})
    assert response.json()["numbers"] == [1, 2, 3, 4, 5]
    assert response.headers["vary"] == "Accept"


@pytest.mark.parametrize("parameter", ["limit", "after"])
async def test_a_table_is_the_whole_list(client: httpx.AsyncClient, parameter: str) -> None:
    response = await client.get(f"/numbers.csv?{parameter}=1")
    assert response.status_code == 422
    assert response.json()["parameter"] == parameter


async def test_what_the_list_refuses_is_refused_alike_and_takes_no_place(
    numbers: Numbers, client: httpx.AsyncClient
) -> None:
    numbers.answer = lambda _: Response(b"{}", 503, {"retry-after": "1"}, "application/problem+json")
    for _ in range(TABLES_MAX + 1):
        refused = await client.get("/numbers.csv")
        assert (refused.status_code, refused.content) == (503, b"{}")
        assert refused.headers["retry-after"] == "1"
        assert refused.headers["content-type"] == "application/problem+json"


async def test_a_page_that_is_not_answered_at_present_is_asked_for_again(
    numbers: Numbers, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lists_as_csv, "_AGAIN_SECONDS", 0)
    failures = iter([Response(status_code=503)])
    numbers.answer = lambda after: next(failures, None) if after == 2 else None
    assert (await client.get("/numbers.csv")).content.endswith(b"4\r\n5\r\n")


async def test_a_table_whose_rest_cannot_be_had_does_not_look_whole(
    numbers: Numbers, client: httpx.AsyncClient
) -> None:
    numbers.answer = lambda after: Response(status_code=500) if after == 4 else None
    with pytest.raises(TableEndsEarly):
        await client.get("/numbers.csv")


async def test_only_so_many_tables_are_written_at_once_and_one_that_nobody_takes_ends(
    numbers: Numbers, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = asyncio.Event()
    slow = [asyncio.create_task(_called(numbers, taken.wait)) for _ in range(TABLES_PER_CALLER_MAX)]
    for _ in range(100):
        await asyncio.sleep(0)
    assert len(numbers.asked) == TABLES_PER_CALLER_MAX < TABLES_MAX
    assert (await client.get("/numbers.csv")).status_code == 503
    assert (await client.get("/numbers")).status_code == 200
    for call in slow[1:]:
        call.cancel()
        with pytest.raises(TableEndsEarly):  # what its caller has does not look whole
            await call
    taken.set()
    assert await slow[0] == 3
    monkeypatch.setattr(table_response, "SEND_SECONDS_MAX", 0.01)
    with pytest.raises(TimeoutError):
        await _called(numbers, asyncio.Event().wait)
    assert (await client.get("/numbers.csv")).status_code == 200


async def test_a_table_ends_when_its_caller_hangs_up(numbers: Numbers) -> None:
    await _called(numbers, asyncio.Event().wait, hangs_up=True)


async def _called(numbers: Numbers, taking: Callable[[], Any], *, hangs_up: bool = False) -> int:
    """How many parts of the table are sent, to a caller who waits for `taking` before each."""
    parts = 0
    messages: list[Message] = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> Message:
        if not messages and not hangs_up:
            await asyncio.Event().wait()
        return messages.pop() if messages else {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        nonlocal parts
        if message["type"] == "http.response.body":
            await taking()
            parts += bool(message["body"])

    scope = {"type": "http", "method": "GET", "path": "/numbers.csv", "query_string": b"", "headers": []}
    await numbers({**scope, "raw_path": b"/numbers.csv", "app": numbers.app}, receive, send)
    return parts - 1


def test_every_list_has_a_table_and_its_document_says_so() -> None:
    found = 0
    for app in apps().values():
        paths = app.openapi()["paths"]
        components = app.openapi().get("components", {}).get("schemas", {})
        for route in iter_route_contexts(app.routes):
            if "GET" not in (route.methods or ()) or route.path not in paths:
                continue
            operation = paths[route.path]["get"]
            content = operation["responses"].get("200", {}).get("content", {})
            name = content.get("application/json", {}).get("schema", {}).get("$ref", "").rpartition("/")[2]
            is_list = "next" in components.get(name, {}).get("properties", {})
            declared = declared_list(route.endpoint)
            assert declared is not None or not is_list, f"{route.path} answers with a list: see lists_as_csv.py"
            if declared is None:
                continue
            found += 1
            assert "text/csv" in content, route.path
            table = paths[f"{route.path}{declared.suffix}"]["get"]
            assert set(table["responses"]["200"]["content"]) == {"text/csv"}
            names = [parameter["name"] for parameter in table["parameters"]]
            assert names == [
                parameter["name"]
                for parameter in operation.get("parameters", ())
                if parameter["name"] not in ("after", "limit")
            ]
            assert declared.member in components[name]["properties"], route.path
    assert found >= 12


async def test_work_that_can_wait_takes_turns_and_rests_between(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    at_work: list[str] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        at_work.append("rests")
        await original(0)

    original = asyncio.sleep
    monkeypatch.setattr(asyncio, "sleep", sleep)
    instants = iter(range(100))
    monkeypatch.setattr(long_work, "perf_counter", lambda: next(instants) / 1_000)
    steps = [long_work.at_a_rest(partial(at_work.append, "works")) for _ in range(5)]
    await asyncio.gather(*steps)
    assert at_work == ["works", "rests"] * 5
    assert slept == pytest.approx([long_work.REST_FACTOR / 1_000] * 5)


async def test_the_rows_of_a_table_are_written_at_a_rest(numbers: Numbers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lists_as_csv, "_ROWS_AT_ONCE", 1)
    written = []

    async def at_a_rest(step: Callable[[], bytes]) -> bytes:
        written.append(step())
        return written[-1]

    monkeypatch.setattr(lists_as_csv, "at_a_rest", at_a_rest)

    async def at_once() -> None:
        pass

    await _called(numbers, at_once)
    assert len(written) == NUMBERS
