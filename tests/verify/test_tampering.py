"""Some hundred random tamperings; ten thousand are a command: `python -m tests.verify.tampering`."""

from pathlib import Path

import pytest

from sagecert_verify.finding import FoundError
from sagecert_verify.merkle import leaf_hash, root_of
from sagecert_verify.note import Key
from sagecert_verify.sealed_log import SealedLog
from tests.verify.exports import FACTS_LOG, LOGS, WIDTH, claim_entries, export_of, note, write
from tests.verify.structure import MISSING, go_verifier
from tests.verify.tampering import CLAIMS, accepted, tamperings

NUMBER = 300
SIZE = 700


def test_each_tampering_is_refused_with_the_first_wrong_position(tmp_path: Path) -> None:
    done = 0
    with go_verifier() as go:
        if go is None:
            print(f"only our own verifier: {MISSING}")
        for tampering in tamperings(NUMBER):
            assert accepted(tampering, tmp_path / "export.tar.gz", go) is None
            done += 1
    assert done > NUMBER * 0.9


def test_go_accepts_what_was_not_tampered_with(tmp_path: Path) -> None:
    export = export_of(5)
    export.entries["claims"] = claim_entries(CLAIMS)
    export.kept = {log: [1, 2] for log in LOGS}
    positions = {"facts": [1, 3, 4], "compliance": [2], "claims": [3]}
    with go_verifier() as go:
        if go is None:
            pytest.skip(MISSING)
        for members in (export.members(), export.partner_members("P1", positions)):
            assert go.refusal(write(tmp_path / "export.tar.gz", members)) is None


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
