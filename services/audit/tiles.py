"""Tiles of a Merkle tree (C2SP tlog-tiles): 256 hashes side by side of every eighth level, and proofs. Pure."""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from services.audit.merkle import EMPTY_ROOT, HASH_BYTES, join, pair_up, root_of

HEIGHT: Final = 8
WIDTH: Final = 1 << HEIGHT
GROUP_HEIGHT: Final = 4
GROUP: Final = 1 << GROUP_HEIGHT
"""A full tile is stored with the root of each 16 of its hashes."""
_KEPT_MAX: Final = 256
"""Tiles whose subtrees a process keeps, 16 KiB each."""
_ABSENT: Final = bytes(HASH_BYTES)
_PARTIAL_WIDTH: Final = re.compile(r"[1-9][0-9]{0,2}")


class TileId(NamedTuple):
    """The place of a tile. On level 0 it holds leaf hashes, above it roots of full tiles of the level below."""

    level: int
    number: int


class Node(NamedTuple):
    """A complete subtree of 2**height entries, the `place`-th of its height."""

    height: int
    place: int

    @property
    def tile(self) -> TileId:
        """The tile whose hashes are its own."""
        return TileId(self.height // HEIGHT, (self.place << self.height % HEIGHT) >> HEIGHT)


def width_in(tile: TileId, size: int) -> int:
    """How many hashes the tile has in a tree of this size; 0: the tree has no such tile."""
    return max(0, min(WIDTH, (size >> HEIGHT * tile.level) - tile.number * WIDTH))


def number_path(number: int, width: int = WIDTH) -> str:
    """The end of a tile's path, such as `x001/234` or `067.p/12`."""
    digits = f"{number:0{3 * ((len(str(number)) + 2) // 3)}d}"
    groups = [digits[place : place + 3] for place in range(0, len(digits), 3)]
    path = "/".join(["x" + group for group in groups[:-1]] + groups[-1:])
    return path if width == WIDTH else f"{path}.p/{width}"


def parse_number_path(parts: Sequence[str]) -> tuple[int, int]:
    """The number and the width that the end of a tile's path names. Raises `ValueError` for any other spelling."""
    groups, width = list(parts), WIDTH
    if len(groups) > 1 and groups[-2].endswith(".p"):
        written = groups.pop()
        width = int(written) if _PARTIAL_WIDTH.fullmatch(written) else WIDTH
        if width >= WIDTH:
            raise ValueError("a partial tile has a width of 1 to 255")
        groups[-1] = groups[-1].removesuffix(".p")
    digits = "".join([group.removeprefix("x") for group in groups[:-1]] + groups[-1:])
    number = int(digits) if digits.isascii() and digits.isdigit() else -1
    if number < 0 or number_path(number, width) != "/".join(parts):
        raise ValueError("a tile's number is written in groups of three digits, each but the last after an x")
    return number, width


class TileMissing(LookupError):
    """A tile is not stored, or has too few hashes."""

    def __init__(self, tile: TileId) -> None:
        super().__init__(f"tile {tile.number} of level {tile.level} is missing or too short")


class FullTile(NamedTuple):
    """A tile that became full. `group_roots`: over each 16 of its hashes. `root`: over all, in the tile above."""

    tile: TileId
    hashes: bytes
    group_roots: bytes
    root: bytes


class GrowingTree:
    """A tree that entries are appended to; keeps the tiles of its right edge, and gives out the others.

    `edge`: by level, the hashes of the last tile, if that is partial.
    """

    def __init__(self, size: int = 0, edge: Mapping[int, bytes] | None = None) -> None:
        self.size = size
        self._edge: list[list[bytes]] = []
        for level in range((size.bit_length() + HEIGHT - 1) // HEIGHT):
            self._edge.append(split((edge or {})[level]) if size >> HEIGHT * level & WIDTH - 1 else [])

    def append(self, leaves: Sequence[bytes]) -> list[FullTile]:
        """Appends leaf hashes; returns the tiles that became full."""
        full: list[FullTile] = []
        self.size += len(leaves)
        self._append(0, leaves, full)
        return full

    def _append(self, level: int, hashes: Sequence[bytes], full: list[FullTile]) -> None:
        if level == len(self._edge):
            self._edge.append([])
        pending = [*self._edge[level], *hashes]
        whole = len(pending) - len(pending) % WIDTH
        self._edge[level] = pending[whole:]
        if not whole:
            return
        after = (self.size >> HEIGHT * level) // WIDTH
        first = after - whole // WIDTH
        groups = _pair_up(pending[:whole], GROUP_HEIGHT)
        above = _pair_up(groups, HEIGHT - GROUP_HEIGHT)
        for place, root in enumerate(above):
            own = pending[place * WIDTH : (place + 1) * WIDTH]
            own_groups = groups[place * WIDTH // GROUP : (place + 1) * WIDTH // GROUP]
            full.append(FullTile(TileId(level, first + place), b"".join(own), b"".join(own_groups), root))
        self._append(level + 1, above, full)

    def partial(self) -> list[tuple[TileId, bytes]]:
        """The partial tiles of the right edge."""
        return [
            (TileId(level, (self.size >> HEIGHT * level) // WIDTH), b"".join(hashes))
            for level, hashes in enumerate(self._edge)
            if hashes
        ]

    @property
    def root(self) -> bytes:
        """The root of the tree."""
        subtrees: list[bytes] = []
        for hashes in reversed(self._edge):
            subtrees += _complete(hashes)
        return join(subtrees)


def _pair_up(hashes: Sequence[bytes], heights: int) -> Sequence[bytes]:
    """So many levels above."""
    for _ in range(heights):
        hashes = pair_up(hashes)
    return hashes


def split(hashes: bytes) -> list[bytes]:
    """The hashes of a tile. Raises `ValueError` for a tile of another length than its hashes have."""
    if len(hashes) % HASH_BYTES or len(hashes) > WIDTH * HASH_BYTES:
        raise ValueError("a tile holds at most 256 hashes of 32 bytes")
    return [hashes[place : place + HASH_BYTES] for place in range(0, len(hashes), HASH_BYTES)]


def group_roots_of(hashes: bytes) -> bytes:
    """The root over each 16 hashes of a full tile."""
    return b"".join(_pair_up(split(hashes), GROUP_HEIGHT))


def _complete(hashes: Sequence[bytes]) -> list[bytes]:
    """The roots of the complete subtrees over these hashes, the highest first."""
    subtrees, first = [], 0
    for height in reversed(range(HEIGHT)):
        if len(hashes) >> height & 1:
            subtrees.append(root_of(hashes[first : first + (1 << height)]))
            first += 1 << height
    return subtrees


Range = tuple[int, int]
"""Consecutive entries, from the first index to the one after the last."""


def inclusion_ranges(index: int, size: int) -> list[Range]:
    """The subtrees whose roots are the inclusion proof of an entry, its sibling first."""
    ranges: list[Range] = []
    first, after = 0, size
    while after - first > 1:
        middle = first + _left_size(after - first)
        if index < middle:
            ranges.append((middle, after))
            after = middle
        else:
            ranges.append((first, middle))
            first = middle
    return ranges[::-1]


def consistency_ranges(old_size: int, size: int) -> list[Range]:
    """The subtrees whose roots prove that the tree of `size` extends that of `old_size`, which is at least 1."""
    ranges: list[Range] = []
    first, after, whole = 0, size, True
    while old_size != after:
        middle = first + _left_size(after - first)
        if old_size <= middle:
            ranges.append((middle, after))
            after = middle
        else:
            ranges.append((first, middle))
            first, whole = middle, False
    if not whole:
        ranges.append((first, after))
    return ranges[::-1]


def _left_size(size: int) -> int:
    """The largest power of two below the size."""
    return 1 << (size - 1).bit_length() - 1


def nodes_of(entries: Range) -> list[Node]:
    """The complete subtrees of a range that is itself a subtree, the highest first."""
    first, after = entries
    nodes = []
    for height in reversed(range((after - first).bit_length())):
        if (after - first) >> height & 1:
            nodes.append(Node(height, first >> height))
            first += 1 << height
    return nodes


def tiles_of(ranges: Iterable[Range]) -> set[TileId]:
    """The tiles from which `root_of_range` computes these roots."""
    return {node.tile for entries in ranges for node in nodes_of(entries)}


def edge_of(size: int) -> list[TileId]:
    """The partial tiles of a tree."""
    levels = range((size.bit_length() + HEIGHT - 1) // HEIGHT)
    return [TileId(level, size >> HEIGHT * (level + 1)) for level in levels if size >> HEIGHT * level & WIDTH - 1]


Subtrees = Mapping[tuple[int, int], bytes]
"""By level and number of a tile, the roots of its subtrees, as `subtrees_of` gives them."""


@lru_cache(_KEPT_MAX)
def subtrees_of(hashes: bytes) -> bytes:
    """The roots of the complete subtrees over the hashes of a tile, side by side, the lowest first.

    Each is at the place that it has in a full tile; zeros are where a partial tile has none.
    """
    some, levels = split(hashes), []
    for height in range(HEIGHT):
        levels.append(b"".join(some).ljust((WIDTH >> height) * HASH_BYTES, b"\0"))
        some = pair_up(some[: len(some) & ~1])
    return b"".join(levels)


def root_of_range(entries: Range, subtrees: Subtrees) -> bytes:
    """The root of a subtree, or of the whole tree from 0. Raises `TileMissing`."""
    first, after = entries
    size = after - first
    if size & (size - 1):
        return join([root_at(node.height, node.place, subtrees) for node in nodes_of(entries)])
    return root_at(size.bit_length() - 1, first // size, subtrees) if size else EMPTY_ROOT


def root_at(height: int, place: int, subtrees: Subtrees) -> bytes:
    """The root of the complete subtree of 2**height entries, the `place`-th of its height. Raises `TileMissing`."""
    level, within = divmod(height, HEIGHT)
    number, own = divmod(place, WIDTH >> within)
    first = (2 * WIDTH - (2 * WIDTH >> within) + own) * HASH_BYTES
    root = subtrees.get((level, number), b"")[first : first + HASH_BYTES]
    if len(root) < HASH_BYTES or root == _ABSENT:
        raise TileMissing(TileId(level, number))
    return root
