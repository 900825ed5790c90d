"""What is sealed verifies with libraries that others wrote, in another language; with a bit flipped it does not."""

import base64
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Final

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.audit.checkpoint import Checkpoint, proof_text
from services.audit.merkle import leaf_hash
from services.audit.note import ED25519, VerifierKey, encode_hashes, public_bytes, sign, signed_note
from services.audit.tiles import GrowingTree, consistency_ranges, inclusion_ranges, root_of_range, subtrees_of

SOURCES: Final = Path("/usr/share/gocode/src/golang.org/x/mod/sumdb")
"""Where Debian's golang-golang-x-mod-dev puts them."""
ORIGIN: Final = "sagecert.example/facts"
ENTRIES: Final = [b'{"notification_id":%d}\n{"data":{}}' % number for number in range(1, 701)]

Verify = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def verify(tmp_path_factory: pytest.TempPathFactory) -> Verify:
    """The verifier, built once."""
    go = shutil.which("go")
    if go is None or not SOURCES.is_dir():
        pytest.skip("no Go here with golang.org/x/mod (Debian: golang-go, golang-golang-x-mod-dev)")
    directory = tmp_path_factory.mktemp("go")
    built = directory / "verify"
    settings = {"GO111MODULE": "off", "GOPATH": "/usr/share/gocode", "GOCACHE": str(directory / "cache")}
    source = Path(__file__).with_name("go") / "verify.go"
    subprocess.run([go, "build", "-o", built, source], env={**os.environ, **settings}, check=True, timeout=100)

    def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run([built, *arguments], capture_output=True, text=True, timeout=20, check=False)

    return run


class Log:
    """A log of 700 entries, signed at two sizes."""

    def __init__(self) -> None:
        key = Ed25519PrivateKey.generate()
        self.key = VerifierKey(ORIGIN, ED25519, public_bytes(key))
        self.tree, self.tiles = GrowingTree(), dict[tuple[int, int], bytes]()
        self.notes: dict[int, str] = {}
        for size in (300, 700):
            leaves = [leaf_hash(entry) for entry in ENTRIES[self.tree.size : size]]
            tiles = {full.tile: full.hashes for full in self.tree.append(leaves)} | dict(self.tree.partial())
            self.tiles |= {(tile.level, tile.number): subtrees_of(hashes) for tile, hashes in tiles.items()}
            checkpoint = Checkpoint(ORIGIN, size, self.tree.root)
            self.notes[size] = signed_note(checkpoint.text, [sign(checkpoint.text, ORIGIN, key)])

    def proof(self, index: int) -> str:
        hashes = [root_of_range(part, self.tiles) for part in inclusion_ranges(index, 700)]
        return proof_text(index, hashes, self.notes[700])

    def extension(self) -> str:
        """A consistency proof from the first note to the second, and the second."""
        hashes = [root_of_range(part, self.tiles) for part in consistency_ranges(300, 700)]
        return f"{encode_hashes(hashes)}\n{self.notes[700]}"


def flipped(text: str, random: Random) -> Iterator[str]:
    """The text with one bit of one of its hashes or signatures flipped."""
    for line in text.splitlines():
        encoded = line.rpartition(" ")[2]
        if len(encoded) >= 44:
            changed = bytearray(base64.b64decode(encoded))
            # The first four bytes of a signature point to its key: another key is unknown, which refuses the note, too.
            changed[random.randrange(len(changed))] ^= 1 << random.randrange(8)
            yield text.replace(encoded, base64.b64encode(changed).decode())


def test_go_accepts_our_notes_and_proofs_and_refuses_flipped_bits(verify: Verify, tmp_path: Path) -> None:
    log, random = Log(), Random(5)
    proof, entry, old = tmp_path / "proof", tmp_path / "entry", tmp_path / "old"
    for index in (0, 255, 256, 511, 699):
        entry.write_bytes(ENTRIES[index])
        proof.write_text(log.proof(index))
        accepted = verify("inclusion", log.key.text, proof, entry)
        assert accepted.returncode == 0, accepted.stderr
        entry.write_bytes(ENTRIES[index - 1])
        assert verify("inclusion", log.key.text, proof, entry).returncode == 1
        entry.write_bytes(ENTRIES[index])
        for bad in flipped(log.proof(index), random):
            proof.write_text(bad)
            assert verify("inclusion", log.key.text, proof, entry).returncode == 1, bad

    old.write_text(log.notes[300])
    proof.write_text(log.extension())
    accepted = verify("consistency", log.key.text, proof, old)
    assert accepted.returncode == 0, accepted.stderr
    for bad in flipped(log.extension(), random):
        proof.write_text(bad)
        assert verify("consistency", log.key.text, proof, old).returncode == 1, bad
