"""Waiting within one event loop until woken: one signal wakes all who wait."""

import asyncio
from contextlib import suppress
from typing import Final

POLL_SECONDS: Final = 1.0
"""How long something can stay unseen when the message about it was lost."""


async def wait_until_set(signal: asyncio.Event, seconds_max: float) -> bool:
    """Whether the signal is set within that time."""
    with suppress(TimeoutError):
        # Not `wait_for`: in Python 3.11 it swallows a cancellation that meets the signal.
        async with asyncio.timeout(seconds_max):
            return await signal.wait()
    return False


class Wakeup:
    """Wakes those who wait. `stopped`: the server stops, and waits end at once."""

    def __init__(self) -> None:
        self._wakeup = asyncio.Event()
        self.stopped = False

    def wake(self) -> None:
        """Wakes all who wait. From the event loop."""
        self._wakeup.set()
        self._wakeup = asyncio.Event()

    def stop(self) -> None:
        """Wakes all who wait, now and from now on. From the event loop."""
        self.stopped = True
        self.wake()

    def next_signal(self) -> asyncio.Event:
        """The event that the next wake sets. Take it before polling, so that no wake in between is missed."""
        return self._wakeup

    async def wait(self, signal: asyncio.Event, seconds_max: float, poll_seconds: float = POLL_SECONDS) -> None:
        """Until the signal is set, or until the next poll is due."""
        await wait_until_set(signal, min(seconds_max, poll_seconds))
