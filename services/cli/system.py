"""Starting everything: the database, its migration, the processes beside the one that serves, and that one."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Final

from services.cli.output import progress
from services.cli.running import Address
from services.cli.settings import SystemSettings
from services.databases import Databases, embedded, given
from services.migrate import migrate
from services.running import stop_in_order
from services.supervision import supervised

_SERVED: Final = ("services.certification.app", "services.compliance.app", "services.composition", "services.serving")


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
    loading = threading.Thread(target=lambda: [import_module(name) for name in _SERVED], daemon=True)
    address = Address(host, port, settings.key)
    loading.start()  # while the database starts
    with _databases(settings, data_directory, sandbox) as databases:
        from services import all_in_one
        from services.cli.webhook_key import webhook_key

        system = all_in_one.settings(
            databases, sandboxed=sandbox, webhook_key=lambda: webhook_key(data_directory, progress)
        )
        with supervised(all_in_one.background(system, databases)):
            loading.join()
            app = all_in_one.create(system, databases.owner_url, api_key=settings.key)
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
