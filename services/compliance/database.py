"""Connections of the compliance service to PostgreSQL: asyncpg, binary, by index."""

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Final, TypeAlias

import asyncpg

from services.web.database_connections import AWAY, nothing_to_reset
from services.web.database_role import take_reading_role

if TYPE_CHECKING:
    from services.compliance.settings import ComplianceSettings

# Text, since asyncpg's classes are generic for the type checker only.
OwnConnection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
Connection: TypeAlias = "OwnConnection | asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"
Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"

_SESSION: Final = {
    "application_name": "sagecert compliance",
    "timezone": "UTC",
    # Each question is a walk along indexes from the ids that it names. A plan that reads a whole table is
    # never right, yet looks right on a young table without statistics; compiling takes longer than answering.
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "jit": "off",
    # For the same reason a plan need not know the ids: planning each time takes longer than the walk.
    "plan_cache_mode": "force_generic_plan",
    # A process that freezes inside a transaction loses it, and with it the locks that others wait for.
    "idle_in_transaction_session_timeout": "30s",
}

DATABASE_AWAY: Final = (*AWAY, asyncpg.UndefinedFunctionError)

_NOT_MIGRATED: Final = (
    asyncpg.UndefinedTableError,
    asyncpg.UndefinedColumnError,
    asyncpg.UndefinedFunctionError,
    asyncpg.InvalidSchemaNameError,
)

READING_ROLE: Final = "sagecert_compliance_reader"
"""Serves what only reads: it cannot write anything, whatever is called."""

DEADLINE_SECONDS: Final = 30.0
"""The limit of every statement; a server that does not answer by then counts as lost."""


def cause(problem: BaseException) -> str:
    """The error of a connection, with what to do about it if it does not pass by itself."""
    if isinstance(problem, _NOT_MIGRATED):
        return f"{problem}; is the database at this version? Bring it there with `sagecert migrate`"
    return repr(problem)


def session_of(schema: str, role: str | None, statement_seconds_max: float | None) -> dict[str, str]:
    """The server settings of a session: the schema of the read model, the role, plans by index.

    A statement ends after so long, None: never; and within a second where its caller is gone.
    """
    found = {**_SESSION, "search_path": schema}
    if role:
        found["role"] = role
    if statement_seconds_max is None:
        return {**found, "statement_timeout": "0"}
    milliseconds = round(1000 * statement_seconds_max)
    return {**found, "statement_timeout": f"{milliseconds}ms", "client_connection_check_interval": "1s"}


async def connect(settings: "ComplianceSettings", *, patient: bool = False) -> OwnConnection:
    """One connection. Raises `OSError` or `asyncpg.PostgresError`, and `TimeoutError` after 10 s.

    `patient`: its statements may take as long as they do, as those over the whole log must.
    """
    url, seconds_max = settings.database_url.get_secret_value(), None if patient else DEADLINE_SECONDS
    return await connect_to(url, session_of(settings.database_schema, settings.database_role, seconds_max), seconds_max)


async def connect_to(url: str, session: Mapping[str, str], seconds_max: float | None) -> OwnConnection:
    """The same from a URL; no statement is waited for longer than `seconds_max`."""
    return await asyncpg.connect(url, server_settings=dict(session), command_timeout=seconds_max, timeout=10)


def create_pool(
    settings: "ComplianceSettings",
    connections_max: int | None = None,
    seconds_max: float = DEADLINE_SECONDS,
    *,
    role: str | None = None,
) -> Pool:
    """A pool, not opened yet: the service starts also while the database is away.

    `connections_max`: other than the settings say. `seconds_max`: how long a statement may take. `role`: taken on where
    the login may, such as that which cannot write.
    """
    return asyncpg.create_pool(
        settings.database_url.get_secret_value(),
        server_settings=session_of(settings.database_schema, settings.database_role, seconds_max),
        command_timeout=seconds_max,
        min_size=0,
        reset=nothing_to_reset,
        init=partial(take_reading_role, role) if role else None,
        max_size=connections_max or settings.database_connections_max,
    )
