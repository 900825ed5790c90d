"""Long work on an event loop that serves: it pauses every few milliseconds, so that others are answered meanwhile."""

import asyncio
from collections.abc import Callable
from time import perf_counter
from typing import Final, TypeVar
from weakref import WeakKeyDictionary

SECONDS_AT_ONCE: Final = 0.003
REST_FACTOR: Final = 2.0
REST_SECONDS_MAX: Final = 0.05

_Found = TypeVar("_Found")


class LongWork:
    """One piece of work, which says `await work.pause()` between its steps. A step takes less than 10 ms."""

    def __init__(self) -> None:
        self._since = perf_counter()

    async def pause(self) -> None:
        """Lets other work go on if it is time to."""
        if perf_counter() - self._since > SECONDS_AT_ONCE:
            await asyncio.sleep(0)
            self._since = perf_counter()


_turns: Final[WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock]] = WeakKeyDictionary()


async def at_a_rest(step: Callable[[], _Found]) -> _Found:
    """The result of a step of work that can wait.

    Such steps take turns, and each is followed by a rest of `REST_FACTOR` times its length: together they take a third
    of the event loop at most, however many there are.
    """
    turn = _turns.setdefault(asyncio.get_running_loop(), asyncio.Lock())
    async with turn:
        began = perf_counter()
        found = step()
        await asyncio.sleep(min(REST_SECONDS_MAX, REST_FACTOR * (perf_counter() - began)))
        return found
