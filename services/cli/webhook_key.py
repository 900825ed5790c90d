"""The key with which `sagecert up` seals the secrets of webhook endpoints, where no setting names one."""

import os
import secrets
from collections.abc import Callable
from pathlib import Path

import click
from pydantic import SecretStr

from services.compliance.webhooks.signing import Sealer


def webhook_key(data_directory: Path, on_progress: Callable[[str], None]) -> SecretStr:
    """The key that the data directory holds; made, for us alone to read, where there is none.

    Raises `click.ClickException` where it cannot be kept, or is damaged: then the secrets sealed with it are lost.
    """
    kept = data_directory / "webhook-key"
    try:
        if not kept.exists():
            data_directory.mkdir(parents=True, exist_ok=True)
            _make(kept)
            on_progress(f"made a key that seals the secrets of webhook endpoints: {kept} (once; keep it with the data)")
        key = SecretStr(kept.read_text(encoding="ascii").strip())
        Sealer([key])
    except OSError as problem:
        raise click.ClickException(
            f"The key of webhooks cannot be kept in {kept} ({problem.strerror}): name another --data-dir, "
            "or set SAGECERT_COMPLIANCE_WEBHOOK_KEYS."
        ) from problem
    except ValueError as problem:
        raise click.ClickException(
            f"{kept} holds no key: put back the one that was there, or remove it and rotate every secret of a webhook."
        ) from problem
    return key


def _make(kept: Path) -> None:
    """Whole or not at all; of several processes that try, one makes it."""
    from cryptography.fernet import Fernet

    unfinished = kept.with_name(f".webhook-key-{secrets.token_hex(4)}")
    written = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(written, Fernet.generate_key() + b"\n")
        os.fsync(written)
        kept.hardlink_to(unfinished)
    except FileExistsError:
        pass  # another process was first
    finally:
        os.close(written)
        unfinished.unlink()
