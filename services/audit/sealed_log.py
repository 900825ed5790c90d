"""A sealed log in the database: its entries, tiles, checkpoints and keys. What signs it is outside."""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Final, NamedTuple

import asyncpg

from services.audit.checkpoint import SIZE_MAX
from services.audit.database import Connection
from services.audit.note import ED25519, VerifierKey
from services.audit.tiles import (
    HEIGHT,
    WIDTH,
    GrowingTree,
    Range,
    TileId,
    TileMissing,
    edge_of,
    root_of_range,
    subtrees_of,
    tiles_of,
)
from services.web.statements import statements
from shared.events.system_facts import SIGNING_KEY

ENTRIES_AT_ONCE: Final = 4_096
"""Entries that are read with one statement; a multiple of a tile."""

_SQL: Final = statements(__file__)
_ENTRIES: Final = statements(__file__.replace("sealed_log", "entries"))
FACT_ENTRY: Final = _ENTRIES["fact_entry"]
LATEST_CHECKPOINT: Final = _SQL["latest_checkpoint"]


class LogName(StrEnum):
    """The logs that are sealed."""

    FACTS = "facts"
    COMPLIANCE = "compliance"
    CLAIMS = "claims"


class LogHead(NamedTuple):
    """A log as it is sealed: the name under which it signs, and how many entries are hashed."""

    name: LogName
    origin: str
    size: int


class StoredCheckpoint(NamedTuple):
    """A checkpoint as it is kept. `note`: signed by the log, and by the witnesses whose cosignatures were added."""

    size: int
    root: bytes
    note: str


class StoredTile(NamedTuple):
    """A tile as it is kept. `group_roots`: over each 16 of its hashes; None: it is partial, or was stored without."""

    tile: TileId
    hashes: bytes
    group_roots: bytes | None = None


class InstalledKey(NamedTuple):
    """A public key of the logs. `fact_position`: of the fact that installed it; 0: the first key."""

    public_key: bytes
    fact_position: int


class EntryMissing(Exception):
    """A position has no entry, or none that can be written: the log is not what was recorded."""

    def __init__(self, log: LogName, position: int) -> None:
        super().__init__(f"position {position} of the log of {log} is missing or unreadable")
        self.position = position


async def log_head(connection: Connection, log: LogName) -> LogHead:
    """The log as it is sealed."""
    row = await connection.fetchrow(_SQL["log"], log)
    assert row is not None, "the migration made it"
    return LogHead(LogName(row["name"]), row["origin"], row["size"])


async def entries_head(connection: Connection, log: LogName) -> int:
    """The last committed position of the log, sealed or not."""
    head: int = await connection.fetchval(_ENTRIES[f"{log}_head"])
    return head


async def entries(
    connection: Connection, log: LogName, after: int, through: int, *, ahead: bool = False
) -> AsyncIterator[list[bytes]]:
    """The entries after one position through another, some thousands at once. Raises `EntryMissing` at a gap.

    `ahead`: PostgreSQL writes the next ones while the caller works on some, so that both have a core. The caller leaves
    the connection alone until the end.
    """
    reading: asyncio.Task[list[asyncpg.Record]] | None = None
    try:
        while after < through:
            last = _last_at_once(after, through)
            rows = await (connection.fetch(_ENTRIES[log], after, last) if reading is None else reading)
            reading = None
            found: list[bytes] = []
            for position, entry in rows:
                if entry is None or position != after + len(found) + 1:
                    raise EntryMissing(log, after + len(found) + 1)
                found.append(entry)
            if after + len(found) < last:
                raise EntryMissing(log, after + len(found) + 1)
            after = last
            if ahead and after < through:
                following = connection.fetch(_ENTRIES[log], after, _last_at_once(after, through))
                reading = asyncio.ensure_future(following)
                await asyncio.sleep(0)  # it is sent
            yield found
    finally:
        if reading is not None:
            reading.cancel()


def _last_at_once(after: int, through: int) -> int:
    return min(after + ENTRIES_AT_ONCE - after % WIDTH, through)


async def read_tiles(connection: Connection, log: LogName, wanted: Collection[TileId]) -> dict[TileId, bytes]:
    """The hashes of these tiles, of those that there are."""
    return {tile: stored.hashes for tile, stored in (await read_stored_tiles(connection, log, wanted)).items()}


async def read_stored_tiles(
    connection: Connection, log: LogName, wanted: Collection[TileId]
) -> dict[TileId, StoredTile]:
    """The stored tiles of these that there are."""
    levels, numbers = [tile.level for tile in wanted], [tile.number for tile in wanted]
    rows = await connection.fetch(_SQL["tiles"], log, levels, numbers)
    stored = [StoredTile(TileId(row["level"], row["number"]), row["hashes"], row["group_roots"]) for row in rows]
    return {tile.tile: tile for tile in stored}


async def leaf_tiles(connection: Connection, log: LogName, first: int, after: int) -> Mapping[int, bytes]:
    """The tiles of leaf hashes with these numbers."""
    return {row["number"]: row["hashes"] for row in await connection.fetch(_SQL["leaf_tiles"], log, first, after)}


