"""Answers of services in the same process: as they come, never whole in memory, ended with their reader."""

import asyncio

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from services.console.in_process import PARTS_MAX, InProcess, call


class Endless:
    """An application that sends parts until it is stopped."""

    def __init__(self) -> None:
        self.sent = 0
        self.stopped = False

    async def __call__(self, _: Scope, __: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/csv")]})
        try:
            while True:
                await send({"type": "http.response.body", "body": b"row\n", "more_body": True})
                self.sent += 1
        except asyncio.CancelledError:
            self.stopped = True
            raise


async def test_an_answer_waits_for_its_reader_and_ends_with_it() -> None:
    endless = Endless()
    async with (
        httpx.AsyncClient(transport=InProcess(endless), base_url="http://services") as client,
        client.stream("GET", "/table.csv") as answer,
    ):
        parts = answer.aiter_raw()
        assert [await anext(parts), await anext(parts)] == [b"row\n", b"row\n"]
        assert endless.sent <= PARTS_MAX + 3
    assert endless.stopped


async def test_the_body_and_the_query_arrive() -> None:
    async def echo(scope: Scope, receive: Receive, send: Send) -> None:
        body = (await receive())["body"]
        said = b"%b %b?%b %b" % (scope["method"].encode(), scope["raw_path"], scope["query_string"], body)
        await send({"type": "http.response.start", "status": 201, "headers": []})
        await send({"type": "http.response.body", "body": said})

    async with httpx.AsyncClient(transport=InProcess(echo), base_url="http://services") as client:
        answer = await client.post("/a%2Fb", params={"q": "ü"}, content=b"{}")
    assert (answer.status_code, answer.text) == (201, "POST /a%2Fb?q=%C3%BC {}")


@pytest.mark.parametrize("begun", [False, True])
async def test_an_application_that_fails_is_an_error_of_the_call(begun: bool) -> None:
    async def failing(scope: Scope, receive: Receive, send: Send) -> None:
        if begun:
            await send({"type": "http.response.start", "status": 200, "headers": []})
        raise ValueError("a fault")

    async with httpx.AsyncClient(transport=InProcess(failing), base_url="http://services") as client:
        with pytest.raises(httpx.ReadError):
            await client.get("/")


async def test_a_whole_answer_is_called_for_without_a_detour() -> None:
    async def echo(scope: Scope, receive: Receive, send: Send) -> None:
        body = (await receive())["body"]
        headers = dict(scope["headers"])
        said = b"%b %b?%b %b %b" % (
            scope["path"].encode(), scope["raw_path"], scope["query_string"], headers[b"authorization"], body,
        )  # fmt: skip
        await send({"type": "http.response.start", "status": 201, "headers": [(b"x-sandbox", b"true")]})
        await send({"type": "http.response.body", "body": said[:5], "more_body": True})
        await send({"type": "http.response.body", "body": said[5:]})

    answer = await call(echo, "POST", "/a%20b?q=%C3%BC", {"Authorization": "Bearer k"}, b"{}")
    assert answer == (201, {"x-sandbox": "true"}, b"/a b /a%20b?q=%C3%BC Bearer k {}")


@pytest.mark.parametrize("begun", [False, True])
async def test_no_whole_answer_is_an_error_of_the_call(begun: bool) -> None:
    async def failing(scope: Scope, receive: Receive, send: Send) -> None:
        if begun:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"half", "more_body": True})
        raise ValueError("a fault")

    with pytest.raises(httpx.ReadError):
        await call(failing, "GET", "/", {}, b"")


async def test_a_call_that_is_given_up_ends_the_application() -> None:
    endless = Endless()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await call(endless, "GET", "/", {}, b"")
    assert endless.stopped
