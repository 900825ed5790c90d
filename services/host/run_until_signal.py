"""Runs a server or a background process on an event loop until a signal stops it."""

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any

import uvloop

from services.host.gc_tuning import tune_gc
from services.host.stop_signals import install_signal_handlers


def run(work: Coroutine[Any, Any, None]) -> None:
    """Runs to the end. SIGINT and SIGTERM raise `KeyboardInterrupt`."""
    install_signal_handlers()
    tune_gc()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(work)


def run_until_drained(work: Coroutine[Any, Any, None]) -> None:
    """Runs to the end. SIGINT and SIGTERM only cancel the work, so that it can finish what it has begun."""

    async def stoppable() -> None:
        task = asyncio.current_task()
        assert task is not None
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
        await work

    tune_gc()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        try:
            runner.run(stoppable())
        except asyncio.CancelledError:
            raise KeyboardInterrupt from None
