"""A check of readiness that answers in time, also against a frozen server.

A frozen server keeps its sockets open, and a driver waits for the server even after a caller has given the statement
up. So the check is a task of its own. Each caller waits for it for a bounded time; callers meanwhile share it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, Generic, TypeVar

CHECK_SECONDS_MAX: Final = 1.5
"""The longest time that a caller waits for the check."""
DID_NOT_ANSWER: Final = f"The database did not answer within {CHECK_SECONDS_MAX:g} seconds."

_T = TypeVar("_T")


class ReadinessCheck(Generic[_T]):
    """Belongs to one event loop. One check runs at a time."""

    def __init__(self, check: Callable[[], Awaitable[_T]]) -> None:
        self._check = check
        self._running: asyncio.Future[_T] | None = None

    async def outcome(self) -> _T | None:
        """What the check returns or raises; None: nothing within `CHECK_SECONDS_MAX`."""
        running = self._running
        if running is None or running.done():
            running = self._running = asyncio.ensure_future(self._check())
            running.add_done_callback(_retrieve)
        done, _ = await asyncio.wait([running], timeout=CHECK_SECONDS_MAX)
        return running.result() if done else None


def _retrieve(running: "asyncio.Future[_T]") -> None:
    """Reads the error, so that asyncio does not log it when no caller waited for it."""
    if not running.cancelled():
        running.exception()
