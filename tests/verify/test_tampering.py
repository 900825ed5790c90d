"""Some hundred random tamperings; ten thousand are a command: `python -m tests.verify.tampering`."""

from pathlib import Path

import pytest

from sagecert_verify.merkle import leaf_hash, root_of
from sagecert_verify.note import Key
from sagecert_verify.sealed_log import SealedLog
from sagecert_verify.verdict import FoundError
from tests.verify.exports import FACTS_LOG, WIDTH, note
from tests.verify.tampering import accepted, tamperings

NUMBER = 300
SIZE = 700


def test_each_tampering_is_refused_with_the_first_wrong_position(tmp_path: Path) -> None:
    done = 0
    for tampering in tamperings(NUMBER):
        assert accepted(tampering, tmp_path / "export.tar.gz") is None
        done += 1
    assert done > NUMBER * 0.9


@pytest.mark.parametrize("position", [1, WIDTH, WIDTH + 1, 2 * WIDTH, SIZE])
def test_the_position_is_found_in_any_bundle(position: int) -> None:
    entries = [f"entry {number}".encode() for number in range(1, SIZE + 1)]
    leaves = [leaf_hash(entry) for entry in entries]
    keys: list[Key] = [FACTS_LOG.key]
    log = SealedLog("facts", keys, None, lambda _position, _entry: None)
    log.take_checkpoint(note([FACTS_LOG], SIZE, root_of(leaves)).encode())
    entries[position - 1] += b"!"
    for first in range(0, SIZE, WIDTH):
        log.take_hashes(b"".join(leaves[first : first + WIDTH]))
    for first in range(0, SIZE, WIDTH):
        log.take_bundle(b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries[first : first + WIDTH]))
    with pytest.raises(FoundError) as found:
        log.conclude()
    assert found.value.finding.position == position
