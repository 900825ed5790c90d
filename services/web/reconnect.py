"""A background task that connects again after every failure, at growing intervals."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

BACKOFF_SECONDS: Final = 0.05
BACKOFF_SECONDS_MAX: Final = 2.0


class Backoff:
    """How long to wait before the next connection: doubled by each failure, reset by each success."""

    def __init__(self, seconds_max: float = BACKOFF_SECONDS_MAX) -> None:
        self.seconds = BACKOFF_SECONDS
        self._seconds_max = seconds_max

    def reset(self) -> None:
        """The connection works."""
        self.seconds = BACKOFF_SECONDS

    async def wait(self) -> None:
        """Waits, and doubles the next wait."""
        await asyncio.sleep(self.seconds)
        self.seconds = min(2 * self.seconds, self._seconds_max)


async def keep_connected(
    session: Callable[[Backoff], Awaitable[None]],
    failed: Callable[[Exception, Backoff], None],
    seconds_max: float = BACKOFF_SECONDS_MAX,
) -> None:
    """Runs one session after another, until cancelled. `seconds_max`: the longest wait between two.

    A session connects, resets the backoff when it works, and ends or raises when its connection is lost. `failed` logs
    what it raised; it raises it again to give up.
    """
    backoff = Backoff(seconds_max)
    while True:
        try:
            await session(backoff)
        except Exception as problem:
            failed(problem, backoff)
        await backoff.wait()
