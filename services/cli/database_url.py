"""Finds the database that a command works on, as its owner."""

from pathlib import Path

import click

from services.cli.settings import SystemSettings
from services.host.embedded_postgres.server import find_running_server


def owner_url(data_directory: Path) -> str:
    """The configured database, or else that of a `sagecert up` running on the data directory.

    Raises `click.ClickException` if there is neither.
    """
    configured = SystemSettings().owner_url
    if configured is not None:
        return configured
    server = find_running_server(data_directory)
    if server is None:
        raise click.ClickException(
            "There is no database: SAGECERT_OWNER_DATABASE_URL names none, "
            f"and no `sagecert up` is running with --data-dir {data_directory}."
        )
    return server.url()
