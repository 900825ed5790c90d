"""One log with many readers: new events are read and encoded once, and wake only the readers whose filter they pass.

While anyone follows, memory keeps the latest events, the tail. A reader at the end of the log waits for the next event
of the tail. A reader further back reads the log, on connections that nothing else uses; readers of the same place with
the same filter at the same time share the read.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import cached_property
from itertools import takewhile
from typing import Any, Final, NamedTuple

from services.web.refusal import TooManyReaders
from services.web.wakeup import POLL_SECONDS, Wakeup, wait_until_set

SCAN_WINDOW: Final = 10_000
"""Positions that one read scans, however few of their events pass the filter."""
POSITION_MAX: Final = 2**53 - 1
"""The largest position that readers with floating-point JSON numbers can distinguish from the next."""
READ_AT_ONCE: Final = 50
"""Events that are read and encoded at once: a few milliseconds of the event loop."""
PAGE_BYTES_MAX: Final = 1 << 20
"""A page ends with the event that reaches this size."""
FOLLOWED_BYTES_MAX: Final = 256 << 10
"""The same for followers: the memory that each may take while a page is sent."""
TAIL_EVENTS_MAX: Final = 2_000
TAIL_BYTES_MAX: Final = 8 << 20

_HOUR_SECONDS: Final = 3600.0
_TOO_MANY: Final = "As many streams and long polls are open as may be, in all or for this caller: close one."
PAUSE_SECONDS: Final = 0.02
"""Between two rounds of sending: events that arrive meanwhile go together."""
PAUSE_FACTOR: Final = 4.0
"""The pause is this many times the last round, so that sending takes at most a fifth of the event loop."""
PAUSE_SECONDS_OF_ONE: Final = 0.001
"""The pause for each reader woken: a long poll calls again, which costs more than sending."""
PAUSE_SECONDS_MAX: Final = 1.0
WOKEN_AT_ONCE: Final = 8
"""Readers that are woken before the event loop turns to other tasks."""


class Event(NamedTuple):
    """An encoded event of a log, and the values that filters test. `moment`: those that `Filter.until` bounds."""

    position: int
    body: bytes
    type: str
    partner_ids: tuple[str, ...]
    products: tuple[str, ...]
    moment: tuple[Any, ...] = ()


class Filter(NamedTuple):
    """Selects events of these types, about one of these partners and one of these products; empty: any.

    `until`: the greatest values of an event's `moment`; None: any.
    """

    types: frozenset[str] = frozenset()
    partner_ids: frozenset[str] = frozenset()
    products: frozenset[str] = frozenset()
    until: tuple[Any, ...] = ()

    def passes(self, event: Event) -> bool:
        """Whether the filter selects the event."""
        return (
            (not self.types or event.type in self.types)
            and (not self.partner_ids or not self.partner_ids.isdisjoint(event.partner_ids))
            and (not self.products or not self.products.isdisjoint(event.products))
            and all(last is None or value <= last for last, value in zip(self.until, event.moment, strict=False))
        )


EVERYTHING: Final = Filter()


class Page:
    """The result of one read. `through`: the last position scanned. `head`: the end of the log at the time.

    `replaced`: the followed log was replaced by another, which happens only in a sandbox.
    """

    def __init__(self, events: Sequence[Event], through: int, head: int, *, replaced: bool = False) -> None:
        self.events = events
        self.through = through
        self.head = head
        self.replaced = replaced

    @property
    def more(self) -> bool:
        """Whether the log goes on after `through`."""
        return self.through < self.head

    @cached_property
    def bodies(self) -> bytes:
        """The encoded events, separated by commas."""
        return b",".join(event.body for event in self.events)


Read = Callable[[int, int, int, Filter], Awaitable[tuple[Sequence[Event], int]]]
"""(after, through, limit, filter) to the events selected between, in order, and the end of the log, in one snapshot."""


class _Reader(NamedTuple):
    """A reader that waits at the end of the log."""

    after: int
    woken: asyncio.Future[None]


class Broadcast:
    """The log of one service. `away`: errors that pass by themselves. `sandbox`: the log may be replaced.

    Outside a sandbox a log only grows; after a crash of the server, events lost from its end return unchanged.
    """

    def __init__(
        self,
        read: Read,
        waiting: Wakeup,
        away: tuple[type[Exception], ...],
        *,
        sandbox: bool,
        readers_max: int,
        readers_per_caller_max: int,
    ) -> None:
        self._read = read
        self._waiting = waiting
        self.away = away
        self.sandbox = sandbox
        self._readers_max = readers_max
        self._readers_per_caller_max = readers_per_caller_max
        self._readers: Counter[str] = Counter()
        self._tail: _Tail | None = None
        self._followed = asyncio.Event()
        self._at_end: dict[Filter, set[_Reader]] = {}
        self._of_partner: dict[str, set[Filter]] = {}
        self._reads: dict[tuple[int, int, Filter], asyncio.Task[Page]] = {}

    @property
    def stopped(self) -> bool:
        """Whether the server stops, and waits end at once."""
        return self._waiting.stopped

    @contextmanager
    def reader(self, caller: str) -> Iterator[None]:
        """A place among the readers. Raises `TooManyReaders`."""
        full = self._readers.total() >= self._readers_max
        if full or self._readers[caller] >= self._readers_per_caller_max:
            raise TooManyReaders(_TOO_MANY)
        self._readers[caller] += 1
        try:
            yield
        finally:
            self._readers -= Counter({caller: 1})

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Keeps the tail up to date while the context lasts."""
        tasks = [asyncio.create_task(self._keep_up()), asyncio.create_task(self._let_go())]
        try:
            yield
        finally:
            for task in (*tasks, *self._reads.values()):
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    # Reading -----------------------------------------------------------------------------------

    async def page(self, after: int, limit: int, which: Filter, bytes_max: int = PAGE_BYTES_MAX) -> Page:
        """The events after a position, at most `limit`, and fewer if they are large or far apart."""
        events: list[Event] = []
        size, through = 0, min(after + SCAN_WINDOW, POSITION_MAX)
        while True:
            at_once = min(READ_AT_ONCE, limit - len(events))
            found, head = await self._read(events[-1].position if events else after, through, at_once, which)
            events += found
            size += sum(len(event.body) for event in found)
            if len(found) < at_once:
                return Page(events, max(after, min(through, head)), head)
            if len(events) == limit or size >= bytes_max:
                return Page(events, events[-1].position, head)

    async def following(
        self, after: int, limit: int, which: Filter, seconds_max: float, *, restarts: bool = False
    ) -> Page:
        """The next events after a position; an empty page after that time, or when the server stops.

        For readers that go on where a page ended; readers at one place may share the page.
        `restarts`: a sandbox whose log ends before the position counts as replaced.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds_max
        unsure = restarts and self.sandbox  # whether the log still reaches the position
        while True:
            tail = self._tail
            if tail is not None and tail.start <= after < tail.head:
                found = tail.page(after, limit, which)
            elif tail is not None and (after == tail.head or (after > tail.head and not unsure)):
                found = await self._wait(tail, after, which, deadline - loop.time())
            else:
                found = await self._shared(after, limit, which)
                if unsure and found.head < after:
                    return Page((), after, found.head, replaced=True)
                unsure = False
                if not found.more:
                    self._follow(found.head)
            after = found.through
            if found.events or found.replaced or self.stopped or loop.time() >= deadline:
                return found

    async def _shared(self, after: int, limit: int, which: Filter) -> Page:
        """The page, read once for all readers that want it during the read."""
        key = (after, limit, which)
        task = self._reads.get(key)
        if task is None:
            task = self._reads[key] = asyncio.create_task(self.page(*key, FOLLOWED_BYTES_MAX))
            task.add_done_callback(lambda task: self._has_read(key, task))
        return await asyncio.shield(task)

    def _has_read(self, key: tuple[int, int, Filter], task: "asyncio.Task[Page]") -> None:
        del self._reads[key]
        if not task.cancelled():
            task.exception()  # retrieved, so that asyncio does not log an error that no reader awaits

    async def _wait(self, tail: "_Tail", after: int, which: Filter, seconds_max: float) -> Page:
        """Waits until an event passes the filter; events that woke no reader by then have not passed it."""
        reader = _Reader(after, asyncio.get_running_loop().create_future())
        self._enter(reader, which)
        try:
            async with asyncio.timeout(max(0.0, seconds_max)):
                if not self.stopped:
                    await reader.woken
        except TimeoutError:
            pass
        finally:
            self._leave(reader, which)
        if tail.replaced:
            return Page((), after, 0, replaced=True)
        if not reader.woken.done() or self.stopped:
            return Page((), max(after, tail.head), tail.head)
        return Page((), after, tail.head)

    def _enter(self, reader: _Reader, which: Filter) -> None:
        if which not in self._at_end:
            self._at_end[which] = set()
            for partner_id in which.partner_ids:
                self._of_partner.setdefault(partner_id, set()).add(which)
        self._at_end[which].add(reader)

    def _leave(self, reader: _Reader, which: Filter) -> None:
        readers = self._at_end[which]
        readers.discard(reader)
        if readers:
            return
        del self._at_end[which]
        for partner_id in which.partner_ids:
            self._of_partner[partner_id].discard(which)
            if not self._of_partner[partner_id]:
                del self._of_partner[partner_id]

    # The tail ----------------------------------------------------------------------------------

    def _follow(self, head: int) -> None:
        if self._tail is None:
            self._tail = _Tail(head)
            self._followed.set()

    async def _keep_up(self) -> None:
        while True:
            await self._followed.wait()
            signal = self._waiting.next_signal()
            pause_seconds = PAUSE_SECONDS
            with suppress(*self.away):
                pause_seconds = await self._round()
            if not self._readers:
                self._tail = None
                self._followed.clear()
                continue
            await asyncio.sleep(pause_seconds)
            await self._waiting.wait(signal, POLL_SECONDS)

    async def _let_go(self) -> None:
        """Ends all waits when the server stops."""
        while not self.stopped:
            await wait_until_set(self._waiting.next_signal(), _HOUR_SECONDS)
        await self._wake(self._all_readers())

    async def _round(self) -> float:
        """Reads the new events and wakes their readers; returns the seconds to pause."""
        loop = asyncio.get_running_loop()
        seconds, woken, more = 0.0, 0, True
        while more and self._tail is not None:
            tail = self._tail
            found = await self.page(tail.head, READ_AT_ONCE, EVERYTHING)
            if self.sandbox and found.head < tail.head:
                tail.replaced = True
                self._tail = _Tail(found.head)
                await self._wake(self._all_readers())
                return PAUSE_SECONDS
            tail.extend(found)
            began = loop.time()
            woken += await self._wake(self._concerned(found.events))
            seconds += loop.time() - began
            more = found.more
        return min(PAUSE_SECONDS_MAX, max(PAUSE_SECONDS, PAUSE_FACTOR * seconds, PAUSE_SECONDS_OF_ONE * woken))

    def _concerned(self, events: Sequence[Event]) -> Iterable[_Reader]:
        """The readers at the end whose filter one of these events passes. Filters by partner are indexed by partner."""
        if not events:
            return
        named = {partner_id for event in events for partner_id in event.partner_ids}
        filters = {which for partner_id in named for which in self._of_partner.get(partner_id, ())}
        filters.update(which for which in self._at_end if not which.partner_ids)
        for which in filters:
            last = next((event.position for event in reversed(events) if which.passes(event)), 0)
            yield from (reader for reader in tuple(self._at_end.get(which, ())) if reader.after < last)

    def _all_readers(self) -> Iterable[_Reader]:
        return [reader for readers in self._at_end.values() for reader in readers]

    async def _wake(self, readers: Iterable[_Reader]) -> int:
        """Wakes readers a few at a time, so that each batch sends before the next is woken. Returns their number."""
        number = 0
        for number, reader in enumerate(tuple(readers), start=1):
            if not reader.woken.done():
                reader.woken.set_result(None)
            if number % WOKEN_AT_ONCE == 0:
                await asyncio.sleep(0)
        await asyncio.sleep(0)
        return number


class _Tail:
    """The latest events of the log: all after `start`, up to `head`."""

    def __init__(self, head: int) -> None:
        self.start = self.head = head
        self.replaced = False
        self._events: list[Event] = []
        self._bytes = 0
        self._pages: dict[tuple[int, int, Filter], Page] = {}

    def extend(self, found: Page) -> None:
        """Takes in what follows, and forgets the oldest beyond what is kept."""
        self._pages.clear()
        self._events += found.events
        self._bytes += sum(len(event.body) for event in found.events)
        self.head = max(self.head, found.through)
        forgotten = 0
        while len(self._events) - forgotten > TAIL_EVENTS_MAX or self._bytes > TAIL_BYTES_MAX:
            self._bytes -= len(self._events[forgotten].body)
            self.start = self._events[forgotten].position
            forgotten += 1
        del self._events[:forgotten]

    def page(self, after: int, limit: int, which: Filter) -> Page:
        """Made once for all who are at this place with this filter."""
        found = self._pages.get((after, limit, which))
        if found is None:
            found = self._pages[after, limit, which] = self._page(after, limit, which)
        return found

    def _page(self, after: int, limit: int, which: Filter) -> Page:
        newer = list(takewhile(lambda event: event.position > after, reversed(self._events)))
        events: list[Event] = []
        size = 0
        for event in reversed(newer):
            if which.passes(event):
                events.append(event)
                size += len(event.body)
                if len(events) == limit or size >= FOLLOWED_BYTES_MAX:
                    return Page(events, event.position, self.head)
        return Page(events, self.head, self.head)
