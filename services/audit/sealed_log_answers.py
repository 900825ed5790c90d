"""Answers questions about sealed logs: checkpoints, tiles, bundles and proofs."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Final

from services.audit import sealed_log
from services.audit.checkpoint import proof_text
from services.audit.database import Connection, Pool
from services.audit.fact_prover import FactProver
from services.audit.readiness import Readiness, check_readiness
from services.audit.refusals import NoSuchFact, NoSuchTile, NotSealed, NotWhatWasSealed
from services.audit.sealed_log import LogName, StoredCheckpoint
from services.audit.settings import AuditSettings
from services.audit.tiles import WIDTH, TileId, inclusion_ranges, width_in
from services.web.bounded_places import Places
from services.web.fair_places import FairPlaces
from services.web.readiness_check import ReadinessCheck

EXPORTS_MAX: Final = 3
"""The most exports at once; each holds a connection."""
EXPORTS_PER_CALLER_MAX: Final = EXPORTS_MAX - 1
"""One caller leaves a place to the others."""
CONNECTION_SECONDS_MAX: Final = 5.0
"""How long a call waits for a connection."""

_LENGTH_BYTES: Final = 2
ENTRY_BYTES_MAX: Final = (1 << 8 * _LENGTH_BYTES) - 1

_POSITION_OF: Final = "SELECT e.notification_id FROM certification.stored_events e WHERE e.fact_id = $1"


class AuditService:
    """Answers about sealed logs. `pool`: None until the application runs. `exports`: those that are being made.

    `readiness`: the check behind `readyz`. It has a connection of its own, so that it never waits for other calls.
    """

    def __init__(self, settings: AuditSettings) -> None:
        self.settings = settings
        self._prover = FactProver(settings)
        self.pool: Pool | None = None
        self.readiness_pool: Pool | None = None
        self.exports = Places(EXPORTS_MAX, EXPORTS_PER_CALLER_MAX)
        self._places = FairPlaces(settings.database_connections_max)
        self.readiness = ReadinessCheck(self._check_readiness)

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """A connection of the pool. Raises `TimeoutError` if none is free in time."""
        assert self.pool is not None, "the application runs"
        async with (
            self._places.place(CONNECTION_SECONDS_MAX),
            self.pool.acquire(timeout=CONNECTION_SECONDS_MAX) as connection,
        ):
            yield connection

    async def _check_readiness(self) -> tuple[Readiness, str | None]:
        assert self.readiness_pool is not None, "the application runs"
        async with self.readiness_pool.acquire(timeout=CONNECTION_SECONDS_MAX) as connection:
            return await check_readiness(connection)

    async def checkpoint(self, connection: Connection, log: LogName) -> StoredCheckpoint:
        """The latest checkpoint that counts, with its cosignatures. Raises `NotSealed`."""
        settings = self.settings
        found = await sealed_log.latest_checkpoint(connection, log, settings.witness_keys, settings.cosignatures_min)
        if found is None:
            raise NotSealed("No checkpoint counts yet: does a sealer run (`sagecert audit seal`)?")
        return found

    async def tile(self, log: LogName, tile: TileId, width: int) -> bytes:
        """A tile of this width. Raises `NoSuchTile`."""
        async with self.connection() as connection:
            await self._require(connection, log, tile, width)
            hashes = (await sealed_log.read_tiles(connection, log, [tile])).get(tile, b"")
        if len(hashes) < width * 32:
            raise NoSuchTile("The tile is not stored.")
        return hashes[: width * 32]

    async def bundle(self, log: LogName, number: int, width: int) -> bytes:
        """The entries behind a tile of leaf hashes, each after its length. Raises `NoSuchTile`."""
        async with self.connection() as connection:
            await self._require(connection, log, TileId(0, number), width)
            first = number * WIDTH
            (entries,) = [some async for some in sealed_log.entries(connection, log, first, first + width)]
        return bundle_of(entries)

    async def _require(self, connection: Connection, log: LogName, tile: TileId, width: int) -> None:
        size = (await self.checkpoint(connection, log)).size
        if not 0 < width <= width_in(tile, size):
            raise NoSuchTile(f"A log of {size} entries has no such tile.")

    async def proof(self, fact_id: str) -> str:
        """The `.tlog-proof` of a fact. Raises `NoSuchFact`, `NotSealed`, `NotWhatWasSealed`."""
        async with self.connection() as connection:
            position = await connection.fetchval(_POSITION_OF, fact_id)
            if position is None:
                raise NoSuchFact(f"No fact {fact_id} was ever recorded.")
            proved = await self._prover.prove(connection, [position])
        if position in proved.facts:
            return proved.facts[position].tlog_proof
        if position in proved.altered:
            raise NotWhatWasSealed(f"What is stored of position {position} does not lead to the root that was sealed.")
        end = proved.checkpoint.size if proved.checkpoint else 0
        raise NotSealed(f"The fact is at position {position}; the latest checkpoint ends at {end}.")


async def proof_of(connection: Connection, log: LogName, position: int, checkpoint: StoredCheckpoint) -> str:
    """The `.tlog-proof` of the entry at a position, which the checkpoint covers."""
    hashes = await sealed_log.roots(connection, log, inclusion_ranges(position - 1, checkpoint.size))
    return proof_text(position - 1, hashes, checkpoint.note)


def bundle_of(entries: Iterable[bytes]) -> bytes:
    """A bundle (C2SP tlog-tiles): each entry after its length in two bytes, the higher first. Raises `NoSuchTile`."""
    parts: list[bytes] = []
    for entry in entries:
        if len(entry) > ENTRY_BYTES_MAX:
            raise NoSuchTile("An entry of this bundle is longer than a bundle can hold; its hash is in the tile.")
        parts += (len(entry).to_bytes(_LENGTH_BYTES, "big"), entry)
    return b"".join(parts)
