"""Hashes, proofs and tiles of Merkle trees against RFC 6962 and the published vectors of transparency-dev/merkle."""

from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from services.audit.merkle import (
    EMPTY_ROOT,
    ProofError,
    leaf_hash,
    node_hash,
    root_of,
    verify_consistency,
    verify_inclusion,
)
from services.audit.proof_paths import ProofPaths, path_in_tile
from services.audit.tiles import (
    WIDTH,
    GrowingTree,
    TileId,
    TileMissing,
    consistency_ranges,
    group_roots_of,
    inclusion_ranges,
    number_path,
    parse_number_path,
    root_of_range,
    subtrees_of,
    tiles_of,
    width_in,
)

ENTRIES: Final = [bytes.fromhex(text) for text in (
    "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"
)]  # fmt: skip
"""The eight entries of the published tests."""

ROOTS: Final = (
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)
"""The published roots of the first none to eight of them."""

INCLUSION: Final = [(0, 8), (5, 8), (2, 3), (1, 5), (0, 1)]
"""Index and size of the published inclusion proofs."""
CONSISTENCY: Final = [(1, 8), (6, 8), (2, 5), (6, 7), (1, 1)]
"""The two sizes of the published consistency proofs."""

LEAVES: Final = [leaf_hash(entry) for entry in ENTRIES]
OTHER: Final = sha256(b"other").digest()


def published(size: int) -> bytes:
    return bytes.fromhex(ROOTS[size])


def proof(ranges: Sequence[tuple[int, int]], leaves: Sequence[bytes] = LEAVES) -> list[bytes]:
    return [root_of(leaves[first:after]) for first, after in ranges]


