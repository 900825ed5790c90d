"""Inclusion proofs under one checkpoint, of entries here and there, from tiles that may be wrong. Pure.

Each step from the entry to the root of the checkpoint is hashed and compared. So every proof that comes out verifies.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from services.audit.merkle import HASH_BYTES, ProofError, leaf_hash, node_hash, pair_up
from services.audit.tiles import GROUP, HEIGHT, WIDTH, Subtrees, inclusion_ranges, root_at, root_of_range, split

_DOES_NOT_LEAD: Final = "what is stored does not lead to the root"
_GROUPS_KEPT_MAX: Final = 1_024
"""Groups of hashes whose levels a process keeps, 3 KiB each: those over a tile are shared by its 256 entries."""


class ProofPaths:
    """Belongs to a checkpoint of this size and root.

    `subtrees`: those of the partial tiles, and of the full tiles above the lowest level on the way of the entries that
    are asked for. Raises `ProofError` for other partial tiles than those behind the root, and `TileMissing`.
    """

    def __init__(self, size: int, root: bytes, subtrees: Mapping[tuple[int, int], bytes]) -> None:
        self._size = size
        self._subtrees: Subtrees = subtrees
        self._above_level: dict[tuple[int, int], list[bytes]] = {}
        if root_of_range((0, size), subtrees) != root:
            raise ProofError(_DOES_NOT_LEAD)

    def is_in_full_tile(self, index: int) -> bool:
        """Whether the hash of the entry lies in a full tile, rather than in the last one."""
        return index >> HEIGHT < self._size >> HEIGHT

    def of_last_entries(self, index: int, entry: bytes) -> list[bytes]:
        """The proof of an entry in the partial tile. Raises `ProofError`."""
        if root_at(0, index, self._subtrees) != leaf_hash(entry):
            raise ProofError(_DOES_NOT_LEAD)
        return [root_of_range(entries, self._subtrees) for entries in inclusion_ranges(index, self._size)]

    def above_tile(self, number: int, root: bytes) -> list[bytes]:
        """The proof from a full tile of this root to the root of the checkpoint. Raises `ProofError`, `TileMissing`."""
        return self._above(1, number, root)

    def _above(self, level: int, number: int, root: bytes) -> list[bytes]:
        """The proof from the hash of this number of a level, which must be this one, to the root."""
        if root_at(HEIGHT * level, number, self._subtrees) != root:
            raise ProofError(_DOES_NOT_LEAD)
        known = self._above_level.get((level, number))
        if known is not None:
            return known
        if number >> HEIGHT < self._size >> HEIGHT * (level + 1):
            siblings = [
                root_at(HEIGHT * level + height, (number >> height) ^ 1, self._subtrees) for height in range(HEIGHT)
            ]
            halves = self._subtrees[level, number >> HEIGHT][-2 * HASH_BYTES :]
            above = node_hash(halves[:HASH_BYTES], halves[HASH_BYTES:])
            found = siblings + self._above(level + 1, number >> HEIGHT, above)
        else:
            ranges = inclusion_ranges(number << HEIGHT * level, self._size)[HEIGHT * level :]
            found = [root_of_range(entries, self._subtrees) for entries in ranges]
        self._above_level[level, number] = found
        return found


def path_in_tile(index: int, entry: bytes, group: bytes, group_roots: bytes) -> tuple[list[bytes], bytes]:
    """The proof of an entry within a full tile, and the root of the tile to which it leads. Raises `ProofError`.

    `group`: the 16 hashes around that of the entry. `group_roots`: the root over each 16 hashes of the tile.
    """
    below, root = _path(index % GROUP, group, leaf_hash(entry))
    above, root = _path(index % WIDTH // GROUP, group_roots, root)
    return below + above, root


def _path(place: int, hashes: bytes, own: bytes) -> tuple[list[bytes], bytes]:
    """The proof of one of 16 hashes, which must be this one, and the root over them. Raises `ProofError`."""
    levels = _levels_of(hashes)
    if levels is None or levels[0][place] != own:
        raise ProofError(_DOES_NOT_LEAD)
    return [level[place >> height ^ 1] for height, level in enumerate(levels[:-1])], levels[-1][0]


@lru_cache(_GROUPS_KEPT_MAX)
def _levels_of(hashes: bytes) -> list[list[bytes]] | None:
    """16 hashes, and the levels above them up to their root; None: they are not 16."""
    if len(hashes) != GROUP * HASH_BYTES:
        return None
    levels = [split(hashes)]
    while len(levels[-1]) > 1:
        levels.append(pair_up(levels[-1]))
    return levels
