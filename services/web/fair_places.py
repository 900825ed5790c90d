"""Few places for many calls. Callers get them in turn: a caller of very many calls waits for its own calls only.

Of one caller the kinds of calls take turns likewise: very many of one kind do not delay those of another. So it is also
where nobody has a key, and all are one caller.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Final

caller_name: Final[ContextVar[str]] = ContextVar("caller_name", default="")
"""Who makes the call that this task answers; empty: the service itself."""

call_kind: Final[ContextVar[str]] = ContextVar("call_kind", default="")
"""What is asked for, such as "GET" and the path with its parameters open; empty: nothing that callers ask for."""

_Kinds = dict[str, deque[asyncio.Future[None]]]


class FairPlaces:
    """Belongs to one event loop. `places`: how many have one at once, such as the connections of a pool."""

    def __init__(self, places: int) -> None:
        self._free = places
        self._waiting: dict[str, _Kinds] = {}

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
        self._waiting.setdefault(caller_name.get(), {}).setdefault(call_kind.get(), deque()).append(given)
        try:
            await given
        except BaseException:
            if given.done() and not given.cancelled():
                self.give_back()
            raise

    def give_back(self) -> None:
        """Gives the place to the next caller in turn: to the first call of its next kind that still waits."""
        while self._waiting:
            caller = next(iter(self._waiting))
            kinds = self._waiting.pop(caller)
            given = _next_in_turn(kinds)
            if kinds:
                self._waiting[caller] = kinds  # behind the other callers
            if given is not None:
                given.set_result(None)
                return
        self._free += 1


def _next_in_turn(kinds: _Kinds) -> asyncio.Future[None] | None:
    """Takes the first call that still waits, of the kind whose turn it is; None: none waits."""
    while kinds:
        kind = next(iter(kinds))
        calls = kinds.pop(kind)
        while calls:
            given = calls.popleft()
            if not given.done():
                if calls:
                    kinds[kind] = calls  # behind the other kinds
                return given
    return None
