"""Starting everything in one process: the database, its migration, the applications."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from services import all_in_one
from services.cli.output import progress
from services.cli.running import Address, stop_in_order
from services.cli.settings import SystemSettings
from services.cli.webhook_key import webhook_key
from services.databases import Databases, embedded, given
from services.migrate import migrate


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
        app = all_in_one.create(
            databases,
            api_key=settings.key,
            sandboxed=sandbox,
            webhook_key=lambda: webhook_key(data_directory, progress),
        )
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
