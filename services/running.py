"""Running a server or a worker until it is told to stop."""

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any

import uvloop

from services.garbage import collect_seldom
from services.stopping import stop_in_order


def run(work: Coroutine[Any, Any, None]) -> None:
    """Runs to the end. SIGINT and SIGTERM end it in order, as `KeyboardInterrupt`."""
    stop_in_order()
    collect_seldom()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(work)


def run_to_a_good_end(work: Coroutine[Any, Any, None]) -> None:
    """Runs to the end. SIGINT and SIGTERM cancel the work alone, so that it may let what it has begun finish."""

    async def stoppable() -> None:
        task = asyncio.current_task()
        assert task is not None
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
        await work

    collect_seldom()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        try:
            runner.run(stoppable())
        except asyncio.CancelledError:
            raise KeyboardInterrupt from None
