"""One log followed by many: what is read, who is woken, and that nobody misses anything."""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

import pytest

from services.web.event_broadcast import (
    EVERYTHING,
    FOLLOWED_BYTES_MAX,
    PAGE_BYTES_MAX,
    READ_AT_ONCE,
    TAIL_EVENTS_MAX,
    Broadcast,
    Event,
    Filter,
    Page,
)
from services.web.refusal import TooManyReaders
from services.web.wakeup import Wakeup

SECONDS_MAX: Final = 60.0
NOBODY: Final = Filter(partner_ids=frozenset({"nobody"}))


class Log:
    """A log in memory, and how often it was read."""

    def __init__(self) -> None:
        self.waiting = Wakeup()
        self.events: list[Event] = []
        self.reads = 0

    async def read(self, after: int, through: int, limit: int, which: Filter) -> tuple[Sequence[Event], int]:
        self.reads += 1
        await asyncio.sleep(0)
        found = [event for event in self.events[after:through] if which.passes(event)]
        return found[:limit], len(self.events)

    def append(self, number: int, partner: str = "P", body: bytes = b"{}") -> None:
        for _ in range(number):
            self.events.append(Event(len(self.events) + 1, body, "type", (partner,), ("S200P",)))
        self.waiting.wake()

    @asynccontextmanager
    async def followed(self, readers_max: int = 2_000, per_caller_max: int = 2_000) -> AsyncIterator[Broadcast]:
        feed = Broadcast(
            self.read,
            self.waiting,
            (),
            sandbox=False,
            readers_max=readers_max,
            readers_per_caller_max=per_caller_max,
        )
        async with feed.running():
            yield feed


async def follow(feed: Broadcast, after: int, which: Filter) -> Page:
    with feed.reader("caller"):
        return await feed.following(after, 100, which, SECONDS_MAX)


async def at_the_end(log: Log, tasks: Sequence["asyncio.Task[Page]"]) -> None:
    """Until everybody waits and the log is read no more."""
    reads = -1
    while reads != log.reads:
        reads = log.reads
        for _ in range(10):
            await asyncio.sleep(0)
    assert not any(task.done() for task in tasks)


async def test_who_lets_nothing_pass_is_not_woken_and_costs_no_read() -> None:
    log = Log()
    log.append(5)
    async with log.followed() as feed:
        idle = [asyncio.create_task(follow(feed, 5, NOBODY)) for _ in range(1_000)]
        await at_the_end(log, idle)
        busy = asyncio.create_task(follow(feed, 5, EVERYTHING))
        await at_the_end(log, [busy])
        before = log.reads
        log.append(1)
        assert (await busy).through == 6
        assert log.reads - before <= 2
        assert not any(task.done() for task in idle)
        log.append(1, "nobody")
        found = await asyncio.gather(*idle)
        assert {page.events[0].position for page in found} == {7}
        assert len({id(page) for page in found}) == 1, "one page for all at one place"


async def test_those_at_one_place_with_one_filter_share_a_read_and_a_page() -> None:
    log = Log()
    log.append(TAIL_EVENTS_MAX)
    async with log.followed() as feed:
        pages = await asyncio.gather(*(follow(feed, 3, EVERYTHING) for _ in range(300)))
        assert log.reads == 100 // READ_AT_ONCE
        assert len({id(page) for page in pages}) == 1


async def test_whoever_follows_gets_each_event_once_in_order_however_slow() -> None:
    dice = random.Random(8)
    log, total, partners = Log(), 4_000, ("P", "Q", "R")

    async def read_on(feed: Broadcast, number: int, which: Filter) -> None:
        first = after = dice.randint(0, 20)
        got: list[int] = []
        with feed.reader("caller"):
            while after < total:
                page = await feed.following(after, dice.choice((1, 7, 100)), which, SECONDS_MAX)
                got += [event.position for event in page.events]
                after = page.through
                for _ in range(dice.choice((0, 1, 50)) if number % 3 == 0 else 0):
                    await asyncio.sleep(0)
        assert got == [event.position for event in log.events[first:after] if which.passes(event)]

    filters = [EVERYTHING, *(Filter(partner_ids=frozenset({partner})) for partner in partners)]
    async with log.followed() as feed:
        readers = [asyncio.create_task(read_on(feed, number, filters[number % 4])) for number in range(12)]
        while len(log.events) < total:
            log.append(dice.choice((1, 3, 900)), dice.choice(partners))
            await asyncio.sleep(0)
        async with asyncio.timeout(SECONDS_MAX):
            while not all(reader.done() for reader in readers):
                for partner in partners:
                    log.append(1, partner)  # it moves on who waits for an event of his own
                await asyncio.sleep(0.01)
        await asyncio.gather(*readers)


async def test_great_events_make_small_pages() -> None:
    log = Log()
    log.append(200, body=b"x" * (64 << 10))
    async with log.followed() as feed:
        page = await feed.page(0, 1_000, EVERYTHING)
        assert len(page.bodies) <= PAGE_BYTES_MAX + 101 * (64 << 10)
        assert page.more
        followed = await follow(feed, 0, EVERYTHING)
        assert sum(len(event.body) for event in followed.events) < len(page.bodies)
        await follow(feed, 199, EVERYTHING)
        assert FOLLOWED_BYTES_MAX < PAGE_BYTES_MAX


async def test_there_are_places_for_so_many_in_all_and_for_so_many_of_one_caller() -> None:
    log = Log()
    async with log.followed(readers_max=3, per_caller_max=2) as feed, AsyncExitStack() as places:
        one = [feed.reader("one"), feed.reader("one")]
        for place in one:
            places.enter_context(place)
        with pytest.raises(TooManyReaders), feed.reader("one"):
            pass
        with feed.reader("another"), pytest.raises(TooManyReaders), feed.reader("a third"):
            pass
        with feed.reader("another"):
            pass
