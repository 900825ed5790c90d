"""`sagecert up`: everything on one address."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from services.cli.error_messages import friendly_errors
from services.cli.options import data_directory_option, host_option, json_option, port_option
from services.cli.progress_and_address import announce

if TYPE_CHECKING:
    from services.cli.settings import SystemSettings


@click.command()
@click.option(
    "--sandbox", is_flag=True, help="Allow the clock to be set and the system to be emptied; for trying things out."
)
@host_option
@port_option(8000)
@data_directory_option
@json_option
def up(sandbox: bool, host: str, port: int, data_directory: Path, as_json: bool) -> None:
    """Run everything on one address.

    On a PostgreSQL of its own, unless DATABASE_URL names one.
    """
    with friendly_errors():
        from services.cli.start_system import start

        def ready(origin: str, settings: "SystemSettings") -> None:
            announce(origin, as_json=as_json, sandbox=sandbox or settings.sandbox)

        start(host, port, data_directory, sandbox, ready)
