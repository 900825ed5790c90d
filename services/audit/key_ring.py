"""The public keys of the logs: the first one, and those that rotations installed after it."""

from base64 import b64decode, b64encode
from binascii import Error
from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from services.audit.note import public_bytes
from services.audit.sealed_log import InstalledKey

ROTATION_TOPIC: Final = "com.sage.partnercloud.signing-key-rotated.v1"
_MARK: Final = f'"topic":"{ROTATION_TOPIC}"'.encode()


class Rotation(NamedTuple):
    """What a rotation says: the next key, signed by the one before it. Keys and signature in base64."""

    public_key: str
    previous_public_key: str
    signature: str


class _Data(msgspec.Struct, frozen=True):
    public_key: str
    previous_public_key: str
    signature: str


class _State(msgspec.Struct, frozen=True):
    data: _Data


def rotation_to(public_key: bytes, previous: Ed25519PrivateKey) -> Rotation:
    """The rotation from the previous key to this one."""
    before = public_bytes(previous)
    signature = previous.sign(_statement(before, public_key))
    return Rotation(_text(public_key), _text(before), _text(signature))


def installed_by(entry: bytes, position: int, keys: Sequence[InstalledKey]) -> InstalledKey | None:
    """The key that an entry of the log of facts installs, if it is a rotation that the last of these keys signed."""
    if _MARK not in entry:
        return None
    line, _, state = entry.partition(b"\n")
    if _MARK not in line:
        return None
    try:
        data = msgspec.json.decode(state, type=_State).data
        public_key, previous, signature = (
            b64decode(text, validate=True) for text in (data.public_key, data.previous_public_key, data.signature)
        )
        Ed25519PublicKey.from_public_bytes(previous).verify(signature, _statement(previous, public_key))
        Ed25519PublicKey.from_public_bytes(public_key)
    except (msgspec.DecodeError, Error, ValueError, InvalidSignature):
        return None
    known = {key.public_key for key in keys}
    if not keys or previous != keys[-1].public_key or public_key in known:
        return None
    return InstalledKey(public_key, position)


def _statement(previous: bytes, public_key: bytes) -> bytes:
    return f"sagecert signing-key-rotated/v1\n{_text(previous)}\n{_text(public_key)}\n".encode()


def _text(data: bytes) -> str:
    return b64encode(data).decode("ascii")
