"""Notifies listeners of new facts, and waits for such notifications.

NOTIFY goes over a connection of its own after the commit, once for all commits since the last. A lost notification
does no harm: listeners also poll.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

import asyncpg

from services.certification.event_store.database import Connection, Database
from services.web.reconnect import Backoff, keep_connected
from services.web.wakeup import Wakeup
from shared.events.channels import FACTS_CHANNEL

BATCH_DELAY_SECONDS: Final = 0.002
"""Commits that follow a notification so closely share the next."""

_log: Final = logging.getLogger(__name__)


class LogNotifier(Wakeup):
    """Belongs to one event loop."""

    def __init__(self, database: Database) -> None:
        super().__init__()
        self._database = database
        self._recorded = asyncio.Event()

    def notify_soon(self) -> None:
        """Facts were recorded. From the event loop."""
        self._recorded.set()

    async def run_notifier(self) -> None:
        """Notifies listeners until cancelled; reconnects."""
        await keep_connected(partial(self._connected, self._notify), _failed)

    async def run_listener(self) -> None:
        """Wakes those who wait here at each notification until cancelled; reconnects."""
        await keep_connected(partial(self._connected, self._wake), _failed)

    async def _connected(self, work: Callable[[Connection, Backoff], Awaitable[None]], backoff: Backoff) -> None:
        connection = await self._database.connect()
        try:
            await work(connection, backoff)
        finally:
            connection.terminate()

    async def _notify(self, connection: Connection, backoff: Backoff) -> None:
        # NOTIFY commits like a write: on the disk it would only stand in the way of the facts.
        await connection.execute("SET synchronous_commit = off")
        while True:
            await self._recorded.wait()
            self._recorded.clear()
            await connection.execute(f"NOTIFY {FACTS_CHANNEL}", timeout=self._database.seconds_max)
            backoff.reset()
            await asyncio.sleep(BATCH_DELAY_SECONDS)

    async def _wake(self, connection: Connection, backoff: Backoff) -> None:
        gone = asyncio.Event()
        connection.add_termination_listener(lambda _: gone.set())
        await connection.add_listener(FACTS_CHANNEL, lambda *_: self.wake())
        backoff.reset()
        await gone.wait()


def _failed(problem: Exception, _: Backoff) -> None:
    if not isinstance(problem, OSError | asyncpg.PostgresError | asyncpg.InterfaceError | asyncpg.InternalClientError):
        raise problem
    _log.warning("notifications of new facts lost their connection; reconnecting: %r", problem)
