"""One log with many readers: new events are read and encoded once, and wake only the readers whose filter they pass.

While anyone follows, memory keeps the latest events, the tail. A reader at the end of the log waits for the next event
of the tail. A reader further back reads the log, on connections that nothing else uses; readers of the same place with
the same filter at the same time share the read.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Coroutine, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from itertools import takewhile
from typing import Final, NamedTuple

from services.web.bounded_places import Places
from services.web.feed_events import EVERYTHING, POSITION_MAX, Event, FeedRead, Filter, Page
from services.web.refusal import TooManyReaders
from services.web.wakeup import POLL_SECONDS, Wakeup, wait_until_set

SCAN_WINDOW: Final = 10_000
"""Positions that one read scans, however few of their events pass the filter."""
READ_AT_ONCE: Final = 50
"""Events that are read and encoded at once: a few milliseconds of the event loop."""
PAGE_BYTES_MAX: Final = 1 << 20
"""A page ends with the event that reaches this size."""
FOLLOWED_BYTES_MAX: Final = 256 << 10
"""The same for followers: the memory that each may take while a page is sent."""
TAIL_EVENTS_MAX: Final = 2_000
TAIL_BYTES_MAX: Final = 8 << 20

_HOUR_SECONDS: Final = 3600.0
_TOO_MANY: Final = "Too many streams and long polls are open, in all or for this caller: close one."
PAUSE_SECONDS: Final = 0.02
"""Between two rounds of sending: events that arrive meanwhile go together."""
PAUSE_FACTOR: Final = 4.0
"""The pause is this many times the last round, so that sending takes at most a fifth of the event loop."""
PAUSE_SECONDS_OF_ONE: Final = 0.002
"""The pause for each reader woken: a long poll calls again, which costs more than sending."""
PAUSE_SECONDS_MAX: Final = 1.0
ANYTHING: Final = "*"
"""The name of a filter without names; no partner, product or type is called so."""
WOKEN_AT_ONCE: Final = 8
"""Readers that are woken before the event loop turns to other tasks."""


Read = Callable[[int, int, int, Filter], Awaitable[FeedRead]]
"""(after, through, limit, filter) to the events selected between, in order, and the end of the log, in one snapshot."""


async def _nothing() -> None:
    """The wait of a log that loses no events."""


class _Reader(NamedTuple):
    """A reader that waits at the end of the log."""

    after: int
    woken: asyncio.Future[None]


class Broadcast:
    """The log of one service. `away`: errors that pass by themselves. `sandbox`: the log may be replaced.

    Outside a sandbox a log only grows. After a crash of the database, events lost from its end return unchanged. In a
    sandbox each read says which log it read. `until_returned`: returns once the events that a crash took from the end
    of the log are there again; until then nobody knows whether a position beyond its end is one of another log.
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
        until_returned: Callable[[], Coroutine[None, None, None]] = _nothing,
    ) -> None:
        self._read = read
        self._until_returned = until_returned
        self._waiting = waiting
        self.away = away
        self.sandbox = sandbox
        self._readers = Places(readers_max, readers_per_caller_max)
        self._tail: _Tail | None = None
        self._followed = asyncio.Event()
        self._at_end: dict[Filter, set[_Reader]] = {}
        self._filters_of: dict[str, set[Filter]] = {}
        self._reads: dict[tuple[int, int, Filter], asyncio.Task[Page]] = {}

    @property
    def stopped(self) -> bool:
        """Whether the server stops, and waits end at once."""
        return self._waiting.stopped

    @contextmanager
    def reader(self, caller: str) -> Iterator[None]:
        """A place among the readers. Raises `TooManyReaders`."""
        give_back = self._readers.take(caller)
        if give_back is None:
            raise TooManyReaders(_TOO_MANY)
        try:
            yield
        finally:
            give_back()

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
        first: FeedRead | None = None
        while True:
            at_once = min(READ_AT_ONCE, limit - len(events))
            read = await self._read(events[-1].position if events else after, through, at_once, which)
            if first is not None and read.log != first.log:  # a sandbox was reset in between
                return Page(events, events[-1].position, first.head, first.log)
            first = first or read
            events += read.events
            size += sum(len(event.body) for event in read.events)
            if len(read.events) < at_once:
                return Page(events, max(after, min(through, read.head)), read.head, read.log)
            if len(events) == limit or size >= bytes_max:
                return Page(events, events[-1].position, read.head, read.log)

    async def first(self, after: int, limit: int, which: Filter) -> Page:
        """The next events for a reader that waits if there are none: from the tail where it has them.

        So readers that ask again and again cost no read each. The tail may be behind by a round of sending. That of a
        sandbox is not asked, since its log may be replaced.
        """
        tail = self._tail
        if tail is None or self.sandbox or not tail.start <= after <= tail.head:
            return await self.page(after, limit, which)
        return tail.page(after, limit, which)

    async def following(
        self,
        after: int,
        limit: int,
        which: Filter,
        seconds_max: float,
        *,
        restarts: bool = False,
        log: int | None = None,
    ) -> Page:
        """The next events after a position; an empty page after that time, or when the server stops.

        For readers that go on where a page ended; readers at one place may share the page. `log`: of that page. A
        sandbox whose log is another by now counts as replaced, and with `restarts` also one that ends before the
        position, where the reader does not know which log the position is of.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds_max
        unsure = restarts and self.sandbox and log is None  # whether the log still reaches the position
        while True:
            tail = self._tail
            if tail is not None and self.sandbox and tail.log != log:
                tail = None  # only a read tells which of the two is the log now
            if tail is not None and tail.start <= after < tail.head:
                found = tail.page(after, limit, which)
            elif tail is not None and (after == tail.head or (after > tail.head and not unsure)):
                found = await self._wait(tail, after, which, deadline - loop.time())
            else:
                found = await self._read_on(after, limit, which)
                if self.sandbox and log is not None and found.log != log:
                    return Page((), after, found.head, found.log, replaced=True)
                log = found.log
                if unsure and found.head < after:
                    return await self._shorter(after, deadline)
                unsure = False
            after = found.through
            if found.events or found.replaced or self.stopped or loop.time() >= deadline:
                return found

    async def _read_on(self, after: int, limit: int, which: Filter) -> Page:
        """The page, from the log. A reader at its end is followed; until the tail is of this log it polls."""
        found = await (
            self.page(after, limit, which, FOLLOWED_BYTES_MAX) if self.sandbox else self._shared(after, limit, which)
        )
        if not found.more:
            self._follow(found)
            if not found.events and self.sandbox and self._tail is not None and self._tail.log != found.log:
                await asyncio.sleep(PAUSE_SECONDS)
        return found

    async def _shorter(self, after: int, deadline: float) -> Page:
        """The page of a reader whose position is after the end of a sandbox's log.

        The log counts as replaced if it still ends there once all that a crash took is back.
        """
        returning, stopping = (asyncio.ensure_future(wait()) for wait in (self._until_returned, self._until_stopped))
        try:
            left = max(0.0, deadline - asyncio.get_running_loop().time())
            await asyncio.wait((returning, stopping), timeout=left, return_when=asyncio.FIRST_COMPLETED)
            if not returning.done():
                return Page((), after, after)
            returning.result()
        finally:
            returning.cancel()
            stopping.cancel()
        head = (await self.page(POSITION_MAX, 1, EVERYTHING)).head
        return Page((), after, head, replaced=head < after)

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
            return Page((), max(after, tail.head), tail.head, tail.log)
        return Page((), after, tail.head, tail.log)

    def _enter(self, reader: _Reader, which: Filter) -> None:
        if which not in self._at_end:
            self._at_end[which] = set()
            for name in _names_in(which):
                self._filters_of.setdefault(name, set()).add(which)
        self._at_end[which].add(reader)

    def _leave(self, reader: _Reader, which: Filter) -> None:
        readers = self._at_end[which]
        readers.discard(reader)
        if readers:
            return
        del self._at_end[which]
        for name in _names_in(which):
            self._filters_of[name].discard(which)
            if not self._filters_of[name]:
                del self._filters_of[name]

    # The tail ----------------------------------------------------------------------------------

    def _follow(self, found: Page) -> None:
        if self._tail is None:
            self._tail = _Tail(found.head, found.log)
            self._followed.set()

    async def _keep_up(self) -> None:
        while True:
            await self._followed.wait()
            signal = self._waiting.next_signal()
            pause_seconds = PAUSE_SECONDS
            with suppress(*self.away):
                pause_seconds = await self._round()
            if not self._readers.taken:
                self._tail = None
                self._followed.clear()
                continue
            await asyncio.sleep(pause_seconds)
            await self._waiting.wait(signal, POLL_SECONDS)

    async def _let_go(self) -> None:
        """Ends all waits when the server stops."""
        await self._until_stopped()
        await self._wake(self._all_readers())

    async def _until_stopped(self) -> None:
        while not self.stopped:
            await wait_until_set(self._waiting.next_signal(), _HOUR_SECONDS)

    async def _round(self) -> float:
        """Reads the new events and wakes their readers; returns the seconds to pause."""
        loop = asyncio.get_running_loop()
        seconds, woken, more = 0.0, 0, True
        while more and self._tail is not None:
            tail = self._tail
            found = await self.page(tail.head, READ_AT_ONCE, EVERYTHING)
            if self.sandbox and found.log != tail.log:
                tail.replaced = True
                self._tail = _Tail(found.head, found.log)
                await self._wake(self._all_readers())
                return PAUSE_SECONDS
            tail.extend(found)
            began = loop.time()
            woken += await self._wake(self._concerned(found.events))
            seconds += loop.time() - began
            more = found.more
        return min(PAUSE_SECONDS_MAX, max(PAUSE_SECONDS, PAUSE_FACTOR * seconds, PAUSE_SECONDS_OF_ONE * woken))

    def _concerned(self, events: Sequence[Event]) -> Iterable[_Reader]:
        """The readers at the end whose filter one of these events passes.

        A filter costs nothing if the events have none of its names.
        """
        named = {name for event in events for name in (*event.partner_ids, *event.products, event.type, ANYTHING)}
        filters = {which for name in named for which in self._filters_of.get(name, ())}
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


def _names_in(which: Filter) -> Collection[str]:
    """The partners, products or types of a filter, whichever is narrowest. An event that passes has one of them."""
    return which.partner_ids or which.products or which.types or (ANYTHING,)


class _Tail:
    """The latest events of a log: all after `start`, up to `head`."""

    def __init__(self, head: int, log: int | None) -> None:
        self.start = self.head = head
        self.log = log
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
                    return Page(events, event.position, self.head, self.log)
        return Page(events, self.head, self.head, self.log)
