"""Starts everything: the database, its migration, the background processes and the server."""

import os
import threading
from collections.abc import Callable
from contextlib import ExitStack
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Final

from services.cli.bound_server import BoundAddress
from services.cli.progress_and_address import progress
from services.host.api_keys.errors import NoKeyYet
from services.host.database_urls_and_roles import Databases, given, launched
from services.host.deferred_imports import load_only_what_is_needed
from services.host.listening_socket import is_loopback
from services.host.stop_signals import install_signal_handlers

if TYPE_CHECKING:
    from services.cli.settings import SystemSettings

_SERVED: Final = (
    "services.audit.app",
    "services.certification.app",
    "services.compliance.app",
    "services.console.app",
    "services.host.gateway",
    "services.host.asgi_server",
)
_ON_ANOTHER_DATABASE: Final = frozenset({"DATABASE_URL", "SAGECERT_OWNER_DATABASE_URL", "SAGECERT_POSTGRES_BIN"})
"""Variables that choose another server than that of the data directory."""


def start(
    host: str, port: int, data_directory: Path, sandbox: bool, ready: "Callable[[str, SystemSettings], None]"
) -> None:
    """Starts and migrates the database and serves until a signal; `ready` gets the address and the settings.

    An existing data directory is started first of all: its recovery takes as long as loading the services.
    """
    install_signal_handlers()
    settings = cache(_settings)
    if not is_loopback(host) and not _was_there(data_directory) and not settings().owner_url and not settings().key:
        raise NoKeyYet  # a new database has no key
    address = BoundAddress(host, port)
    with ExitStack() as started:
        wait = started.enter_context(launched(data_directory, None, progress)) if _was_there(data_directory) else None
        load_only_what_is_needed()
        loading = threading.Thread(target=lambda: [import_module(name) for name in _SERVED], daemon=True)
        loading.start()  # while the database starts
        sandbox = sandbox or settings().sandbox
        if wait is None and settings().owner_url is None:
            wait = started.enter_context(launched(data_directory, settings().postgres_bin, progress))
        databases = _migrated(settings(), wait, sandbox, data_directory)

        from services.cli.webhook_sealing_key import webhook_key
        from services.host import system
        from services.host.log_check_wiring import refuse_altered
        from services.host.supervisor import supervised

        chosen = system.settings(
            databases,
            sandboxed=sandbox,
            webhook_key=lambda: webhook_key(data_directory, progress),
            data_directory=data_directory,
        )
        refuse_altered(chosen.audit)
        with supervised(system.background(chosen, databases)):
            loading.join()
            app = system.create(chosen, databases.owner_url, bootstrap=settings().api_key, keyless=address.loopback)
            address.serve(app, lambda: ready(address.origin, settings()))


def _settings() -> "SystemSettings":
    from services.cli.settings import SystemSettings

    return SystemSettings()


def _was_there(data_directory: Path) -> bool:
    """Whether the data directory will be used and holds a database already."""
    named = {name.upper() for name, value in os.environ.items() if value}
    return not named & _ON_ANOTHER_DATABASE and (data_directory / "postgres" / "cluster").exists()


def _migrated(
    settings: "SystemSettings", wait: Callable[[], Databases] | None, sandbox: bool, data_directory: Path
) -> Databases:
    """The given database, or else the one to wait for; what another engine derived is derived again."""
    from services.host.migrate import is_derived_by, migrate
    from shared.engine import engine_for

    launched_here = None if wait is None or settings.owner_url is not None else wait()
    owner_url = settings.owner_url if launched_here is None else launched_here.owner_url
    assert owner_url is not None, "without a given database there is one of our own"
    engine = engine_for(settings.products)
    migrate(owner_url, sandbox=sandbox, engine=engine)
    if not is_derived_by(owner_url, engine):
        _rebuild(owner_url, data_directory)
    return launched_here or given(owner_url)


def _rebuild(owner_url: str, data_directory: Path) -> None:
    from pydantic import SecretStr

    from services.compliance.projection import rebuild
    from services.compliance.settings import ComplianceSettings
    from services.host.log_check_wiring import log_check

    progress("another engine derived what is here: deriving it again, and correcting what was published")
    settings = ComplianceSettings(database_url=SecretStr(owner_url))
    check = log_check(settings, data_directory)
    rebuild.run(settings, owner_url, verify=False, on_progress=progress, check=check)
