"""Secrets kept in files that only their owner may read."""

import os
import secrets
from pathlib import Path


def keep(kept: Path, secret: bytes) -> None:
    """Writes the secret and a newline, whole or not at all; of several processes one succeeds. Raises `OSError`."""
    kept.parent.mkdir(parents=True, exist_ok=True)
    unfinished = kept.with_name(f".{kept.name}-{secrets.token_hex(4)}")
    written = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(written, secret + b"\n")
        os.fsync(written)
        kept.hardlink_to(unfinished)
    except FileExistsError:
        pass  # another process was first
    finally:
        os.close(written)
        unfinished.unlink()
