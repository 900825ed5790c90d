"""Telling everybody that facts were recorded, and waiting until somebody tells.

NOTIFY goes over a connection of its own after the commit, once for all commits since the last. A notification that
is lost does no harm: whoever waits looks again by himself after a while.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

import psycopg
from psycopg import AsyncConnection
from psycopg.sql import SQL, Identifier

from services.certification.event_store.recorder import CHANNEL, CONNECTION
from services.waiting import Waiting

BACKOFF_SECONDS: Final = 0.5

_log: Final = logging.getLogger(__name__)


class Bell(Waiting):
    """Belongs to the event loop in which it is made."""

    def __init__(self, conninfo: str, role: str | None) -> None:
        super().__init__()
        self._conninfo = conninfo
        self._role = role
        self._loop = asyncio.get_running_loop()
        self._recorded = asyncio.Event()

    def ring(self) -> None:
        """Something was recorded. From any thread."""
        self._loop.call_soon_threadsafe(self._recorded.set)

    async def tell(self) -> None:
        """Notifies whoever listens, until cancelled, through lost connections."""
        await self._forever(self._notify)

    async def listen(self) -> None:
        """Wakes whoever waits here, until cancelled, through lost connections."""
        await self._forever(self._wake)

    async def _forever(self, work: Callable[[AsyncConnection], Awaitable[None]]) -> None:
        while True:
            try:
                async with await AsyncConnection.connect(self._conninfo, autocommit=True, **CONNECTION) as connection:
                    if self._role is not None:
                        await connection.execute(SQL("SET ROLE {}").format(Identifier(self._role)))
                    await work(connection)
            except psycopg.Error as error:
                _log.warning("the bell lost its connection and makes a new one: %s", error)
            await asyncio.sleep(BACKOFF_SECONDS)

    async def _notify(self, connection: AsyncConnection) -> None:
        while True:
            await self._recorded.wait()
            self._recorded.clear()
            await connection.execute(SQL("NOTIFY {}").format(Identifier(CHANNEL)))

    async def _wake(self, connection: AsyncConnection) -> None:
        await connection.execute(SQL("LISTEN {}").format(Identifier(CHANNEL)))
        async for _ in connection.notifies():
            self.wake()
