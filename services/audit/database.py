"""Connections of the audit trail to PostgreSQL."""

from functools import partial
from typing import TYPE_CHECKING, Final, TypeAlias

import asyncpg

from services.web.database_connections import nothing_to_reset
from services.web.database_role import take_reading_role

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
    "plan_cache_mode": "force_generic_plan",
    "jit": "off",
    "idle_in_transaction_session_timeout": "30s",
}


def session_of(schema: str, role: str | None) -> dict[str, str]:
    """The server settings of a session; `schema`: where the compliance log is."""
    timeout = {"statement_timeout": f"{round(1000 * DEADLINE_SECONDS)}ms"}
    return {**_SESSION, **timeout, "search_path": schema, **({"role": role} if role else {})}


async def connect(settings: "AuditSettings") -> OwnConnection:
    """One connection. Raises `OSError` or `asyncpg.PostgresError`, and `TimeoutError` after 10 s."""
    session = session_of(settings.database_schema, settings.database_role)
    url = settings.database_url.get_secret_value()
    return await asyncpg.connect(url, server_settings=session, command_timeout=DEADLINE_SECONDS, timeout=10)


def create_pool(
    settings: "AuditSettings", *, connections_max: int | None = None, reading_role: str | None = None
) -> Pool:
    """A pool, not opened yet: the service starts also while the database is away.

    `connections_max`: other than the settings say. `reading_role`: taken on where the login may.
    """
    return asyncpg.create_pool(
        settings.database_url.get_secret_value(),
        server_settings=session_of(settings.database_schema, settings.database_role),
        command_timeout=DEADLINE_SECONDS,
        min_size=0,
        reset=nothing_to_reset,
        init=partial(take_reading_role, reading_role) if reading_role else None,
        max_size=connections_max or settings.database_connections_max,
    )
