"""Proofs of facts by the latest checkpoint, each verified before it is handed out."""

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import islice
from typing import Any, Final, NamedTuple

from services.audit import sealed_log
from services.audit.checkpoint import SIZE_MAX, Checkpoint, proof_of_lines, proof_text
from services.audit.database import Connection
from services.audit.merkle import HASH_BYTES, ProofError
from services.audit.note import NoteError, encode_hashes, split_note
from services.audit.proof_paths import ProofPaths, path_in_tile
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
FACTS_KEPT_MAX: Final = 8_192
"""Facts that are kept with their proofs, some 2 KiB each."""
FACTS_KEPT_SECONDS: Final = 60.0
"""For how long: so soon it is noticed that a fact was changed in the database."""
ENTRY_KEPT_MAX: Final = 4 << 10
"""The characters of an entry that is kept."""
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
    """Belongs to one event loop. Keeps what proves many facts, as long as proofs made of it verify.

    A fact that was proved is kept for a minute with its path within its tile, which never changes.
    """

    def __init__(self, settings: AuditSettings) -> None:
        self._counting = ([key.text for key in settings.witness_keys], settings.cosignatures_min)
        self._kept = _KeptTiles("")
        self._facts: dict[int, _KeptFact] = {}

    async def prove(self, connection: Connection, positions: Sequence[int]) -> Proved:
        """The proofs of the facts at these positions, as far as the latest checkpoint goes."""
        now = asyncio.get_running_loop().time()
        kept = {
            position: fact
            for position in positions
            if (fact := self._facts.get(position)) is not None and fact.until > now
        }
        wanted = [position for position in positions if position not in kept]
        rows = await connection.fetch(_PROVED_FACTS, LogName.FACTS, SIZE_MAX, *self._counting, wanted)
        if not rows:
            return Proved(None, {}, [])
        checkpoint = StoredCheckpoint(*rows[0][:3])
        sealed = {position: row for row in rows if (position := row["position"]) is not None}
        origin = checkpoint.note.partition("\n")[0]
        if origin != self._kept.origin:
            self._kept, self._facts, kept = _KeptTiles(origin), {}, {}
        subtrees, hashed = await self._kept.subtrees(connection, sealed | kept, checkpoint.size)
        hashed += sum(row["group_roots"] is None for row in rows) + len(rows) // 8
        making = _Making(checkpoint, sealed, kept, now + FACTS_KEPT_SECONDS)
        make = partial(making.proofs, [position for position in positions if position <= checkpoint.size], subtrees)
        proved = await asyncio.to_thread(make) if hashed > ON_THE_LOOP_MAX else make()
        if proved.altered:
            self._kept, self._facts = _KeptTiles(""), {}  # they may hold what is wrong
        else:
            self._keep(making.kept)
        return proved

    def _keep(self, proved: Mapping[int, "_KeptFact"]) -> None:
        for position, fact in proved.items():
            self._facts.pop(position, None)
            self._facts[position] = fact
        for position in list(islice(self._facts, max(0, len(self._facts) - FACTS_KEPT_MAX))):
            del self._facts[position]


class _KeptFact(NamedTuple):
    """A fact in a full tile that was proved. `lines`: the hashes of its proof up to this root of the tile.

    `until`: when it is to be read again, in seconds of the event loop.
    """

    entry: str
    lines: str
    tile_root: bytes
    until: float


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


class _Making:
    """The making of the proofs of an answer. `rows`: what is stored of the facts that are not `kept`.

    `kept`: also those that are kept from now on, `until` then.
    """

    def __init__(
        self, checkpoint: StoredCheckpoint, rows: Mapping[int, Any], kept: dict[int, _KeptFact], until: float
    ) -> None:
        self._checkpoint = checkpoint
        self._rows = rows
        self._until = until
        self.kept = kept
        self._above: dict[int, str] = {}

    def proofs(self, positions: Sequence[int], subtrees: Mapping[tuple[int, int], bytes]) -> Proved:
        """Those that lead to the root of the checkpoint."""
        facts: dict[int, SealedFact] = {}
        checkpoint = self._checkpoint
        try:
            signed = Checkpoint.parse(split_note(checkpoint.note)[0])
            if (signed.size, signed.root) != (checkpoint.size, checkpoint.root):
                raise ProofError("what is stored beside the note is not what is signed")
            paths = ProofPaths(checkpoint.size, checkpoint.root, subtrees)
        except (NoteError, ProofError, TileMissing):
            return Proved(checkpoint, facts, list(positions))
        for position in positions:
            try:
                facts[position] = self._proved(paths, position)
            except (KeyError, ProofError, TileMissing):
                continue
        return Proved(checkpoint, facts, [position for position in positions if position not in facts])

    def _proved(self, paths: ProofPaths, position: int) -> SealedFact:
        index = position - 1
        kept = self.kept.get(position)
        if kept is None and not paths.is_in_full_tile(index):
            entry = _entry_of(self._rows[position])
            proof = paths.of_last_entries(index, entry)
            return SealedFact(entry.decode(), proof_text(index, proof, self._checkpoint.note))
        if kept is None:
            kept = _in_full_tile(index, self._rows[position], self._until)
        lines = kept.lines + self._lines_above(paths, index >> HEIGHT, kept.tile_root)
        if len(kept.entry) <= ENTRY_KEPT_MAX:
            self.kept[position] = kept
        return SealedFact(kept.entry, proof_of_lines(index, lines, self._checkpoint.note))

    def _lines_above(self, paths: ProofPaths, tile: int, root: bytes) -> str:
        hashes = paths.above_tile(tile, root)
        lines = self._above.get(tile)
        if lines is None:
            lines = self._above[tile] = encode_hashes(hashes)
        return lines


def _entry_of(row: Any) -> bytes:
    entry: bytes | None = row["entry"]
    if entry is None:
        raise ProofError("it cannot be written")
    return entry


def _in_full_tile(index: int, row: Any, until: float) -> _KeptFact:
    """Its path within the tile. Raises `ProofError` and `TileMissing`."""
    entry, hashes, group_roots = _entry_of(row), row["hashes"], row["group_roots"]
    if hashes is None:
        raise TileMissing(TileId(0, index >> HEIGHT))
    if group_roots is None:
        if len(hashes) != WIDTH * HASH_BYTES:
            raise TileMissing(TileId(0, index >> HEIGHT))
        first = index % WIDTH // GROUP * GROUP * HASH_BYTES
        hashes, group_roots = hashes[first : first + GROUP * HASH_BYTES], group_roots_of(hashes)
    proof, root = path_in_tile(index, entry, hashes, group_roots)
    return _KeptFact(entry.decode(), encode_hashes(proof), root, until)
