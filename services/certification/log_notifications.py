"""Telling everybody that facts were recorded, and waiting until somebody tells.

NOTIFY goes over a connection of its own after the commit, once for all commits since the last. A notification that
is lost does no harm: whoever waits looks again by himself after a while.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

import asyncpg

from services.certification.event_store.database import CHANNEL, Connection, Database
from services.web.wakeup import Wakeup

BACKOFF_SECONDS: Final = 0.5
TOGETHER_SECONDS: Final = 0.002
"""Commits so close behind a notification are told of together."""

_log: Final = logging.getLogger(__name__)


class LogNotifier(Wakeup):
    """Belongs to one event loop."""

    def __init__(self, database: Database) -> None:
        super().__init__()
        self._database = database
        self._recorded = asyncio.Event()

    def ring(self) -> None:
        """Something was recorded. From the event loop."""
        self._recorded.set()

    async def tell(self) -> None:
        """Notifies whoever listens, until cancelled, through lost connections."""
        await self._forever(self._notify)

    async def listen(self) -> None:
        """Wakes whoever waits here, until cancelled, through lost connections."""
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
                _log.warning("the bell lost its connection and makes a new one: %r", error)
            await asyncio.sleep(BACKOFF_SECONDS)

    async def _notify(self, connection: Connection) -> None:
        # NOTIFY commits like a write: on the disk it would only stand in the way of the facts.
        await connection.execute("SET synchronous_commit = off")
        while True:
            await self._recorded.wait()
            self._recorded.clear()
            await connection.execute(f"NOTIFY {CHANNEL}", timeout=self._database.seconds_max)
            await asyncio.sleep(TOGETHER_SECONDS)

    async def _wake(self, connection: Connection) -> None:
        gone = asyncio.Event()
        connection.add_termination_listener(lambda _: gone.set())
        await connection.add_listener(CHANNEL, lambda *_: self.wake())
        await gone.wait()
