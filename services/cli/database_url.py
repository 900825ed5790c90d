"""Where commands find the database that they look at or work on, as its owner."""

from pathlib import Path

import click

from services.cli.settings import SystemSettings
from services.host import embedded_postgres


def owner_url(settings: SystemSettings, data_directory: Path) -> str:
    """The database that is named, or else that of a `sagecert up` which runs on the data directory.

    Raises `click.ClickException` where there is neither.
    """
    if settings.owner_url is not None:
        return settings.owner_url
    server = embedded_postgres.running(data_directory)
    if server is None:
        raise click.ClickException(
            "There is no database: SAGECERT_OWNER_DATABASE_URL names none, "
            f"and no `sagecert up` is running with --data-dir {data_directory}."
        )
    return server.url()
