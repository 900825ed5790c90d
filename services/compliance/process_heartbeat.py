"""Heartbeats of background processes: one row each, renewed every second."""

import asyncio
from typing import Final

from services.compliance.database import Connection

FOLLOWERS: Final = "heartbeat"
"""The table of the followers, in the schema of the read model."""
DISPATCHERS: Final = "webhooks.heartbeat"

BEAT_SECONDS: Final = 1.0

# It need not reach the disk: after a crash of the server the next one follows within a second.
_BEAT: Final = """
    WITH forgotten AS (DELETE FROM {table} WHERE beat_at < clock_timestamp() - interval '1 hour' AND held_by <> $1)
    INSERT INTO {table} AS h (held_by, beat_at, trouble) VALUES ($1, clock_timestamp(), $2)
    ON CONFLICT (held_by) DO UPDATE SET beat_at = EXCLUDED.beat_at, trouble = EXCLUDED.trouble
    RETURNING set_config('synchronous_commit', 'off', true)
"""
_TROUBLE_CHARACTERS_MAX: Final = 500


class Heartbeat:
    """The heartbeat of one process. `trouble`: why it makes no progress; None while it does."""

    def __init__(self, table: str, held_by: str) -> None:
        self.trouble: str | None = None
        self._statement = _BEAT.format(table=table)
        self._held_by = held_by
        self._beat_at = float("-inf")

    async def progressed(self, connection: Connection) -> None:
        """The process made progress: said at once if it did not before."""
        recovered = self.trouble is not None
        self.trouble = None
        await self.beat(connection, now=recovered)

    async def beat(self, connection: Connection, *, now: bool = False) -> None:
        """Renews the row if it is a second old, or `now`."""
        at = asyncio.get_running_loop().time()
        if now or at - self._beat_at >= BEAT_SECONDS:
            trouble = None if self.trouble is None else self.trouble[:_TROUBLE_CHARACTERS_MAX]
            await connection.execute(self._statement, self._held_by, trouble)
            self._beat_at = at
