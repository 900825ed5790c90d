"""Few places that many calls want go to callers in turn."""

import asyncio

import pytest

from services.web.fair_places import FairPlaces, call_kind, caller_name


class Calls:
    """Calls that want one of few places. `order`: whose calls had one."""

    def __init__(self, places: int = 1) -> None:
        self.places = FairPlaces(places)
        self.order: list[str] = []

    async def make(self, caller: str) -> None:
        caller_name.set(caller)
        async with self.places.place(60):
            self.order.append(caller)
            await asyncio.sleep(0)

    def begin(self, *callers: str) -> list["asyncio.Task[None]"]:
        return [asyncio.create_task(self.make(caller)) for caller in callers]


async def test_a_caller_waits_behind_one_call_of_each_other_caller_however_many_they_make() -> None:
    calls = Calls()
    tasks = calls.begin(*["hot"] * 50)
    await asyncio.sleep(0)
    tasks += calls.begin("other", "third")
    await asyncio.gather(*tasks)
    assert calls.order.index("other") <= 3
    assert calls.order.index("third") <= 4
    assert len(calls.order) == 52


async def test_so_it_is_among_the_kinds_of_calls_of_one_caller() -> None:
    """Without a key all callers are one. Who makes many kinds of calls has no more turns for that."""
    calls = Calls()
    tasks = []
    for number in range(50):
        call_kind.set(f"hot-{number % 10}")
        tasks += calls.begin("hot")
    await asyncio.sleep(0)
    call_kind.set("light")
    tasks += calls.begin("hot-light", "hot", "other", "other")
    light = tasks[-3]
    light.add_done_callback(lambda _: calls.order.append("light"))
    await asyncio.gather(*tasks)
    assert calls.order.index("light") <= 30
    others = [number for number, name in enumerate(calls.order) if name == "other"]
    assert others[1] <= 8


async def test_a_place_given_to_who_is_gone_goes_to_the_next() -> None:
    """Also where the place comes in the same moment as the end of the wait."""
    calls = Calls()
    await calls.places.take()
    gone, given, next_one = calls.begin("gone", "given", "next")
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.sleep(0)
    calls.places.give_back()
    given.cancel()
    await asyncio.wait([gone, given, next_one])
    assert calls.order == ["next"]
    await asyncio.wait_for(calls.places.take(), 60)


async def test_who_waits_too_long_gets_none() -> None:
    places = FairPlaces(1)
    async with places.place():
        with pytest.raises(TimeoutError):
            async with places.place(0.01):
                raise AssertionError("there is none")
    async with places.place(60):
        pass
