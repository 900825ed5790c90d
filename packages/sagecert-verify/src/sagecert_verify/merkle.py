"""Merkle trees (RFC 6962, section 2.1): roots and inclusion, from hashes alone."""

from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Final

HASH_BYTES: Final = 32
EMPTY_ROOT: Final = sha256().digest()


def leaf_hash(entry: bytes) -> bytes:
    """The hash of an entry."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of two subtrees side by side."""
    return sha256(b"\x01" + left + right).digest()


class Tree:
    """Takes the leaf hashes of a tree one after the other, and says the root at any moment.

    It keeps the roots of the complete subtrees of which the tree consists, the largest first.
    """

    def __init__(self) -> None:
        self.size = 0
        self._roots: list[bytes] = []

    def append(self, leaf: bytes) -> None:
        """One more leaf hash."""
        trailing = self.size
        self.size += 1
        while trailing & 1:
            leaf = sha256(b"\x01" + self._roots.pop() + leaf).digest()
            trailing >>= 1
        self._roots.append(leaf)

    def root(self) -> bytes:
        """The root of what was taken so far."""
        if not self._roots:
            return EMPTY_ROOT
        root = self._roots[-1]
        for left in reversed(self._roots[:-1]):
            root = node_hash(left, root)
        return root


def root_of(leaves: Iterable[bytes]) -> bytes:
    """The root over leaf hashes."""
    tree = Tree()
    for leaf in leaves:
        tree.append(leaf)
    return tree.root()


def is_included(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether the proof shows the leaf at the index (from 0) of a tree of this size and root (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    place, last = index, size - 1
    computed = leaf
    for sibling in proof:
        if last == 0:
            return False
        if place & 1 or place == last:
            computed = node_hash(sibling, computed)
            while not place & 1 and place:
                place >>= 1
                last >>= 1
        else:
            computed = node_hash(computed, sibling)
        place >>= 1
        last >>= 1
    return last == 0 and computed == root
