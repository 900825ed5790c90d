"""Brings every schema to the newest version, as their owner, and fixes its kind: sandbox or real.

Alembic, SQLAlchemy and psycopg load slower than a server starts, so they are imported only for a real migration.
"""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import asyncpg

from services.web.sandbox_mismatch import refuse_sandbox_mismatch
from services.web.statements import statements
from shared.events.system_facts import EngineInstalled

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

_SERVICES: Final = Path(__file__).parents[1]
VERSIONS: Final = {
    "certification": _SERVICES / "certification" / "migrations" / "versions",
    "compliance": _SERVICES / "compliance" / "read_model" / "migrations" / "versions",
    "webhooks": _SERVICES / "compliance" / "webhooks" / "migrations" / "versions",
    "audit": _SERVICES / "audit" / "migrations" / "versions",
}
"""The migrations of each schema, in their order; each file is named after its revision."""


def migrate(owner_url: str, *, sandbox: bool, engine: EngineInstalled | None = None) -> None:
    """All or nothing, and one at a time, however many processes try. Raises `SandboxMismatch`, and `DBAPIError`.

    The first migration decides for ever whether the database is a sandbox. `engine`: from then on it decides, which is
    recorded as a fact of the log; None: what is installed stays.
    """
    if asyncio.run(_is_migrated(owner_url, sandbox=sandbox, engine=engine)):
        return
    with owner_engine(owner_url).begin() as connection:
        upgrade(connection)
        limit_roles(connection)
        fix_kind(connection, sandbox=sandbox)
        if engine is not None:
            from services.host.engine_installation import record_engine

            record_engine(connection, engine)


async def _is_migrated(owner_url: str, *, sandbox: bool, engine: EngineInstalled | None) -> bool:
    """Whether the database is current, of the wanted kind and with the engine. Raises `SandboxMismatch`.

    Uses the driver that the services load anyway. If it cannot connect, the other driver may, or gives the reason.
    """
    try:
        connection = await asyncpg.connect(owner_url)
    except (OSError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return False
    try:
        if not await is_current(connection):
            return False
        installed = await connection.fetchval("SELECT engine_id FROM certification.engine()")
        if engine is not None and installed != engine.engine_id:
            return False
        settled = await connection.fetchval("SELECT certification.settle_sandbox($1)", sandbox)
    finally:
        await connection.close()
    refuse_sandbox_mismatch(is_sandbox=settled, wanted=sandbox)
    return True


def is_derived_by(owner_url: str, engine: EngineInstalled) -> bool:
    """Whether no other engine derived the read model."""

    async def derived() -> bool:
        connection = await asyncpg.connect(owner_url)
        try:
            by = await connection.fetchval("SELECT engine_id FROM compliance.progress")
        finally:
            await connection.close()
        return by in ("", engine.engine_id)

    return asyncio.run(derived())


async def is_current(connection: "asyncpg.Connection[asyncpg.Record]") -> bool:
    """Whether every schema is at the newest version already."""
    for schema, versions in VERSIONS.items():
        if await connection.fetchval("SELECT to_regclass($1)", f"{schema}.alembic_version") is None:
            return False
        found = await connection.fetch(f"SELECT version_num FROM {schema}.alembic_version")
        if [row["version_num"] for row in found] != [newest(versions)]:
            return False
    return True


def newest(versions: Path) -> str:
    """The newest revision in a directory of migrations."""
    return max(path.name.partition("_")[0] for path in versions.glob("*_*.py"))


def fix_database_kind(owner_url: str, *, sandbox: bool) -> None:
    """Fixes the kind of a migrated database. Raises `SandboxMismatch`, and `DBAPIError` before a migration."""
    engine = owner_engine(owner_url)
    with engine.begin() as connection:
        fix_kind(connection, sandbox=sandbox)


def owner_engine(owner_url: str) -> "Engine":
    """Connections of the owner, from a URL of any form that libpq reads; none is kept."""
    import psycopg
    from sqlalchemy import create_engine
    from sqlalchemy.pool import NullPool

    return create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(owner_url), poolclass=NullPool)


def upgrade(connection: "Connection") -> None:
    """Every schema, within the caller's transaction. Certification first: compliance reads its log."""
    from sqlalchemy import text

    from services.web import migrations

    connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('sagecert migrate'))"))
    for schema, versions in VERSIONS.items():
        migrations.upgrade(connection, schema, versions)


def limit_roles(connection: "Connection") -> None:
    """Gives each service role timeouts, so that no role holds a lock for ever; a limit set by hand stays.

    Skips roles that the owner may not change.
    """
    driver_of(connection).execute(statements(Path(__file__).with_name("role_timeouts"))["limit_roles"])


def driver_of(connection: "Connection") -> Any:
    """The connection of psycopg behind one that is in a transaction."""
    driver = connection.connection.driver_connection
    assert driver is not None, "it is in a transaction"
    return driver


def fix_kind(connection: "Connection", *, sandbox: bool) -> None:
    """The first call decides for ever whether the database is a sandbox. Raises `SandboxMismatch`."""
    from sqlalchemy import text

    settled = connection.execute(text("SELECT certification.settle_sandbox(:wanted)"), {"wanted": sandbox}).scalar_one()
    refuse_sandbox_mismatch(is_sandbox=settled, wanted=sandbox)
