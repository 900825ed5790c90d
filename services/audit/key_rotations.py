"""The public keys of the logs: the first one, and those that rotations installed after it."""

from base64 import b64decode, b64encode
from binascii import Error
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from services.audit.note import public_bytes
from services.audit.sealed_log import InstalledKey, Rotation
from shared.events.facts import TOPIC_OF
from shared.events.system_facts import SigningKeyRotated

_MARK: Final = f'"topic":"{TOPIC_OF[SigningKeyRotated]}"'.encode()


class _State(msgspec.Struct, frozen=True):
    data: SigningKeyRotated


def rotation_to(log_id: str, public_key: bytes, previous: Ed25519PrivateKey) -> SigningKeyRotated:
    """The rotation from the previous key to this one, signed by the previous one."""
    before = public_bytes(previous)
    signature = previous.sign(_statement(before, public_key))
    return SigningKeyRotated(log_id, _text(public_key), _text(before), _text(signature))


def installed_by(entry: bytes, position: int, keys: Sequence[InstalledKey]) -> InstalledKey | None:
    """The key that an entry of the log of facts installs, if it is a rotation that the last of these keys signed."""
    if _MARK not in entry:
        return None
    line, _, state = entry.partition(b"\n")
    if _MARK not in line or not keys:
        return None
    public_key = rotated_to(state, keys[-1].public_key)
    if public_key is None or public_key in {key.public_key for key in keys}:
        return None
    return InstalledKey(public_key, position)


def first_uninstalled(keys: Sequence[InstalledKey], rotations: Iterable[Rotation]) -> InstalledKey | None:
    """The first of these keys, oldest first, that no rotation installs at its place; None: each has its own.

    A rotation that is not sealed yet has not installed its key.
    """
    installed = [key._replace(fact_position=0) for key in keys[:1]]
    for state, position in rotations:
        public_key = rotated_to(state, installed[-1].public_key) if installed else None
        if public_key is not None and public_key not in {key.public_key for key in installed}:
            installed.append(InstalledKey(public_key, position))
    return next((key for place, key in enumerate(keys) if key not in installed[place : place + 1]), None)


def rotated_to(state: bytes, previous_key: bytes) -> bytes | None:
    """The key to which a stored rotation leads, if the previous key signed it."""
    try:
        data = msgspec.json.decode(state, type=_State).data
        public_key, previous, signature = (
            b64decode(text, validate=True) for text in (data.public_key, data.previous_public_key, data.signature)
        )
        Ed25519PublicKey.from_public_bytes(previous).verify(signature, _statement(previous, public_key))
        Ed25519PublicKey.from_public_bytes(public_key)
    except (msgspec.DecodeError, Error, ValueError, InvalidSignature):
        return None
    return public_key if previous == previous_key else None


def _statement(previous: bytes, public_key: bytes) -> bytes:
    return f"sagecert signing-key-rotated/v1\n{_text(previous)}\n{_text(public_key)}\n".encode()


def _text(data: bytes) -> str:
    return b64encode(data).decode("ascii")
