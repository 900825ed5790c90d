"""Very many calls at once: they begin in turn, and what they bring has bounds."""

import asyncio
import time
from typing import Any, Final

import pytest
from fastapi import FastAPI
from starlette.types import Message, Receive, Scope, Send

from services.host import caller_turns
from services.host.api_keys.key_ring import NO_KEYS
from services.host.caller_turns import CallerTurns, Lane
from services.host.documented_operations import Paths
from services.host.request_guard import BODIES_BYTES_PER_CALLER_MAX, BODY_BYTES_MAX, RequestGuard
from services.web.scopes import open_to_all

HOT, HOT_AND_HEAVY, OTHER = Lane("hot", heavy=False), Lane("hot", heavy=True), Lane("other", heavy=False)
HOT_LISTS = Lane("hot", heavy=False, kind="GET /lists")
LONG_SECONDS: Final = 2 * caller_turns.ROUND_SECONDS
PATH: Final = "/certification/v1/partners"


class Calls:
    """Calls that each keep the event loop busy when they begin. `begun`: their lanes and numbers, in this order."""

    def __init__(self) -> None:
        self.turns = CallerTurns()
        self.begun: list[tuple[Lane, int]] = []
        self.first = asyncio.Event()

    async def make(self, lane: Lane, number: int) -> None:
        assert await self.turns.take(lane)
        self.begun.append((lane, number))
        self.first.set()
        time.sleep(LONG_SECONDS)  # noqa: ASYNC251 - this is the fault that it guards against

    async def make_many(self, lane: Lane, number: int) -> list["asyncio.Task[None]"]:
        """Begins them, and returns once the first of them ran."""
        tasks = [asyncio.create_task(self.make(lane, each)) for each in range(number)]
        await self.first.wait()
        return tasks


@pytest.mark.parametrize(
    ("many", "one"), [(HOT, OTHER), (HOT_AND_HEAVY, OTHER), (HOT_AND_HEAVY, HOT), (HOT_LISTS, HOT)]
)
async def test_a_call_begins_before_the_many_that_came_earlier_in_another_lane(many: Lane, one: Lane) -> None:
    calls = Calls()
    tasks = await calls.make_many(many, 60)
    await calls.make(one, 0)
    assert len(calls.begun) <= 6
    await asyncio.gather(*tasks)
    assert [number for lane, number in calls.begun if lane == many] == list(range(60)), "in their order, none left out"


async def test_a_call_that_comes_in_every_round_does_not_begin_before_those_that_wait() -> None:
    """The calls of one caller keep coming, one in each iteration of the event loop, and each fills a round."""
    calls, loop = Calls(), asyncio.get_running_loop()
    tasks: list[asyncio.Task[None]] = []
    all_came = asyncio.Event()

    def arrive(left: int) -> None:
        tasks.append(loop.create_task(calls.make(HOT_AND_HEAVY, left)))
        if left:
            loop.call_soon(arrive, left - 1)
        else:
            all_came.set()

    loop.call_soon(arrive, 60)
    await calls.first.wait()
    others = [asyncio.create_task(calls.make(Lane(f"other-{number}", heavy=False), number)) for number in range(4)]
    await asyncio.gather(*others)
    assert len(calls.begun) <= 12
    await all_came.wait()
    await asyncio.gather(*tasks)


async def test_who_makes_many_kinds_of_calls_has_no_more_turns_for_that() -> None:
    calls = Calls()
    tasks = await calls.make_many(HOT, 5)
    for number in range(40):
        tasks.append(asyncio.create_task(calls.make(Lane("hot", heavy=False, kind=f"GET /{number}"), number)))
    await asyncio.sleep(0)
    for number in range(5):
        await calls.make(OTHER, number)
    assert len(calls.begun) <= 2 * 5 + 4
    await asyncio.gather(*tasks)


async def test_short_calls_begin_together() -> None:
    """However many there are: a round has time for hundreds of them."""
    turns, rounds = CallerTurns(), 0
    tasks = [asyncio.create_task(turns.take(HOT)) for _ in range(20)]
    while not all(task.done() for task in tasks):
        rounds += 1
        await asyncio.sleep(0)
    assert rounds <= 4
    assert all(task.result() for task in tasks)


