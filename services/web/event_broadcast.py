"""One log, followed by many: new events are read and encoded once, and wake those alone whose filter they pass.

While anybody follows, the latest events are kept in memory, the tail. Who is at the end of the log waits for the next
event of the tail; who is further back reads the log, on connections that nothing else uses, and those who read the same
place with the same filter at the same time share the read.
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
"""How many positions one read looks at, however few of their events pass the filter."""
POSITION_MAX: Final = 2**53 - 1
"""Beyond it, readers of JSON whose numbers are floating-point cannot tell one position from the next."""
READ_AT_ONCE: Final = 50
"""Events that are read and encoded in one go: a few milliseconds of the event loop."""
PAGE_BYTES_MAX: Final = 1 << 20
"""A page ends with the event that reaches so many bytes."""
FOLLOWED_BYTES_MAX: Final = 256 << 10
"""The same of those who follow: so much of each may be in memory while it is sent."""
TAIL_EVENTS_MAX: Final = 2_000
TAIL_BYTES_MAX: Final = 8 << 20

_HOUR_SECONDS: Final = 3600.0
_TOO_MANY: Final = "As many streams and long polls are open as may be, in all or for this caller: close one."
PAUSE_SECONDS: Final = 0.02
"""Between two rounds of sending: what comes meanwhile goes together."""
PAUSE_FACTOR: Final = 4.0
"""A pause lasts so many times as long as the round before: sending takes a fifth of the event loop at most."""
PAUSE_SECONDS_OF_ONE: Final = 0.001
"""And so long for each that was woken: one who polls calls again, which costs more than sending."""
PAUSE_SECONDS_MAX: Final = 1.0
WOKEN_AT_ONCE: Final = 8
"""Readers that are sent to before the event loop sees to others."""


class Event(NamedTuple):
    """An event of a log, encoded, with what filters look at. `moment`: what `Filter.until` bounds, in its order."""

    position: int
    body: bytes
    type: str
    partner_ids: tuple[str, ...]
    products: tuple[str, ...]
    moment: tuple[Any, ...] = ()


class Filter(NamedTuple):
    """Which events: of these types, about one of these partners, and one of these products; empty: any.

    `until`: the greatest values of an event's `moment`, None where any will do.
    """

    types: frozenset[str] = frozenset()
    partner_ids: frozenset[str] = frozenset()
    products: frozenset[str] = frozenset()
    until: tuple[Any, ...] = ()

    def passes(self, event: Event) -> bool:
        """Whether it is one of them."""
        return (
            (not self.types or event.type in self.types)
            and (not self.partner_ids or not self.partner_ids.isdisjoint(event.partner_ids))
            and (not self.products or not self.products.isdisjoint(event.products))
            and all(last is None or value <= last for last, value in zip(self.until, event.moment, strict=False))
        )


EVERYTHING: Final = Filter()


class Page:
    """What one look has found. `through`: up to there was looked. `head`: where the log ended then.

    `begun_anew`: the log is another than the one that was followed, which happens in a sandbox alone.
    """

    def __init__(self, events: Sequence[Event], through: int, head: int, *, begun_anew: bool = False) -> None:
        self.events = events
        self.through = through
        self.head = head
        self.begun_anew = begun_anew

    @property
    def more(self) -> bool:
        """Whether the log goes on from there."""
        return self.through < self.head

    @cached_property
    def bodies(self) -> bytes:
        """The events with commas between them."""
        return b",".join(event.body for event in self.events)


Read = Callable[[int, int, int, Filter], Awaitable[tuple[Sequence[Event], int]]]
"""(after, through, limit, filter) to the events between, in order, and where the log ends, as one snapshot has it."""


class _Reader(NamedTuple):
    """Who waits at the end of the log."""

    after: int
    woken: asyncio.Future[None]


class Broadcast:
    """The log of one service. `away`: errors that pass by themselves. `sandbox`: the log may begin anew.

    Any other grows for ever; what a crash of the server took from its end comes again as it was.
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
        """Whether the server is to stop, and nobody should wait any longer."""
        return self._waiting.stopped

    @contextmanager
    def reader(self, caller: str) -> Iterator[None]:
        """A place among those who follow. Raises `TooManyReaders`."""
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
        """Keeps the tail up while the context lasts."""
        tasks = [asyncio.create_task(self._keep_up()), asyncio.create_task(self._let_go())]
        try:
            yield
        finally:
            for task in (*tasks, *self._reads.values()):
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    # Reading -----------------------------------------------------------------------------------

    async def page(self, after: int, limit: int, which: Filter, bytes_max: int = PAGE_BYTES_MAX) -> Page:
        """The events after a position, at most `limit`, and fewer where they are great or far apart."""
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
        """The next events after a position; after that time, or when the server stops, a page without any.

        For those who go on from where a page ends; of several who are at one place each may get the same page.
        `restarts`: where a sandbox ends before the position already, its log is taken for another.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds_max
        unsure = restarts and self.sandbox  # whether the log still goes as far as the position
        while True:
            tail = self._tail
            if tail is not None and tail.start <= after < tail.head:
                found = tail.page(after, limit, which)
            elif tail is not None and (after == tail.head or (after > tail.head and not unsure)):
                found = await self._wait(tail, after, which, deadline - loop.time())
            else:
                found = await self._shared(after, limit, which)
                if unsure and found.head < after:
                    return Page((), after, found.head, begun_anew=True)
                unsure = False
                if not found.more:
                    self._follow(found.head)
            after = found.through
            if found.events or found.begun_anew or self.stopped or loop.time() >= deadline:
                return found

    async def _shared(self, after: int, limit: int, which: Filter) -> Page:
        """The page, read once for all who want it while it is being read."""
        key = (after, limit, which)
        task = self._reads.get(key)
        if task is None:
            task = self._reads[key] = asyncio.create_task(self.page(*key, FOLLOWED_BYTES_MAX))
            task.add_done_callback(lambda task: self._has_read(key, task))
        return await asyncio.shield(task)

    def _has_read(self, key: tuple[int, int, Filter], task: "asyncio.Task[Page]") -> None:
        del self._reads[key]
        if not task.cancelled():
            task.exception()  # whoever waited has got it; where nobody does any more, nobody is told

    async def _wait(self, tail: "_Tail", after: int, which: Filter, seconds_max: float) -> Page:
        """Until something passes the filter. What has not woken anybody by then has not passed it."""
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
        if tail.begun_anew:
            return Page((), after, 0, begun_anew=True)
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
        """Lets nobody wait any longer once the server is to stop."""
        while not self.stopped:
            await wait_until_set(self._waiting.next_signal(), _HOUR_SECONDS)
        await self._wake(self._all_readers())

    async def _round(self) -> float:
        """Reads what is new and wakes whom it concerns; returns the seconds to pause."""
        loop = asyncio.get_running_loop()
        seconds, woken, more = 0.0, 0, True
        while more and self._tail is not None:
            tail = self._tail
            found = await self.page(tail.head, READ_AT_ONCE, EVERYTHING)
            if self.sandbox and found.head < tail.head:
                tail.begun_anew = True
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
        """Those at the end whose filter one of these events passes. Filters by partner are found by the partner."""
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
        """A few at a time: what each then sends is done before the next few are woken. Returns how many there were."""
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
        self.begun_anew = False
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
