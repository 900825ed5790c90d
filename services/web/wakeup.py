"""Waiting for something to happen: whoever it happens to wakes everybody at once."""

import asyncio
from contextlib import suppress
from typing import Final

POLL_SECONDS: Final = 1.0
"""How long something can stay unseen when the message about it was lost."""


async def wait_until_set(ring: asyncio.Event, seconds_max: float) -> bool:
    """Whether it rings within that time."""
    with suppress(TimeoutError):
        # Not `wait_for`: in Python 3.11 it swallows a cancellation that meets the ring.
        async with asyncio.timeout(seconds_max):
            return await ring.wait()
    return False


class Wakeup:
    """Those who wait in one event loop. `stopped`: the server is to stop, and nobody should wait any longer."""

    def __init__(self) -> None:
        self._wakeup = asyncio.Event()
        self.stopped = False

    def wake(self) -> None:
        """Wakes everybody who waits. From the event loop."""
        self._wakeup.set()
        self._wakeup = asyncio.Event()

    def stop(self) -> None:
        """Wakes everybody for good. From the event loop."""
        self.stopped = True
        self.wake()

    def next_signal(self) -> asyncio.Event:
        """What the next ring sets. Take it before looking, so that a ring meanwhile is not missed."""
        return self._wakeup

    async def wait(self, ring: asyncio.Event, seconds_max: float, look_seconds: float = POLL_SECONDS) -> None:
        """Until that ring, or until it is time to look anyway."""
        await wait_until_set(ring, min(seconds_max, look_seconds))
