"""Roots and proofs of RFC 6962, by its definitions and against damage."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagecert_verify.merkle import EMPTY_ROOT, is_included, leaf_hash, node_hash, root_of
from tests.verify.exports import inclusion

LEAVES = [leaf_hash(bytes([number])) for number in range(40)]
RFC_ROOTS = {
    0: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}
"""Of the published test vectors of Certificate Transparency."""
INPUTS = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]


@pytest.mark.parametrize("size", RFC_ROOTS)
def test_the_published_roots(size: int) -> None:
    assert root_of(leaf_hash(bytes.fromhex(given)) for given in INPUTS[:size]).hex() == RFC_ROOTS[size]


def test_an_empty_tree_has_the_hash_of_nothing() -> None:
    assert root_of([]) == EMPTY_ROOT
    assert not is_included(LEAVES[0], 0, 0, [], EMPTY_ROOT)


@given(st.integers(1, len(LEAVES)), st.data())
def test_an_inclusion_proof_shows_its_leaf_and_no_other(size: int, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, size - 1))
    proof, root = inclusion(LEAVES[:size], place), root_of(LEAVES[:size])
    assert is_included(LEAVES[place], place, size, proof, root)
    for other in range(size):
        assert (LEAVES[other], other) == (LEAVES[place], place) or not is_included(
            LEAVES[other], place, size, proof, root
        )
        assert other == place or not is_included(LEAVES[place], other, size, proof, root)
    assert not is_included(LEAVES[place], place, size, [*proof, root], root)
    assert not is_included(LEAVES[place], place, size, proof, node_hash(root, root))
    for number in range(len(proof)):
        assert not is_included(LEAVES[place], place, size, proof[:number] + proof[number + 1 :], root)
