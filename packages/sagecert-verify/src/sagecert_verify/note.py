"""Signed notes, checkpoints and cosignatures (C2SP signed-note, tlog-checkpoint, tlog-cosignature, tlog-proof)."""

import base64
import binascii
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Final, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from sagecert_verify.merkle import HASH_BYTES

ED25519: Final = 1
COSIGNATURE: Final = 4
NOTE_CHARACTERS_MAX: Final = 64 << 10
SIGNATURES_MAX: Final = 200
DASH: Final = "— "
TIME_BYTES: Final = 8
ID_BYTES: Final = 4


class MalformedNoteError(ValueError):
    """It is not a note, checkpoint or key. The message says what it should be."""


class Key(NamedTuple):
    """A public key that signs notes (kind 1) or cosigns checkpoints (kind 4), under a name."""

    name: str
    kind: int
    public: bytes

    @property
    def number(self) -> bytes:
        """The four bytes by which a signature line refers to the key."""
        return sha256(self.name.encode() + b"\n" + bytes([self.kind]) + self.public).digest()[:ID_BYTES]

    @classmethod
    def read(cls, text: str) -> "Key":
        """From `name+number+key`. Raises `MalformedNoteError`."""
        parts = text.split("+", 2)
        if len(parts) != 3 or not parts[0] or any(character.isspace() for character in text):
            raise MalformedNoteError("a key is written name+number+key")
        decoded = _decoded(parts[2])
        if len(decoded) != HASH_BYTES + 1 or decoded[0] not in (ED25519, COSIGNATURE):
            raise MalformedNoteError(f"the key of {parts[0]} is not an Ed25519 key")
        key = cls(parts[0], decoded[0], decoded[1:])
        if key.number.hex() != parts[1]:
            raise MalformedNoteError(f"the number of the key of {parts[0]} does not belong to it")
        return key

    def has_signed(self, text: str, signature: bytes) -> bool:
        """Whether this is the key's signature of the text."""
        signed = text
        if self.kind == COSIGNATURE:
            signed = f"cosignature/v1\ntime {int.from_bytes(signature[:TIME_BYTES], 'big')}\n{text}"
            signature = signature[TIME_BYTES:]
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, signed.encode())
        except (InvalidSignature, ValueError):
            return False
        return True


class Checkpoint(NamedTuple):
    """What a log says of itself: the number of its entries, and their root."""

    origin: str
    size: int
    root: bytes


class Note(NamedTuple):
    """A note, unverified. `signatures`: name, number of the key, signature."""

    text: str
    signatures: tuple[tuple[str, bytes, bytes], ...]

    @classmethod
    def read(cls, written: str) -> "Note":
        """Raises `MalformedNoteError`."""
        head, separator, tail = written.rpartition("\n\n")
        lines = tail.split("\n")
        if not separator or lines.pop() != "" or not lines or len(written) > NOTE_CHARACTERS_MAX:
            raise MalformedNoteError("a note is a text, an empty line and signatures")
        if len(lines) > SIGNATURES_MAX:
            raise MalformedNoteError(f"a note has at most {SIGNATURES_MAX} signatures")
        return cls(head + "\n", tuple(_signature(line) for line in lines))

    def signed_by(self, keys: Iterable[Key]) -> list[Key]:
        """Which of the keys signed the note."""
        return self.signed_by_one_of(by_number(keys))

    def signed_by_one_of(self, keys: "KeysByNumber") -> list[Key]:
        """The same; each signature is tried with the keys that it refers to, however many others there are."""
        found = {
            key: None
            for name, number, signature in self.signatures
            for key in keys.get((name, number), ())
            if key.has_signed(self.text, signature)
        }
        return list(found)

    def cosigned_at(self, witnesses: "KeysByNumber") -> int | None:
        """When the first of the witnesses cosigned it, in seconds since 1970; None: none did."""
        times = (
            int.from_bytes(signature[:TIME_BYTES], "big")
            for name, number, signature in self.signatures
            for key in witnesses.get((name, number), ())
            if key.has_signed(self.text, signature)
        )
        return min(times, default=None)

    @property
    def checkpoint(self) -> Checkpoint:
        """The checkpoint that the note is. Raises `MalformedNoteError`."""
        lines = self.text.split("\n")
        if len(lines) < 4 or not all(lines[:-1]):
            raise MalformedNoteError("a checkpoint is an origin, a size and a root, each in a line")
        size = lines[1]
        if not (size.isascii() and size.isdigit()) or len(size) > 16 or str(int(size)) != size:
            raise MalformedNoteError("the size of a checkpoint is a number in decimal digits")
        root = _decoded(lines[2])
        if len(root) != HASH_BYTES:
            raise MalformedNoteError("the root of a checkpoint is 32 bytes in base64")
        return Checkpoint(lines[0], int(size), root)


KeysByNumber = Mapping[tuple[str, bytes], Sequence[Key]]
"""Keys by what a signature line says of them."""


def by_number(keys: Iterable[Key]) -> KeysByNumber:
    """The keys by name and number."""
    found: dict[tuple[str, bytes], list[Key]] = {}
    for key in keys:
        found.setdefault((key.name, key.number), []).append(key)
    return found


class Proof(NamedTuple):
    """A proof that stands alone (C2SP tlog-proof): the entry at `place`, from 0, is in the log of the note."""

    place: int
    hashes: tuple[bytes, ...]
    note: Note

    @classmethod
    def read(cls, written: str) -> "Proof":
        """Raises `MalformedNoteError`."""
        head, _, note = written.partition("\n\n")
        lines = head.split("\n")
        if lines[0] != "c2sp.org/tlog-proof@v1" or len(lines) < 2 or not lines[1].startswith("index "):
            raise MalformedNoteError("a proof begins with c2sp.org/tlog-proof@v1 and an index")
        index = lines[1].removeprefix("index ")
        if not (index.isascii() and index.isdigit()) or len(index) > 16 or len(lines) > 66:
            raise MalformedNoteError("the index of a proof is a number, and it has at most 64 hashes")
        hashes = tuple(_decoded(line) for line in lines[2:])
        if any(len(found) != HASH_BYTES for found in hashes):
            raise MalformedNoteError("the hashes of a proof are 32 bytes in base64")
        return cls(int(index), hashes, Note.read(note))


def _signature(line: str) -> tuple[str, bytes, bytes]:
    name, _, encoded = line.removeprefix(DASH).partition(" ")
    decoded = _decoded(encoded)
    if not line.startswith(DASH) or not name or len(decoded) <= ID_BYTES:
        raise MalformedNoteError("a signature is a dash, a name and base64")
    return name, decoded[:ID_BYTES], decoded[ID_BYTES:]


def _decoded(text: str) -> bytes:
    """Nothing, where it is not exactly how the bytes are written in base64."""
    try:
        decoded = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""
    return decoded if base64.b64encode(decoded).decode() == text else b""
