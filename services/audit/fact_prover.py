"""Proofs of facts by the latest checkpoint, each verified before it is handed out."""

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final, NamedTuple

from services.audit import sealed_log
from services.audit.checkpoint import SIZE_MAX, Checkpoint, proof_text
from services.audit.database import Connection
from services.audit.merkle import HASH_BYTES, ProofError
from services.audit.note import NoteError, split_note
from services.audit.proof_paths import ProofPaths
from services.audit.sealed_log import FACT_ENTRY, LATEST_CHECKPOINT, LogName, StoredCheckpoint
from services.audit.settings import AuditSettings
from services.audit.tiles import (
    GROUP,
    HEIGHT,
    WIDTH,
    TileId,
    TileMissing,
    edge_of,
    group_roots_of,
    subtrees_of,
    width_in,
)
from services.web.fact_proofs import SealedFact
from services.web.statements import statements

TILES_KEPT_MAX: Final = 256
"""Full tiles above the lowest level that are kept, 16 KiB each: those of 16 million facts."""
ON_THE_LOOP_MAX: Final = 32
"""Tiles that are hashed on the event loop, a tenth of a millisecond each; more have a thread."""

_PROVED_FACTS: Final = statements(__file__, latest_checkpoint=LATEST_CHECKPOINT, fact_entry=FACT_ENTRY)["proved_facts"]


class Proved(NamedTuple):
    """The facts that are proved by this checkpoint, by position; None: nothing is sealed yet.

    `altered`: the positions up to it of which what is stored does not lead to its root.
    """

    checkpoint: StoredCheckpoint | None
    facts: dict[int, SealedFact]
    altered: list[int]


class FactProver:
    """Belongs to one event loop. Keeps the tiles that prove many facts, as long as proofs made of them verify."""

    def __init__(self, settings: AuditSettings) -> None:
        self._counting = ([key.text for key in settings.witness_keys], settings.cosignatures_min)
        self._kept = _KeptTiles("")

    async def prove(self, connection: Connection, positions: Sequence[int]) -> Proved:
        """The proofs of the facts at these positions, as far as the latest checkpoint goes."""
        rows = await connection.fetch(_PROVED_FACTS, LogName.FACTS, SIZE_MAX, *self._counting, positions)
        if not rows:
            return Proved(None, {}, [])
        checkpoint = StoredCheckpoint(*rows[0][:3])
        sealed = {position: row for row in rows if (position := row["position"]) is not None}
        origin = checkpoint.note.partition("\n")[0]
        if origin != self._kept.origin:
            self._kept = _KeptTiles(origin)
        subtrees, hashed = await self._kept.subtrees(connection, sealed, checkpoint.size)
        hashed += sum(row["group_roots"] is None for row in rows) + len(rows) // 8
        make = partial(_proofs, [position for position in positions if position <= checkpoint.size], sealed, subtrees)
        proved = await asyncio.to_thread(make, checkpoint) if hashed > ON_THE_LOOP_MAX else make(checkpoint)
        if proved.altered:
            self._kept = _KeptTiles("")  # it may hold what is wrong
        return proved


class _KeptTiles:
    """Tiles of the log of this origin: full ones above the lowest level, which never change, and the partial ones."""

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self._full: dict[TileId, bytes] = {}
        self._edge: dict[TileId, bytes] = {}
        self._edge_size = 0

    async def subtrees(
        self, connection: Connection, positions: Mapping[int, Any], size: int
    ) -> tuple[dict[tuple[int, int], bytes], int]:
        """The subtrees of the tiles above these positions and of the partial ones; and how many of them are hashed."""
        wanted = _full_tiles_above(positions, size)
        edge = edge_of(size)
        known = {tile: self._full[tile] for tile in wanted if tile in self._full}
        if self._edge_size == size:
            known |= self._edge
        missing = [tile for tile in (*wanted, *edge) if tile not in known]
        if missing:
            stored = await sealed_log.read_tiles(connection, LogName.FACTS, missing)
            widths = {tile: width_in(tile, size) * HASH_BYTES for tile in stored}
            known |= {tile: subtrees_of(hashes[: widths[tile]]) for tile, hashes in stored.items()}
            self._edge, self._edge_size = {tile: known[tile] for tile in edge if tile in known}, size
            self._full |= {tile: known[tile] for tile in wanted if tile in known}
            for tile in list(self._full)[: max(0, len(self._full) - TILES_KEPT_MAX)]:
                del self._full[tile]
        return {(tile.level, tile.number): subtrees for tile, subtrees in known.items()}, len(missing)


def _full_tiles_above(positions: Mapping[int, Any], size: int) -> list[TileId]:
    """The full tiles above the lowest level, from these positions to the partial tiles."""
    found: list[TileId] = []
    numbers, level = {position - 1 >> HEIGHT for position in positions}, 1
    while numbers:
        numbers = {number >> HEIGHT for number in numbers if number >> HEIGHT < size >> HEIGHT * (level + 1)}
        found += [TileId(level, number) for number in numbers]
        level += 1
    return found


def _proofs(
    positions: Sequence[int],
    rows: Mapping[int, Any],
    subtrees: dict[tuple[int, int], bytes],
    checkpoint: StoredCheckpoint,
) -> Proved:
    facts: dict[int, SealedFact] = {}
    try:
        signed = Checkpoint.parse(split_note(checkpoint.note)[0])
        if (signed.size, signed.root) != (checkpoint.size, checkpoint.root):
            raise ProofError("what is stored beside the note is not what is signed")
        paths = ProofPaths(checkpoint.size, checkpoint.root, subtrees)
    except (NoteError, ProofError, TileMissing):
        return Proved(checkpoint, facts, list(positions))
    for position in positions:
        try:
            proof = _proof(paths, position - 1, rows[position])
        except (KeyError, ProofError, TileMissing):
            continue
        facts[position] = SealedFact(rows[position]["entry"].decode(), proof_text(position - 1, proof, checkpoint.note))
    return Proved(checkpoint, facts, [position for position in positions if position not in facts])


def _proof(paths: ProofPaths, index: int, row: Any) -> list[bytes]:
    entry, hashes, group_roots = row["entry"], row["hashes"], row["group_roots"]
    if entry is None:
        raise ProofError("it cannot be written")
    if not paths.is_in_full_tile(index):
        return paths.of_last_entries(index, entry)
    if hashes is None:
        raise TileMissing(TileId(0, index >> HEIGHT))
    if group_roots is None:
        if len(hashes) != WIDTH * HASH_BYTES:
            raise TileMissing(TileId(0, index >> HEIGHT))
        first = index % WIDTH // GROUP * GROUP * HASH_BYTES
        hashes, group_roots = hashes[first : first + GROUP * HASH_BYTES], group_roots_of(hashes)
    return paths.of(index, entry, hashes, group_roots)
