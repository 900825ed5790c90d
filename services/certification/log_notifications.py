"""Notifies listeners of new facts, and waits for such notifications.

NOTIFY goes over a separate connection after the commit, once for all commits since the last. A lost notification
does no harm: listeners also poll.
"""

import asyncio
from typing import Final

from services.certification.event_store.database import Database
from services.web.channel_listener import ChannelListener
from services.web.database_connections import terminating
from services.web.reconnect import Backoff, keep_connected
from shared.events.channels import FACTS_CHANNEL

BATCH_DELAY_SECONDS: Final = 0.002
"""Commits that follow a notification so closely share the next."""


class LogNotifier(ChannelListener):
    """Belongs to one event loop."""

    def __init__(self, database: Database) -> None:
        super().__init__(FACTS_CHANNEL, database.connect)
        self._database = database
        self._recorded = asyncio.Event()
        self._position = 0

    def notify_soon(self, position: int) -> None:
        """Takes note that facts up to this position were recorded; 0: none. Called on the event loop."""
        if position:
            self._position = max(self._position, position)
            self._recorded.set()

    async def run_notifier(self) -> None:
        """Notifies listeners until cancelled; reconnects."""
        await keep_connected(self._notify, self._failed)

    async def _notify(self, backoff: Backoff) -> None:
        async with terminating(self._database.connect()) as connection:
            # NOTIFY commits like a write. A flush to the disk for it would only delay the facts.
            await connection.execute("SET synchronous_commit = off")
            while True:
                await self._recorded.wait()
                self._recorded.clear()
                position, self._position = self._position, 0
                await connection.execute(f"NOTIFY {FACTS_CHANNEL}, '{position}'", timeout=self._database.seconds_max)
                backoff.reset()
                await asyncio.sleep(BATCH_DELAY_SECONDS)
