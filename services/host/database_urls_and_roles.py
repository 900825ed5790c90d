"""The database URL and role of each part of the system."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from services.host.embedded_postgres.binaries import find_binaries
from services.host.embedded_postgres.server import launch_server

if TYPE_CHECKING:
    import psycopg

CERTIFICATION_ROLE: Final = "sagecert_certification"
COMPLIANCE_ROLE: Final = "sagecert_compliance"
FOLLOWER_ROLE: Final = "sagecert_follower"
DISPATCHER_ROLE: Final = "sagecert_dispatcher"
AUDITOR_ROLE: Final = "sagecert_auditor"
SEALER_ROLE: Final = "sagecert_sealer"


_ROLES: Final = (CERTIFICATION_ROLE, COMPLIANCE_ROLE, FOLLOWER_ROLE, DISPATCHER_ROLE, AUDITOR_ROLE, SEALER_ROLE)


class Databases(msgspec.Struct, frozen=True):
    """One database as each part sees it. A role is set after connecting, if the login is another."""

    owner_url: str
    certification_url: str
    compliance_url: str
    follower_url: str
    dispatcher_url: str
    auditor_url: str
    sealer_url: str
    certification_role: str | None = None
    compliance_role: str | None = None
    follower_role: str | None = None
    dispatcher_role: str | None = None
    auditor_role: str | None = None
    sealer_role: str | None = None


@contextmanager
def launched(
    data_directory: Path, binaries: Path | None, on_progress: Callable[[str], None]
) -> Iterator[Callable[[], Databases]]:
    """A PostgreSQL of our own, kept running while the context lasts. The result waits until it is ready.

    Both raise `CannotStart`.
    """
    with launch_server(data_directory, find_binaries(binaries), on_progress, kept_running=True) as ready:

        def databases() -> Databases:
            server = ready()
            return Databases(server.url(), *map(server.url, _ROLES))

        yield databases


def given(owner_url: str) -> Databases:
    """A migrated database on a given server; the parts set their roles, as far as the login may."""
    import psycopg

    with psycopg.connect(owner_url, autocommit=True) as connection:
        roles = (_takeable(connection, role) for role in _ROLES)
        return Databases(owner_url, *[owner_url] * len(_ROLES), *roles)


def _takeable(connection: "psycopg.Connection", role: str) -> str | None:
    import psycopg
    from psycopg import sql

    try:
        connection.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(role)))
    except (psycopg.errors.InsufficientPrivilege, psycopg.errors.InvalidParameterValue):
        return None
    connection.execute("RESET ROLE")
    return role
