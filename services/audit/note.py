"""Signed notes (C2SP signed-note) and cosignatures of witnesses (C2SP tlog-cosignature), both with Ed25519. Pure."""

import base64
import binascii
import re
from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Final, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

ED25519: Final = 0x01
"""Signs the text of a note."""
COSIGNATURE: Final = 0x04
"""Signs the text of a checkpoint and the second at which it was seen."""

NOTE_BYTES_MAX: Final = 64 << 10
SIGNATURES_MAX: Final = 100
KEY_BYTES: Final = 32
_ID_BYTES: Final = 4
_TIME_BYTES: Final = 8
_NAME: Final = re.compile(r"[^\s+]+")
_LINE: Final = re.compile(r"— ([^\s+]+) ([A-Za-z0-9+/]+={0,2})")


class NoteError(ValueError):
    """It is not a signed note, or no known key signed it."""


class Signature(NamedTuple):
    """A signature line: who claims to have signed, and with which key."""

    name: str
    key_id: bytes
    signature: bytes

    @property
    def line(self) -> str:
        """As it stands in a note, without the newline."""
        return f"— {self.name} {_encoded(self.key_id + self.signature)}"


class VerifierKey(NamedTuple):
    """A public key under its name. `kind`: `ED25519` or `COSIGNATURE`."""

    name: str
    kind: int
    public_key: bytes

    @property
    def key_id(self) -> bytes:
        """Four bytes that point to the key; no proof of it."""
        return sha256(f"{self.name}\n".encode() + bytes([self.kind]) + self.public_key).digest()[:_ID_BYTES]

    @property
    def text(self) -> str:
        """The key as others take it: name, id and key, separated by plus signs."""
        return f"{self.name}+{self.key_id.hex()}+{_encoded(bytes([self.kind]) + self.public_key)}"

    @classmethod
    def parse(cls, text: str) -> "VerifierKey":
        """The key of this text. Raises `NoteError`."""
        name, _, rest = text.strip().partition("+")
        key_id, _, encoded = rest.partition("+")
        try:
            decoded = base64.b64decode(encoded, validate=True)
        except binascii.Error:
            decoded = b""
        if len(decoded) != 1 + KEY_BYTES or decoded[0] not in (ED25519, COSIGNATURE) or not _NAME.fullmatch(name):
            raise NoteError("a verifier key is written name+id+key, with an Ed25519 key")
        key = cls(name, decoded[0], decoded[1:])
        if key.key_id.hex() != key_id:
            raise NoteError("the id of the verifier key is that of another key")
        return key

    def verifies(self, text: str, signature: bytes) -> bool:
        """Whether the key made this signature of the text."""
        signed = text.encode()
        if self.kind == COSIGNATURE:
            seconds = int.from_bytes(signature[:_TIME_BYTES], "big")
            signed, signature = _cosigned(text, seconds), signature[_TIME_BYTES:]
        try:
            Ed25519PublicKey.from_public_bytes(self.public_key).verify(signature, signed)
        except InvalidSignature:
            return False
        return True


def sign(text: str, name: str, key: Ed25519PrivateKey) -> Signature:
    """The signature of a note's text, which ends with a newline."""
    return Signature(name, VerifierKey(name, ED25519, public_bytes(key)).key_id, key.sign(text.encode()))


def cosign(text: str, name: str, key: Ed25519PrivateKey, seconds: int) -> Signature:
    """A witness's signature of a checkpoint seen at this second since 1970."""
    signature = seconds.to_bytes(_TIME_BYTES, "big") + key.sign(_cosigned(text, seconds))
    return Signature(name, VerifierKey(name, COSIGNATURE, public_bytes(key)).key_id, signature)


def public_bytes(key: Ed25519PrivateKey) -> bytes:
    """The public key, 32 bytes."""
    return key.public_key().public_bytes_raw()


def signed_note(text: str, signatures: Iterable[Signature]) -> str:
    """The text, an empty line and the signatures."""
    return f"{text}\n" + "".join(f"{signature.line}\n" for signature in signatures)


def open_note(note: str, keys: Iterable[VerifierKey]) -> tuple[str, list[VerifierKey]]:
    """The text of a note and the known keys that signed it. Raises `NoteError` unless at least one did.

    A signature by an unknown key is ignored; one by a known key that is wrong spoils the note.
    """
    text, signatures = split_note(note)
    known = {(key.name, key.key_id): key for key in keys}
    signed: list[VerifierKey] = []
    for signature in signatures:
        key = known.get((signature.name, signature.key_id))
        if key is None or key in signed:
            continue
        if not key.verifies(text, signature.signature):
            raise NoteError(f"the signature of {key.name} is wrong")
        signed.append(key)
    if not signed:
        raise NoteError("no known key signed it")
    return text, signed


def split_note(note: str) -> tuple[str, list[Signature]]:
    """The text of a note and its signatures, unverified. Raises `NoteError`."""
    if len(note) > NOTE_BYTES_MAX or any(character < " " and character != "\n" for character in note):
        raise NoteError("a note is text of at most 64 KiB")
    text, separator, lines = note.rpartition("\n\n")
    if not separator or not lines.endswith("\n"):
        raise NoteError("a note is a text, an empty line and signatures")
    return text + "\n", signature_lines(lines)


def signature_lines(lines: str) -> list[Signature]:
    """The signatures of these lines. Raises `NoteError`."""
    found = lines.split("\n")[:-1]
    if not 0 < len(found) <= SIGNATURES_MAX:
        raise NoteError(f"a note has 1 to {SIGNATURES_MAX} signatures")
    return [_signature(line) for line in found]


def _signature(line: str) -> Signature:
    match = _LINE.fullmatch(line)
    try:
        decoded = base64.b64decode(match[2], validate=True) if match else b""
    except binascii.Error:
        decoded = b""
    if match is None or len(decoded) <= _ID_BYTES:
        raise NoteError("a signature line is a dash, a name and a signature in base64")
    return Signature(match[1], decoded[:_ID_BYTES], decoded[_ID_BYTES:])


def cosigned_at(signature: Signature) -> int:
    """The second since 1970 at which a witness cosigned."""
    return int.from_bytes(signature.signature[:_TIME_BYTES], "big")


def decode_hash(line: str) -> bytes:
    """A hash in base64, as proofs write it. Raises `NoteError`."""
    try:
        decoded = base64.b64decode(line, validate=True)
    except (binascii.Error, ValueError):
        decoded = b""
    if len(decoded) != KEY_BYTES or _encoded(decoded) != line:
        raise NoteError("a hash is 32 bytes in base64")
    return decoded


def encode_hashes(hashes: Sequence[bytes]) -> str:
    """Hashes in base64, each in a line."""
    return b"".join(map(binascii.b2a_base64, hashes)).decode("ascii")


def _cosigned(text: str, seconds: int) -> bytes:
    return f"cosignature/v1\ntime {seconds}\n{text}".encode()


def _encoded(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
