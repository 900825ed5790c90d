"""`sagecert up`: everything in one process."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from services.cli.failures import one_sentence
from services.cli.options import data_directory_option, host_option, json_option, port_option
from services.cli.running import Address, announce, stop_in_order
from services.cli.settings import SystemSettings
from services.databases import Databases, embedded, given
from services.migrate import migrate


@click.command()
@click.option(
    "--sandbox", is_flag=True, help="Let the clock be moved and everything be emptied; for trying things out."
)
@host_option
@port_option(8000)
@data_directory_option
@json_option
def up(sandbox: bool, host: str, port: int, data_directory: Path, as_json: bool) -> None:
    """Run everything on one address.

    On a PostgreSQL of its own, unless DATABASE_URL names one.
    """
    with one_sentence():
        settings = SystemSettings()
        sandbox = sandbox or settings.sandbox
        start(
            settings, host, port, data_directory, sandbox, lambda origin: announce(origin, as_json, (), sandbox=sandbox)
        )


def start(
    settings: SystemSettings,
    host: str,
    port: int,
    data_directory: Path,
    sandbox: bool,
    ready: Callable[[str], None],
) -> None:
    """Starts the database, migrates it, and serves until told to stop; `ready` gets the address."""
    stop_in_order()
    address = Address(host, port, settings.key)
    with _databases(settings, data_directory, sandbox) as databases:
        from services import all_in_one

        app = all_in_one.create(databases, api_key=settings.key, sandboxed=sandbox)
        address.serve(app, lambda: ready(address.origin))


@contextmanager
def _databases(settings: SystemSettings, data_directory: Path, sandbox: bool) -> Iterator[Databases]:
    """Migrated, given or of our own."""
    if settings.owner_url is not None:
        migrate(settings.owner_url, sandbox=sandbox)
        yield given(settings.owner_url)
        return
    with embedded(data_directory, settings.postgres_bin, progress) as databases:
        migrate(databases.owner_url, sandbox=sandbox)
        yield databases


def progress(line: str) -> None:
    """What takes a while, on stderr: stdout is for the result."""
    click.echo(line, err=True)
