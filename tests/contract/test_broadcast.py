"""One log followed by many: what is read, who is woken, and that nobody misses anything."""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final

import pytest

from services.web.event_broadcast import FOLLOWED_BYTES_MAX, PAGE_BYTES_MAX, READ_AT_ONCE, TAIL_EVENTS_MAX, Broadcast
from services.web.feed_events import EVERYTHING, Event, FeedRead, Filter, Page
from services.web.refusal import TooManyReaders
from services.web.wakeup import Wakeup

SECONDS_MAX: Final = 60.0
NOBODY: Final = Filter(partner_ids=frozenset({"nobody"}))


class Log:
    """A log in memory, and how often it was read. `number`: another after each reset."""

    def __init__(self) -> None:
        self.waiting = Wakeup()
        self.events: list[Event] = []
        self.number = 1
        self.reads = 0

    async def read(self, after: int, through: int, limit: int, which: Filter) -> FeedRead:
        self.reads += 1
        await asyncio.sleep(0)
        found = [event for event in self.events[after:through] if which.passes(event)]
        return FeedRead(found[:limit], len(self.events), self.number)

    def reset(self) -> None:
        """Another log, without an event; nobody is told yet."""
        self.events = []
        self.number += 1

    def append(self, number: int, partner: str = "P", body: bytes = b"{}") -> None:
        for _ in range(number):
            self.events.append(Event(len(self.events) + 1, body, "type", (partner,), ("S200P",)))
        self.waiting.wake()

    @asynccontextmanager
    async def followed(
        self, readers_max: int = 2_000, per_caller_max: int = 2_000, *, sandbox: bool = False, **more: Any
    ) -> AsyncIterator[Broadcast]:
        feed = Broadcast(
            self.read,
            self.waiting,
            (),
            sandbox=sandbox,
            readers_max=readers_max,
            readers_per_caller_max=per_caller_max,
            **more,
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


async def until_read(log: Log) -> None:
    """Until it was read twice more: the second time began after this."""
    reads = log.reads
    async with asyncio.timeout(SECONDS_MAX):
        while log.reads < reads + 2:
            log.waiting.wake()
            await asyncio.sleep(0.001)


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


async def test_who_asks_again_at_the_end_costs_no_read() -> None:
    log = Log()
    log.append(5)
    async with log.followed() as feed:
        with feed.reader("somebody else"):
            waiting = asyncio.create_task(follow(feed, 5, EVERYTHING))
            await at_the_end(log, [waiting])
            log.append(2)
            assert (await waiting).through == 7
            await at_the_end(log, [])
            before = log.reads
            assert [event.position for event in (await feed.first(5, 100, EVERYTHING)).events] == [6, 7]
            assert (await feed.first(7, 100, EVERYTHING)).events == []
            assert log.reads == before
            assert [event.position for event in (await feed.first(3, 100, EVERYTHING)).events] == [4, 5, 6, 7]
            assert log.reads == before + 1, "what lies before the tail is read"


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


async def test_a_sandbox_that_lost_the_end_of_its_log_goes_on_and_one_whose_log_was_replaced_begins_again() -> None:
    log = Log()
    log.append(1, body=b'"the first"')
    async with log.followed(sandbox=True) as feed:
        reader = asyncio.create_task(follow(feed, 1, NOBODY))
        await at_the_end(log, [reader])
        log.append(3, body=b'"later"')
        await until_read(log)
        lost = log.events[2:]
        del log.events[2:]
        await until_read(log)
        assert not reader.done()

        log.events += lost
        await until_read(log)
        log.reset()
        log.append(2, body=b'"of another log"')
        assert (await reader).replaced


async def test_a_sandbox_whose_log_is_shorter_counts_as_replaced_once_all_that_a_crash_took_is_back() -> None:
    """Readers that come after a crash, and do not know of which log their position is; and one that waits."""
    log, back = Log(), asyncio.Event()
    log.append(4)
    async with log.followed(sandbox=True, until_returned=back.wait) as feed:
        waiting = asyncio.create_task(follow(feed, 4, EVERYTHING))
        await at_the_end(log, [waiting])
        lost = log.events[2:]
        del log.events[2:]
        come_since = asyncio.create_task(feed.following(4, 100, EVERYTHING, SECONDS_MAX, restarts=True))
        log.waiting.wake()
        await at_the_end(log, [waiting, come_since])
        assert not (await feed.following(4, 100, EVERYTHING, 0.01, restarts=True)).replaced, "its time is up"

        log.events += lost
        log.append(1)
        back.set()
        assert [event.position for event in (await waiting).events] == [5]
        page = await come_since
        assert not page.replaced
        page = await feed.following(page.through, 100, EVERYTHING, SECONDS_MAX, restarts=True)
        assert [event.position for event in page.events] == [5]
        del log.events[2:]
        assert (await feed.following(5, 100, EVERYTHING, SECONDS_MAX, restarts=True)).replaced


async def test_a_sandbox_whose_log_is_another_counts_as_replaced_however_long_that_is_by_now() -> None:
    log = Log()
    log.append(4)
    async with log.followed(sandbox=True) as feed:
        waiting = asyncio.create_task(follow(feed, 4, EVERYTHING))
        await at_the_end(log, [waiting])
        log.reset()
        log.append(6)
        assert (await waiting).replaced


async def test_who_comes_right_after_a_reset_gets_nothing_of_the_log_before() -> None:
    """Also while others follow that one still, and nothing was said about the reset."""
    log = Log()
    async with log.followed(sandbox=True) as feed:
        waiting = asyncio.create_task(follow(feed, 0, NOBODY))
        await at_the_end(log, [waiting])
        log.append(5, body=b'"of the log before"')
        await until_read(log)
        log.reset()
        log.events += [Event(number, b'"of this log"', "type", ("P",), ("S200P",)) for number in (1, 2)]
        with feed.reader("another"):
            page = await feed.following(0, 100, EVERYTHING, SECONDS_MAX, restarts=True)
            assert [event.body for event in page.events] == [b'"of this log"'] * 2
            coming = asyncio.create_task(feed.following(2, 100, EVERYTHING, SECONDS_MAX, restarts=True, log=page.log))
            await asyncio.sleep(0)
            log.append(1, body=b'"of this log"')
            assert [event.position for event in (await coming).events] == [3]
        assert (await waiting).replaced


async def test_a_page_has_events_of_one_log() -> None:
    """Where a reset comes between two reads of a page, it ends; the next one says that the log is another."""
    log = Log()
    log.append(3 * READ_AT_ONCE)
    async with log.followed(sandbox=True) as feed:
        reading = asyncio.create_task(feed.following(0, 100, EVERYTHING, SECONDS_MAX))
        while log.reads < 2:  # noqa: ASYNC110 - the second read has begun
            await asyncio.sleep(0)
        log.reset()
        log.append(3 * READ_AT_ONCE, body=b'"of another log"')
        page = await reading
        assert {event.body for event in page.events} == {b"{}"}
        assert (await feed.following(page.through, 100, EVERYTHING, SECONDS_MAX, log=page.log)).replaced


async def test_a_filter_is_asked_only_about_events_that_have_one_of_its_names(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Filter] = []
    passes = Filter.passes

    def counted(which: Filter, event: Event) -> bool:
        asked.append(which)
        return passes(which, event)

    monkeypatch.setattr(Filter, "passes", counted)
    log = Log()
    others = [frozenset({f"none-{number}"}) for number in range(9)]
    filters = [Filter(types=names) for names in others] + [Filter(products=names) for names in others]
    filters += [Filter(frozenset({"type"}), partner_ids=names) for names in others]
    passing = Filter(frozenset({"type", "other"}), frozenset({"P"}), frozenset({"S200P", "S200S"}))
    async with log.followed() as feed:
        tasks = [asyncio.create_task(follow(feed, 0, which)) for which in (*filters, passing, EVERYTHING)]
        await at_the_end(log, tasks)
        asked.clear()
        log.append(1)
        assert [(await task).events[0].position for task in tasks[-2:]] == [1, 1]
        await at_the_end(log, tasks[:-2])
        assert set(asked) == {passing, EVERYTHING}
        for task in tasks:
            task.cancel()


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
