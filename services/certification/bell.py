"""Telling everybody that facts were recorded, and waiting until somebody tells.

NOTIFY goes over a connection of its own after the commit, once for all commits since the last. A notification that
is lost does no harm: whoever waits looks again by himself after a while.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

import psycopg
from psycopg import AsyncConnection
from psycopg.sql import SQL, Identifier

from services.certification.event_store.recorder import CHANNEL, CONNECTION

LOOK_SECONDS: Final = 1.0
"""How long a fact can stay unseen when its notification was lost."""
BACKOFF_SECONDS: Final = 0.5

_log: Final = logging.getLogger(__name__)


class Bell:
    """Belongs to the event loop in which it is made."""

    def __init__(self, conninfo: str, role: str | None) -> None:
        self._conninfo = conninfo
        self._role = role
        self._loop = asyncio.get_running_loop()
        self._recorded = asyncio.Event()
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """Something was recorded. From any thread."""
        self._loop.call_soon_threadsafe(self._recorded.set)

    def next_ring(self) -> asyncio.Event:
        """What the next ring sets. Take it before looking, so that a ring meanwhile is not missed."""
        return self._rung

    async def wait(self, ring: asyncio.Event, seconds_max: float) -> None:
        """Until that ring, or until it is time to look anyway."""
        with suppress(TimeoutError):
            await asyncio.wait_for(ring.wait(), min(seconds_max, LOOK_SECONDS))

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
            self._rung.set()
            self._rung = asyncio.Event()
