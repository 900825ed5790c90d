"""Notifies listeners of new facts, and waits for such notifications.

NOTIFY goes over a connection of its own after the commit, once for all commits since the last. A lost notification
does no harm: listeners also poll.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

import asyncpg

from services.certification.event_store.database import CHANNEL, Connection, Database
from services.web.wakeup import Wakeup

BACKOFF_SECONDS: Final = 0.5
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
        await self._forever(self._notify)

    async def run_listener(self) -> None:
        """Wakes those who wait here at each notification until cancelled; reconnects."""
        await self._forever(self._wake)

    async def _forever(self, work: Callable[[Connection], Awaitable[None]]) -> None:
        while True:
            try:
                connection = await self._database.connect()
                try:
                    await work(connection)
                finally:
                    connection.terminate()
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
                _log.warning("notifications of new facts lost their connection; reconnecting: %r", error)
            await asyncio.sleep(BACKOFF_SECONDS)

    async def _notify(self, connection: Connection) -> None:
        # NOTIFY commits like a write: on the disk it would only stand in the way of the facts.
        await connection.execute("SET synchronous_commit = off")
        while True:
            await self._recorded.wait()
            self._recorded.clear()
            await connection.execute(f"NOTIFY {CHANNEL}", timeout=self._database.seconds_max)
            await asyncio.sleep(BATCH_DELAY_SECONDS)

    async def _wake(self, connection: Connection) -> None:
        gone = asyncio.Event()
        connection.add_termination_listener(lambda _: gone.set())
        await connection.add_listener(CHANNEL, lambda *_: self.wake())
        await gone.wait()
