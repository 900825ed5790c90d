"""The proofs of some facts at once, by one checkpoint, for answers that name them."""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Final

import asyncpg

from services.audit import sealed_log
from services.audit.checkpoint import proof_text
from services.audit.database import Connection, Pool, create_pool
from services.audit.sealed_log import LogName, StoredCheckpoint
from services.audit.settings import AuditSettings
from services.audit.tiles import TileId, TileMissing, inclusion_ranges, root_of_range, tiles_of
from services.web.database_connections import AWAY
from services.web.fact_proofs import SealedFact

AT_ONCE_MAX: Final = 1
"""Answers whose proofs are made at once; each takes a thread for some ten milliseconds."""
SECONDS_MAX: Final = 5.0
"""How long an answer waits for its proofs, before it goes without."""
ENTRIES_BYTES_MAX: Final = 1 << 20
"""What the entries of one answer have at most; the facts after it are not proved there."""

_log: Final = logging.getLogger(__name__)


class SealedFacts:
    """Belongs to one event loop. `reading_role`: taken on where the login may."""

    def __init__(self, settings: AuditSettings, reading_role: str | None = None) -> None:
        self._settings = settings
        self._reading_role = reading_role
        self._pool: Pool | None = None
        self._turns = asyncio.Semaphore(AT_ONCE_MAX)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Opens and closes the connections."""
        async with create_pool(self._settings, connections_max=AT_ONCE_MAX, reading_role=self._reading_role) as pool:
            self._pool = pool
            yield

    async def of(self, positions: Sequence[int]) -> Mapping[int, SealedFact]:
        """By position; without those that are not sealed yet, and empty where the database does not answer."""
        assert self._pool is not None, "it runs"
        try:
            async with asyncio.timeout(SECONDS_MAX), self._turns, self._pool.acquire() as connection:
                return await self._proved(connection, positions)
        except (*AWAY, asyncpg.PostgresError, TileMissing) as problem:
            _log.warning("an explanation goes without proofs: %r", problem)
            return {}

    async def _proved(self, connection: Connection, positions: Sequence[int]) -> Mapping[int, SealedFact]:
        settings, log = self._settings, LogName.FACTS
        checkpoint = await sealed_log.latest_checkpoint(
            connection, log, settings.witness_keys, settings.cosignatures_min
        )
        if checkpoint is None:
            return {}
        sealed = [position for position in positions if position <= checkpoint.size]
        found = await sealed_log.fact_entries(connection, sealed)
        entries: dict[int, bytes] = {}
        size = 0
        for position in sealed:
            size += len(found.get(position, b""))
            if position in found and size <= ENTRIES_BYTES_MAX:
                entries[position] = found[position]
        wanted = tiles_of(place for position in entries for place in inclusion_ranges(position - 1, checkpoint.size))
        tiles = await sealed_log.read_tiles(connection, log, wanted)
        return await asyncio.to_thread(_proofs, entries, tiles, checkpoint)


def _proofs(
    entries: Mapping[int, bytes], tiles: Mapping[TileId, bytes], checkpoint: StoredCheckpoint
) -> Mapping[int, SealedFact]:
    found = {}
    for position, entry in entries.items():
        ranges = inclusion_ranges(position - 1, checkpoint.size)
        hashes = [root_of_range(place, tiles) for place in ranges]
        found[position] = SealedFact(entry.decode(), proof_text(position - 1, hashes, checkpoint.note))
    return found
