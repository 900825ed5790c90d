"""Waiting for something to happen, and for the end of it."""

import asyncio

import pytest

from services.web.wakeup import Wakeup


@pytest.mark.parametrize("turns", range(4))
async def test_a_cancellation_that_meets_the_ring_is_not_lost(turns: int) -> None:
    """However far the ring has come when the cancellation comes, whoever was cancelled does not go on waiting."""
    waiting = Wakeup()

    async def wait_for_ever() -> None:
        while True:
            await waiting.wait(waiting.next_signal(), seconds_max=60)

    task = asyncio.create_task(wait_for_ever())
    await asyncio.sleep(0.01)
    waiting.wake()
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    done, _ = await asyncio.wait([task], timeout=3)
    task.cancel()
    assert done == {task}
