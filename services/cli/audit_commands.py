"""Commands of the audit trail."""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from services.cli.error_messages import friendly_errors
from services.cli.fast_startup import starting
from services.cli.options import host_option, json_option, port_option, running_data_directory_option
from services.cli.progress_and_address import progress, progress_bar
from services.cli.what_if import what_if

if TYPE_CHECKING:
    from services.audit.settings import AuditSettings


@click.group()
def audit() -> None:
    """The audit trail: what is recorded is sealed, witnessed and exported."""


audit.add_command(what_if)


@audit.command("seal")
def seal() -> None:
    """Seal facts, compliance events and claims. Any number may run: one seals a log, the others stand by.

    Needs SAGECERT_SEALER_DATABASE_URL, with the role sagecert_sealer, and SAGECERT_AUDIT_DIRECTORY, which holds the
    signing key.
    """
    with starting():
        from services.audit.settings import SealerSettings
        from services.host.background_main import seal as keep_sealing

        settings = SealerSettings()
        progress("sealing facts, compliance events and claims; Ctrl-C stops it.")
        keep_sealing(settings)


@audit.command("serve")
@host_option
@port_option(8004)
@json_option
def serve(host: str, port: int, as_json: bool) -> None:
    """Serve /audit/v1; needs SAGECERT_AUDIT_DATABASE_URL, with the role sagecert_auditor."""
    with starting():
        from services.audit.app import create_app
        from services.audit.settings import AuditSettings
        from services.cli.component_commands import serve_app

        settings = AuditSettings()
        log = (settings.database_url, settings.database_role)
        serve_app("audit", lambda: create_app(settings), log, host, port, as_json)


def _acceptable_id(_context: click.Context, _parameter: click.Parameter, written: str | None) -> str | None:
    if written is not None and not re.fullmatch(r"[A-Za-z0-9_\-]{1,64}", written):
        raise click.BadParameter("the id of a partner has 1 to 64 letters, digits, - and _")
    return written


@audit.command("export")
@click.option(
    "--partner",
    "partner_id",
    metavar="PARTNER",
    callback=_acceptable_id,
    help="Only what concerns this partner, with proofs.",
)
@click.option(
    "--until", type=click.IntRange(1), metavar="POSITION", help="Up to a checkpoint that covers this position."
)
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False, path_type=Path), required=True, help="The file to write."
)
@running_data_directory_option
def export(partner_id: str | None, until: int | None, output: Path, data_directory: Path) -> None:
    """Write one file from which a stranger verifies everything offline.

    Reads the database that SAGECERT_AUDIT_DATABASE_URL or SAGECERT_OWNER_DATABASE_URL names, or that of a running
    `sagecert up`.
    """
    with friendly_errors():
        from services.host.export_file import write_export

        size = write_export(_settings(data_directory), partner_id, until, output, _shown)
    progress(f"{output}: facts up to position {size}; check it with sagecert-verify {output}")


def _settings(data_directory: Path) -> "AuditSettings":
    """Settings for the named database, or that of a running `sagecert up`; the key's directory is beside its data."""
    from pydantic import SecretStr

    from services.audit.settings import AuditSettings
    from services.cli.database_url import owner_url
    from services.host.log_check_wiring import audit_settings

    if "SAGECERT_AUDIT_DATABASE_URL" in os.environ:
        return AuditSettings()
    return audit_settings(SecretStr(owner_url(data_directory)), data_directory)


@audit.command("check")
@running_data_directory_option
def check(data_directory: Path) -> None:
    """Hash all logs whole and compare them with what was sealed; exits with 1 if they differ.

    Reads the same databases as `sagecert audit export`.
    """
    with friendly_errors():
        from services.host.sealed_log_comparison import compare_logs

        sizes = compare_logs(_settings(data_directory))
    for log, size in sizes.items():
        click.echo(f"{log}: the first {size} positions are what was sealed")


@audit.command("rotate-key")
@running_data_directory_option
def rotate_key(data_directory: Path) -> None:
    """Replace the signing key of the sealed logs. The change is a fact, signed by the previous key.

    Run it where the sealer keeps its directory. Works on the database that SAGECERT_OWNER_DATABASE_URL names, or on
    that of a running `sagecert up`.
    """
    with friendly_errors():
        from services.cli.database_url import owner_url
        from services.host.signing_key_rotation import rotate

        fact_id = rotate(owner_url(data_directory), _settings(data_directory))
    click.echo(f"fact {fact_id}: checkpoints that cover it are signed by the new key; back the directory up.")


@contextmanager
def _shown(total: int) -> Iterator[Callable[[int], None]]:
    """A bar for as many entries; advanced by the number of entries."""
    with progress_bar("exporting", total) as bar:
        yield bar.update
