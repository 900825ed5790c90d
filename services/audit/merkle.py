"""Merkle trees (RFC 6962, section 2.1): hashing, and verification of inclusion and consistency proofs. Pure.

An index counts from 0; `size` is the number of entries. Every hash is 32 bytes, SHA-256.
"""

from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import Final

HASH_BYTES: Final = 32
EMPTY_ROOT: Final = sha256().digest()
"""The root of a tree without entries."""


class ProofError(ValueError):
    """The proof does not prove it."""


def leaf_hash(entry: bytes) -> bytes:
    """The hash of an entry."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of two subtrees side by side."""
    return sha256(b"\x01" + left + right).digest()


def pair_up(hashes: Sequence[bytes]) -> list[bytes]:
    """The level above; the number of hashes is even."""
    return [
        sha256(b"\x01" + hashes[place] + hashes[place + 1]).digest()  # `node_hash`, without the cost of a call
        for place in range(0, len(hashes), 2)
    ]


def root_of(hashes: Sequence[bytes]) -> bytes:
    """The root over hashes of equal height, any number of them."""
    subtrees = []
    first = 0
    for height in reversed(range(len(hashes).bit_length())):
        if len(hashes) >> height & 1:
            some = hashes[first : first + (1 << height)]
            while len(some) > 1:
                some = pair_up(some)
            subtrees.append(some[0])
            first += 1 << height
    return join(subtrees)


def join(subtrees: Sequence[bytes]) -> bytes:
    """The root over complete subtrees, the highest first; `EMPTY_ROOT` over none."""
    if not subtrees:
        return EMPTY_ROOT
    root = subtrees[-1]
    for left in reversed(subtrees[:-1]):
        root = node_hash(left, root)
    return root


def verify_inclusion(index: int, size: int, leaf: bytes, proof: Sequence[bytes], root: bytes) -> None:
    """The leaf hash is at the index of the tree (RFC 9162, section 2.1.3.2). Raises `ProofError`."""
    if not 0 <= index < size:
        raise ProofError(f"a tree of {size} has no entry {index}")
    found = leaf
    for sibling, on_the_left in _way_up(index, size - 1, proof):
        found = node_hash(sibling, found) if on_the_left else node_hash(found, sibling)
    if found != root:
        raise ProofError("the proof leads to another root")


def verify_consistency(old_size: int, size: int, old_root: bytes, root: bytes, proof: Sequence[bytes]) -> None:
    """The tree of `size` extends that of `old_size` (RFC 9162, section 2.1.4.2). Raises `ProofError`.

    An `old_size` of 0 proves nothing and is refused.
    """
    if not 0 < old_size <= size:
        raise ProofError(f"a tree of {size} is not an extension of one of {old_size}")
    if old_size == size:
        if proof:
            raise ProofError("trees of one size need no proof")
        if old_root != root:
            raise ProofError("two roots at one size")
        return
    path = [old_root, *proof] if old_size & (old_size - 1) == 0 else proof
    if not path:
        raise ProofError("the proof is too short")
    place, last = old_size - 1, size - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    old = new = path[0]
    for sibling, on_the_left in _way_up(place, last, path[1:]):
        if on_the_left:
            old = node_hash(sibling, old)
        new = node_hash(sibling, new) if on_the_left else node_hash(new, sibling)
    if old != old_root:
        raise ProofError("the proof leads to another old root")
    if new != root:
        raise ProofError("the proof leads to another root")


def _way_up(place: int, last: int, proof: Sequence[bytes]) -> Iterator[tuple[bytes, bool]]:
    """The siblings from a node to the root, and whether each is on the left. `last`: the last node of its level."""
    for sibling in proof:
        if len(sibling) != HASH_BYTES:
            raise ProofError("a hash has 32 bytes")
        if last == 0:
            raise ProofError("the proof is too long")
        on_the_left = bool(place & 1) or place == last
        yield sibling, on_the_left
        if on_the_left:
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        place, last = place >> 1, last >> 1
    if last:
        raise ProofError("the proof is too short")
