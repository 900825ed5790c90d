"""Files outside the database: the signing keys, the verifier keys and the latest checkpoint of each log."""

import os
import secrets
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from services.audit.note import NoteError, VerifierKey, public_bytes

VERIFIER_KEYS: Final = "verifier-keys"
_SECRET: Final = 0o600
_PUBLIC: Final = 0o644


class KeyDirectoryError(Exception):
    """A file of the directory is missing, damaged or not writable; says which, and what to do."""


class KeyDirectory:
    """A directory beside the data, readable for its owner alone. Each file is written whole or not at all."""

    def __init__(self, directory: Path) -> None:
        self.path = directory

    def signing_key(self, public_key: bytes) -> Ed25519PrivateKey | None:
        """The private key of this public one, if it is here. Raises `KeyDirectoryError` if its file is damaged."""
        path = self._key_path(public_key)
        try:
            key = load_pem_private_key(path.read_bytes(), password=None)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError) as problem:
            raise KeyDirectoryError(f"{path} cannot be read as a signing key: restore the original file.") from problem
        if not isinstance(key, Ed25519PrivateKey) or public_bytes(key) != public_key:
            raise KeyDirectoryError(f"{path} holds a key that its name does not fit: restore the original file.")
        return key

    def any_signing_key(self) -> Ed25519PrivateKey | None:
        """A signing key of the directory: for a sandbox, which starts its logs again and again."""
        for path in sorted(self.path.glob("signing-key-*.pem")):
            key = load_pem_private_key(path.read_bytes(), password=None)
            if isinstance(key, Ed25519PrivateKey):
                return key
        return None

    def make_signing_key(self) -> Ed25519PrivateKey:
        """Makes a signing key and keeps it. Raises `KeyDirectoryError`."""
        key = Ed25519PrivateKey.generate()
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        self._write(self._key_path(public_bytes(key)), pem, _SECRET)
        return key

    def verifier_keys(self) -> list[VerifierKey]:
        """The keys by which the logs are known here, oldest first; empty before the first start.

        Raises `KeyDirectoryError`.
        """
        text = self._read(VERIFIER_KEYS)
        try:
            return [VerifierKey.parse(line) for line in text.splitlines()]
        except NoteError as problem:
            raise KeyDirectoryError(f"{self.path / VERIFIER_KEYS} is damaged: {problem}.") from problem

    def keep_verifier_keys(self, keys: Iterable[VerifierKey]) -> None:
        """Keeps the keys by which the logs are known. Raises `KeyDirectoryError`."""
        text = "".join(f"{key.text}\n" for key in keys)
        if text != self._read(VERIFIER_KEYS):
            self._write(self.path / VERIFIER_KEYS, text.encode(), _PUBLIC)

    def note(self, log: str) -> str | None:
        """The latest checkpoint of the log that was kept here. Raises `KeyDirectoryError`."""
        return self._read(f"{log}.note") or None

    def keep_note(self, log: str, note: str) -> None:
        """Keeps the latest checkpoint of the log. Raises `KeyDirectoryError`."""
        self._write(self.path / f"{log}.note", note.encode(), _PUBLIC)

    def compared(self, log: str) -> str:
        """How far the log was compared, as it was kept; empty: it was not. Raises `KeyDirectoryError`."""
        return self._read(f"{log}.compared")

    def keep_compared(self, log: str, content: bytes) -> None:
        """Keeps how far the log was compared. Raises `KeyDirectoryError`."""
        self._write(self.path / f"{log}.compared", content, _SECRET)

    def forget_log(self) -> None:
        """Forgets the keys and checkpoints of a sandbox that was reset. Its signing keys stay."""
        for path in [self.path / VERIFIER_KEYS, *self.path.glob("*.note")]:
            path.unlink(missing_ok=True)

    def _key_path(self, public_key: bytes) -> Path:
        return self.path / f"signing-key-{public_key.hex()[:16]}.pem"

    def _read(self, name: str) -> str:
        path = self.path / name
        try:
            return path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return ""
        except (OSError, UnicodeDecodeError) as problem:
            raise KeyDirectoryError(f"{path} cannot be read: restore the original file.") from problem

    def _write(self, path: Path, content: bytes, mode: int) -> None:
        unfinished = path.with_name(f".{path.name}-{secrets.token_hex(4)}")
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
            try:
                os.write(descriptor, content)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            unfinished.replace(path)
        except OSError as problem:
            with suppress(OSError):
                unfinished.unlink(missing_ok=True)
            raise KeyDirectoryError(
                f"{path} cannot be written ({problem.strerror}): set SAGECERT_AUDIT_DIRECTORY to another directory."
            ) from problem
