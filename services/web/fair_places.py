"""Few places for many calls. Callers get them in turn: a caller of very many calls waits for its own calls only."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Final

caller_name: Final[ContextVar[str]] = ContextVar("caller_name", default="")
"""Who makes the call that this task answers; empty: the service itself."""


class FairPlaces:
    """Belongs to one event loop. `places`: how many have one at once, such as the connections of a pool."""

    def __init__(self, places: int) -> None:
        self._free = places
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}

    @asynccontextmanager
    async def place(self, seconds_max: float | None = None) -> AsyncIterator[None]:
        """A place, within that time. Raises `TimeoutError`."""
        async with asyncio.timeout(seconds_max):
            await self.take()
        try:
            yield
        finally:
            self.give_back()

    async def take(self) -> None:
        """Waits for a place, which `give_back` gives back."""
        if self._free:
            self._free -= 1
            return
        given: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(caller_name.get(), deque()).append(given)
        try:
            await given
        except BaseException:
            if given.done() and not given.cancelled():
                self.give_back()
            raise

    def give_back(self) -> None:
        """Gives the place to the next caller in turn: to its first call that still waits."""
        while self._waiting:
            caller = next(iter(self._waiting))
            calls = self._waiting.pop(caller)
            while calls:
                given = calls.popleft()
                if not given.done():
                    if calls:
                        self._waiting[caller] = calls  # behind the other callers
                    given.set_result(None)
                    return
        self._free += 1
