"""`sagecert demo`: everything on one address, with a story to explore."""

import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from services.cli.error_messages import friendly_errors
from services.cli.options import data_directory_option, port_option
from services.cli.progress_and_address import announce, progress
from services.host.demo.seed import Caller, CallFailed, SeedResult, seed, seeded_on
from services.host.demo.shell_commands import commands

if TYPE_CHECKING:
    from services.cli.settings import SystemSettings

HOST = "127.0.0.1"


@click.command()
@port_option(8000)
@data_directory_option
def demo(port: int, data_directory: Path) -> None:
    """Run everything, with a story to explore.

    Posts half a year of a few partners to a sandbox, as it was recorded, once for each data directory.
    """
    with friendly_errors():
        from services.cli.start_system import start

        def ready(origin: str, settings: "SystemSettings") -> None:
            threading.Thread(target=_seed_and_show, args=(origin, settings.key), daemon=True).start()

        start(HOST, port, data_directory, True, ready)


def _seed_and_show(origin: str, key: str | None) -> None:
    caller = Caller(origin, key)
    try:
        seeded = seed(caller, datetime.now(UTC).replace(microsecond=0), progress)
        shown = _OTHER
        if seeded is not SeedResult.SOMETHING_ELSE:
            shown = commands(origin, key, seeded_on(caller), live=seeded is SeedResult.NOW)
    except (CallFailed, OSError) as problem:
        progress(f"The story could not be posted: {problem}")
        return
    click.echo(shown)
    announce(origin)


_OTHER = "This sandbox holds other facts than the story; start with another --data-dir to get it."