def spoilt(hashes: list[bytes], roots: Sequence[bytes]) -> Iterator[list[bytes]]:
    """What the published vectors do to a good proof."""
    if hashes:
        yield []
        yield hashes[:-1]
        yield hashes[1:]
    for place, found in enumerate(hashes):
        for bit in (0, 4, 255):
            flipped = bytearray(found)
            flipped[bit // 8] ^= 1 << bit % 8
            yield [*hashes[:place], bytes(flipped), *hashes[place + 1 :]]
    for added in (b"", OTHER, *roots, *hashes[:1], *hashes[-1:]):
        yield [added, *hashes]
        yield [*hashes, added]


def test_roots_are_the_published_ones() -> None:
    assert published(0) == EMPTY_ROOT
    for size in range(1, 9):
        tree = GrowingTree()
        tree.append(LEAVES[:size])
        assert root_of(LEAVES[:size]) == tree.root == published(size)


@pytest.mark.parametrize(("index", "size"), INCLUSION)
def test_published_inclusion_proofs(index: int, size: int) -> None:
    good, root = proof(inclusion_ranges(index, size)), published(size)
    verify_inclusion(index, size, LEAVES[index], good, root)
    if (index, size) == (0, 8):
        assert good[0].hex() == "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"
    for bad in spoilt(good, (LEAVES[index], root)):
        with pytest.raises(ProofError):
            verify_inclusion(index, size, LEAVES[index], bad, root)
    for other in {index ^ 1, index ^ 2, index + 1, index - 1, size}:
        with pytest.raises(ProofError):
            verify_inclusion(other, size, LEAVES[index], good, root)
    for other in {size * 2, size // 2, size + 1, size - 1, 0} - {size}:
        with pytest.raises(ProofError):
            verify_inclusion(index, other, LEAVES[index], good, published(min(other, 8)))
    for leaf, wrong in ((OTHER, root), (LEAVES[index], OTHER), (root, root)):
        if (leaf, wrong) != (LEAVES[index], root):
            with pytest.raises(ProofError):
                verify_inclusion(index, size, leaf, good, wrong)


@pytest.mark.parametrize(("old_size", "size"), CONSISTENCY)
def test_published_consistency_proofs(old_size: int, size: int) -> None:
    good = [] if old_size == size else proof(consistency_ranges(old_size, size))
    old_root, root = published(old_size), published(size)
    verify_consistency(old_size, size, old_root, root, good)
    for bad in spoilt(good, (old_root, root)):
        with pytest.raises(ProofError):
            verify_consistency(old_size, size, old_root, root, bad)
    for wrong_sizes in {(old_size - 1, size), (old_size + 1, size), (old_size ^ 2, size), (old_size, size // 2)}:
        if wrong_sizes != (old_size, size):
            with pytest.raises(ProofError):
                verify_consistency(*wrong_sizes, old_root, root, good)
    for wrong in ((OTHER, root), (old_root, OTHER), (root, old_root)):
        if wrong != (old_root, root):
            with pytest.raises(ProofError):
                verify_consistency(old_size, size, *wrong, good)


def test_nothing_is_consistent_with_a_log_without_entries() -> None:
    with pytest.raises(ProofError):
        verify_consistency(0, 8, EMPTY_ROOT, published(8), [])


sizes = some.integers(1, 3 * WIDTH + 5) | some.sampled_from([WIDTH * WIDTH - 1, WIDTH * WIDTH, WIDTH * WIDTH + 257])
MANY: Final = [sha256(str(number).encode()).digest() for number in range(WIDTH * WIDTH + 300)]


def grown(size: int, steps: Sequence[int]) -> tuple[GrowingTree, dict[TileId, bytes]]:
    """A tree that grew in these steps, with every tile that a store would hold."""
    tree, tiles = GrowingTree(), dict[TileId, bytes]()
    for after in [*sorted(step for step in steps if step < size), size]:
        tiles |= {full.tile: full.hashes for full in tree.append(MANY[tree.size : after])}
        tiles |= dict(tree.partial())
        edge = {tile.level: hashes for tile, hashes in tree.partial()}
        assert GrowingTree(tree.size, edge).root == tree.root
        tree = GrowingTree(tree.size, edge)
    return tree, tiles


@settings(max_examples=25, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None)
@given(size=sizes, steps=some.lists(some.integers(1, WIDTH * WIDTH), max_size=3), data=some.data())
def test_a_tree_grown_in_any_steps_proves_what_a_tree_at_once_proves(
    size: int, steps: list[int], data: some.DataObject
) -> None:
    tree, tiles = grown(size, steps)
    assert tree.root == root_of(MANY[:size])
    for tile, hashes in tiles.items():
        assert len(hashes) == 32 * width_in(tile, size)
    index = data.draw(some.integers(0, size - 1))
    ranges = inclusion_ranges(index, size)
    assert tiles_of(ranges) <= tiles.keys()
    subtrees = {(tile.level, tile.number): subtrees_of(hashes) for tile, hashes in tiles.items()}
    verify_inclusion(index, size, MANY[index], [root_of_range(part, subtrees) for part in ranges], tree.root)
    old_size = index + 1
    ranges = [] if old_size == size else consistency_ranges(old_size, size)
    old_root = root_of_range((0, old_size), subtrees)
    assert old_root == root_of(MANY[:old_size])
    verify_consistency(old_size, size, old_root, tree.root, [root_of_range(part, subtrees) for part in ranges])


BYTES: Final = [str(number).encode() for number in range(WIDTH * WIDTH + 300)]
LARGE: Final = GrowingTree()
FULL: Final = {full.tile: full for full in LARGE.append([leaf_hash(entry) for entry in BYTES])}
PARTIAL: Final = dict(LARGE.partial())


def large() -> dict[tuple[int, int], bytes]:
    """The subtrees of all tiles of a tree of three levels that are not at the bottom, and of the partial ones."""
    above = {tile: full.hashes for tile, full in FULL.items() if tile.level}
    return {(tile.level, tile.number): subtrees_of(hashes) for tile, hashes in (above | PARTIAL).items()}


@pytest.mark.parametrize("index", [0, 15, 16, 255, 256, 54_321, 65_535, 65_536, 65_791, 65_792, 65_835])
def test_sixteen_hashes_and_the_roots_over_the_others_prove_an_entry(index: int) -> None:
    paths, proof = ProofPaths(LARGE.size, LARGE.root, large()), []
    if paths.is_in_full_tile(index):
        hashes, roots = around(index)
        proof = proved(paths, index, BYTES[index], hashes, roots)
        for wrong in ((b"x", hashes, roots), (BYTES[index], hashes[32:] + hashes[:32], roots)):
            with pytest.raises(ProofError):
                proved(paths, index, *wrong)
        for place in range(16):
            for spoilt_hashes, spoilt_roots in ((spoilt_at(hashes, place), roots), (hashes, spoilt_at(roots, place))):
                with pytest.raises(ProofError):
                    proved(paths, index, BYTES[index], spoilt_hashes, spoilt_roots)
    else:
        proof = paths.of_last_entries(index, BYTES[index])
        with pytest.raises(ProofError):
            paths.of_last_entries(index, b"x")
    verify_inclusion(index, LARGE.size, leaf_hash(BYTES[index]), proof, LARGE.root)


def proved(paths: ProofPaths, index: int, entry: bytes, group: bytes, group_roots: bytes) -> list[bytes]:
    proof, root = path_in_tile(index, entry, group, group_roots)
    return proof + paths.above_tile(index // WIDTH, root)


def around(index: int) -> tuple[bytes, bytes]:
    """The 16 hashes around an entry, and the roots over each 16 of its tile."""
    full, first = FULL[TileId(0, index // WIDTH)], index % WIDTH // 16 * 16 * 32
    assert full.group_roots == group_roots_of(full.hashes)
    return full.hashes[first : first + 512], full.group_roots


def spoilt_at(hashes: bytes, place: int) -> bytes:
    return hashes[: 32 * place] + OTHER + hashes[32 * place + 32 :]


@pytest.mark.parametrize("tile", [tile for tile in (*FULL, *PARTIAL) if tile.level or tile in PARTIAL])
def test_no_proof_comes_of_a_wrong_tile_above(tile: TileId) -> None:
    """A proof that came of a tile with a wrong hash would not verify."""
    hashes = FULL[tile].hashes if tile in FULL else PARTIAL[tile]
    index, refused = 300, 0
    for place in range(0, len(hashes) // 32, 5):
        subtrees = large() | {(tile.level, tile.number): subtrees_of(spoilt_at(hashes, place))}
        try:
            proof = proved(ProofPaths(LARGE.size, LARGE.root, subtrees), index, BYTES[index], *around(index))
        except ProofError:
            refused += 1
        else:
            verify_inclusion(index, LARGE.size, leaf_hash(BYTES[index]), proof, LARGE.root)
    assert refused
    missing = large()
    del missing[tile.level, tile.number]
    with pytest.raises(TileMissing):
        proved(ProofPaths(LARGE.size, LARGE.root, missing), index, BYTES[index], *around(index))


def test_a_tile_above_holds_the_roots_of_full_tiles_below() -> None:
    _, tiles = grown(WIDTH * WIDTH + 257, [])
    assert tiles[TileId(1, 0)][:32] == root_of(MANY[:WIDTH])
    assert tiles[TileId(2, 0)] == root_of(MANY[: WIDTH * WIDTH])
    assert node_hash(*MANY[:2]) == root_of(MANY[:2])


@pytest.mark.parametrize(
    ("number", "width", "path"),
    [
        (0, 256, "000"),
        (999, 256, "999"),
        (1000, 12, "x001/000.p/12"),
        (1234067, 256, "x001/x234/067"),
        (67, 255, "067.p/255"),
    ],
)
def test_numbers_of_tiles_are_written_in_groups_of_three(number: int, width: int, path: str) -> None:
    assert number_path(number, width) == path
    assert parse_number_path(path.split("/")) == (number, width)


@pytest.mark.parametrize(
    "path",
    ["0", "00", "0000", "x000/001", "x001", "001/002", "067.p/256", "067.p/0", "067.p/01", "067.p", "x067.p/1", "٠٠١"],
)
def test_other_spellings_name_no_tile(path: str) -> None:
    with pytest.raises(ValueError, match="tile"):
        parse_number_path(path.split("/"))