async def test_who_hangs_up_or_waits_too_long_holds_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caller_turns, "WAIT_SECONDS_MAX", 4 * LONG_SECONDS)
    calls = Calls()
    tasks = await calls.make_many(HOT, 40)
    tasks[5].cancel()
    found = await asyncio.gather(*tasks, return_exceptions=True)
    assert any(isinstance(outcome, AssertionError) for outcome in found), "the last were answered that they waited long"
    await calls.make(OTHER, 0)
    assert await calls.turns.take(HOT)


async def test_no_more_wait_than_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caller_turns, "WAITING_MAX", 10)
    calls = Calls()
    found = await asyncio.gather(*await calls.make_many(HOT, 40), return_exceptions=True)
    assert len(calls.begun) >= 10
    assert sum(isinstance(outcome, AssertionError) for outcome in found) == 40 - len(calls.begun)


class Held:
    """An application that holds its calls until they may end. `full`: set once there are so many."""

    def __init__(self, calls: int) -> None:
        self._left = calls
        self.full = asyncio.Event()
        self.may_end = asyncio.Event()

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        self._left -= 1
        if not self._left:
            self.full.set()
        await receive()
        await self.may_end.wait()
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})


async def posted(guard: RequestGuard, content: bytes, *, announced: bool = True) -> tuple[int, dict[bytes, bytes]]:
    """Status and headers of the answer to a POST of this body."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.request", "body": content, "more_body": False}

    length = (b"content-length", str(len(content)).encode()) if announced else (b"transfer-encoding", b"chunked")
    headers = [(b"content-type", b"application/json"), length]
    scope: dict[str, Any] = {"type": "http", "method": "POST", "path": PATH, "query_string": b"", "headers": headers}
    await guard(scope, receive, send)
    return sent[0]["status"], dict(sent[0]["headers"])


@pytest.mark.parametrize("announced", [True, False])
async def test_large_bodies_are_held_in_bounds_and_small_calls_go_on(announced: bool) -> None:
    app = FastAPI()

    @app.post(PATH)
    async def takes_a_body(body: dict[str, str]) -> None:
        raise AssertionError("the call is held before it")

    large = b'{"name":"%b"}' % (b"x" * (BODY_BYTES_MAX - 11))
    fit = BODIES_BYTES_PER_CALLER_MAX // BODY_BYTES_MAX
    held = Held(fit + 1)
    guard = RequestGuard(held, Paths([app]), keys=NO_KEYS, sandbox=False)
    calls = [asyncio.create_task(posted(guard, large, announced=announced)) for _ in range(fit + 5)]
    small = asyncio.create_task(posted(guard, b"{}"))
    await held.full.wait()
    refused = [call.result() for call in calls if call.done()]
    assert [status for status, _ in refused] == [503] * 5
    assert all(headers[b"retry-after"] == b"1" for _, headers in refused)
    held.may_end.set()
    assert (await small)[0] == 204
    assert sorted(status for status, _ in await asyncio.gather(*calls)) == [204] * fit + [503] * 5
    assert (await posted(guard, large, announced=announced))[0] == 204, "their room is free again"


async def test_a_body_whose_length_is_not_announced_holds_as_much_room_as_it_has() -> None:
    app = FastAPI()

    @app.post(PATH)
    async def takes_a_body(body: dict[str, str]) -> None:
        raise AssertionError("the call is held before it")

    many = 2 * BODIES_BYTES_PER_CALLER_MAX // BODY_BYTES_MAX
    held = Held(many)
    guard = RequestGuard(held, Paths([app]), keys=NO_KEYS, sandbox=False)
    calls = [asyncio.create_task(posted(guard, b'{"name":"x"}', announced=False)) for _ in range(many)]
    await held.full.wait()
    held.may_end.set()
    assert {status for status, _ in await asyncio.gather(*calls)} == {204}


async def test_calls_about_health_take_turns_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand of them hold up nobody, nor does anything else hold up one of them."""
    app, lanes = FastAPI(), list[Lane]()

    @app.post(PATH)
    @open_to_all
    async def needs_no_key() -> None:
        raise AssertionError("the call is held before it")

    async def taken(_: CallerTurns, lane: Lane) -> bool:
        lanes.append(lane)
        return True

    monkeypatch.setattr(CallerTurns, "take", taken)
    held = Held(1)
    held.may_end.set()
    await posted(RequestGuard(held, Paths([app]), keys=NO_KEYS, sandbox=False), b"")
    assert lanes == [Lane("", heavy=False, kind=f"POST {PATH}")]
