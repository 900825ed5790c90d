"""The key that seals webhook secrets under `sagecert up`, if no setting gives one."""

from collections.abc import Callable
from pathlib import Path

import click
from pydantic import SecretStr

from services.cli.kept_secret import keep
from services.compliance.webhooks.signing import SecretSealer


def webhook_key(data_directory: Path, on_progress: Callable[[str], None]) -> SecretStr:
    """The key in the data directory; created, readable for its owner alone, if there is none.

    Raises `click.ClickException` if it cannot be stored, or is damaged: then the secrets sealed with it are lost.
    """
    kept = data_directory / "webhook-key"
    try:
        if not kept.exists():
            from cryptography.fernet import Fernet

            keep(kept, Fernet.generate_key())
            on_progress(f"created a key that seals webhook secrets: {kept} (once; back it up with the data)")
        key = SecretStr(kept.read_text(encoding="ascii").strip())
        SecretSealer([key])
    except OSError as problem:
        raise click.ClickException(
            f"The webhook key cannot be stored in {kept} ({problem.strerror}): name another --data-dir, "
            "or set SAGECERT_COMPLIANCE_WEBHOOK_KEYS."
        ) from problem
    except ValueError as problem:
        raise click.ClickException(
            f"{kept} holds no key: restore the original file, or remove it and rotate every webhook secret."
        ) from problem
    return key