async def roots(connection: Connection, log: LogName, ranges: Sequence[Range]) -> list[bytes]:
    """The roots of these subtrees, from stored tiles. Raises `TileMissing`."""
    tiles = await read_tiles(connection, log, tiles_of(ranges))
    subtrees = {(tile.level, tile.number): subtrees_of(hashes) for tile, hashes in tiles.items()}
    return [root_of_range(entries_range, subtrees) for entries_range in ranges]


async def read_tree(connection: Connection, log: LogName, size: int) -> GrowingTree:
    """The tree of this size, to go on from. Raises `TileMissing`."""
    edge = edge_of(size)
    tiles = await read_tiles(connection, log, edge)
    widths = {tile.level: (size >> HEIGHT * tile.level & WIDTH - 1) * 32 for tile in edge}
    for tile in edge:
        if len(tiles.get(tile, b"")) < widths[tile.level]:
            raise TileMissing(tile)
    return GrowingTree(size, {tile.level: tiles[tile][: widths[tile.level]] for tile in edge})


async def latest_checkpoint(
    connection: Connection,
    log: LogName,
    witnesses: Sequence[VerifierKey] = (),
    cosignatures_min: int = 0,
    size_max: int = SIZE_MAX,
) -> StoredCheckpoint | None:
    """The greatest checkpoint that counts, with its cosignatures; None: there is none yet."""
    keys = [witness.text for witness in witnesses]
    row = await connection.fetchrow(LATEST_CHECKPOINT, log, size_max, keys, cosignatures_min)
    return None if row is None else StoredCheckpoint(*row)


async def checkpoints(
    connection: Connection, log: LogName, after: int, through: int, count_max: int
) -> list[StoredCheckpoint]:
    """The first checkpoints of sizes after one and through another, with their cosignatures."""
    rows = await connection.fetch(_SQL["checkpoints"], log, after, through, count_max)
    return [StoredCheckpoint(*row) for row in rows]


async def installed_keys(connection: Connection) -> list[InstalledKey]:
    """The public keys that the database names, oldest first."""
    return [InstalledKey(*row) for row in await connection.fetch(_SQL["keys"])]


class Rotation(NamedTuple):
    """The bytes of a fact that rotates the signing key, and its position."""

    state: bytes
    position: int


async def rotations(connection: Connection, origin: str) -> list[Rotation]:
    """The facts that rotate the signing key of this log, sealed or not, in order."""
    stream = SIGNING_KEY.prefix + log_id(origin)
    return [Rotation(*row) for row in await connection.fetch(_SQL["rotations"], stream)]


def log_id(origin: str) -> str:
    """The beginning that the origins of all logs of a database share."""
    return origin.rpartition("/")[0]


def verifier_keys(origin: str, public_keys: Iterable[bytes]) -> list[VerifierKey]:
    """The verifier keys of a log."""
    return [VerifierKey(origin, ED25519, public_key) for public_key in public_keys]


class Lease(NamedTuple):
    """The right of one sealer to extend a log."""

    origin: str
    size: int
    fence: int


async def take_lease(connection: Connection, log: LogName, held_by: str, seconds: float) -> Lease | None:
    """Takes or renews the lease; None while another sealer holds it."""
    row = await connection.fetchrow(_SQL["lease"], log, held_by, seconds)
    return None if row is None else Lease(*row)


async def release_leases(connection: Connection, held_by: str) -> None:
    """Lets another sealer go on at once."""
    await connection.execute(_SQL["release"], held_by)


async def store_growth(
    connection: Connection,
    log: LogName,
    lease: Lease,
    tiles: Sequence[StoredTile],
    checkpoint: StoredCheckpoint,
) -> bool:
    """Stores the tiles and the checkpoint in one transaction; False: the lease is lost, and nothing is changed."""
    async with connection.transaction():
        grown = await connection.execute(_SQL["grow"], log, lease.fence, lease.size, checkpoint.size)
        if grown != "UPDATE 1":
            return False
        places = [stored.tile for stored in tiles]
        levels, numbers = [tile.level for tile in places], [tile.number for tile in places]
        hashes, group_roots = [stored.hashes for stored in tiles], [stored.group_roots for stored in tiles]
        await connection.execute(_SQL["store_tiles"], log, levels, numbers, hashes, group_roots)
        await connection.execute(_SQL["store_checkpoint"], log, *checkpoint)
    return True


async def store_cosignature(connection: Connection, log: LogName, size: int, witness: VerifierKey, line: str) -> None:
    """Keeps what a witness signed; the first one counts."""
    await connection.execute(_SQL["store_cosignature"], log, size, witness.text, line)


async def cosigned_size(connection: Connection, log: LogName, witness: VerifierKey) -> int:
    """The greatest size that the witness cosigned; 0: none."""
    size: int = await connection.fetchval(_SQL["cosigned_size"], log, witness.text)
    return size


async def store_key(connection: Connection, public_key: bytes, fact_position: int) -> None:
    """Keeps a public key; one that is known already changes nothing."""
    await connection.execute(_SQL["store_key"], public_key, fact_position)


async def beat(connection: Connection, held_by: str, trouble: str | None) -> None:
    """Says that a sealer lives, and why it makes no progress."""
    await connection.execute(_SQL["beat"], held_by, trouble and trouble[:500])
