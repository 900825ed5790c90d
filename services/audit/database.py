"""Connections of the audit trail to PostgreSQL."""

from typing import TYPE_CHECKING, Final, TypeAlias

import asyncpg

if TYPE_CHECKING:
    from services.audit.settings import AuditSettings

OwnConnection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
Connection: TypeAlias = "OwnConnection | asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"
Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"

DEADLINE_SECONDS: Final = 30.0
"""The limit of every statement; a server that does not answer by then counts as lost."""

_SESSION: Final = {
    "application_name": "sagecert audit",
    "timezone": "UTC",
    # Each statement walks an index; a plan for a young table without statistics would read it whole.
    "enable_seqscan": "off",
    "jit": "off",
    "idle_in_transaction_session_timeout": "30s",
}

DATABASE_AWAY: Final = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.UndefinedTableError,
    asyncpg.InvalidSchemaNameError,
    asyncpg.InternalServerError,
    asyncpg.TransactionRollbackError,
    asyncpg.ObjectNotInPrerequisiteStateError,
    asyncpg.InvalidCachedStatementError,
)
"""The server is away or restarting, or the schemas are being recreated: it answers a moment later."""


def session_of(schema: str, role: str | None) -> dict[str, str]:
    """The server settings of a session; `schema`: where the compliance log is."""
    timeout = {"statement_timeout": f"{round(1000 * DEADLINE_SECONDS)}ms"}
    return {**_SESSION, **timeout, "search_path": schema, **({"role": role} if role else {})}


async def connect(settings: "AuditSettings") -> OwnConnection:
    """One connection. Raises `OSError` or `asyncpg.PostgresError`, and `TimeoutError` after 10 s."""
    session = session_of(settings.database_schema, settings.database_role)
    url = settings.database_url.get_secret_value()
    return await asyncpg.connect(url, server_settings=session, command_timeout=DEADLINE_SECONDS, timeout=10)


def create_pool(settings: "AuditSettings") -> Pool:
    """A pool, not opened yet: the service starts also while the database is away."""
    return asyncpg.create_pool(
        settings.database_url.get_secret_value(),
        server_settings=session_of(settings.database_schema, settings.database_role),
        command_timeout=DEADLINE_SECONDS,
        min_size=0,
        max_size=settings.database_connections_max,
    )
