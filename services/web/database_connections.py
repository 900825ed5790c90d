"""What the connections of all services to PostgreSQL share."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final, TypeVar

import asyncpg

_Connection = TypeVar("_Connection", bound="asyncpg.Connection[Any]")

AWAY: Final = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.ObjectNotInPrerequisiteStateError,
    asyncpg.InternalServerError,
    asyncpg.TransactionRollbackError,
    # The sandbox recreates schemas under readers; a migration changes the columns of a statement.
    asyncpg.UndefinedTableError,
    asyncpg.InvalidSchemaNameError,
    asyncpg.InvalidCachedStatementError,
)
"""The server is away or restarting, or the schemas are being recreated: it answers a moment later."""

CONNECTION_LOST: Final = (OSError, asyncpg.InterfaceError, asyncpg.InternalClientError, asyncpg.PostgresError)
"""Errors of a connection that is cut off, or whose server or schema disappears."""


@asynccontextmanager
async def terminating(
    connecting: Awaitable[_Connection], hear: Mapping[str, Callable[..., None]] | None = None
) -> AsyncIterator[_Connection]:
    """The connection, cut off at the end, whatever it waits for. `hear`: the listener of each channel."""
    connection = await connecting
    try:
        for channel, callback in (hear or {}).items():
            await connection.add_listener(channel, callback)
        yield connection
    finally:
        connection.terminate()


async def nothing_to_reset(_: Any) -> None:
    """For a pool whose borrowed connections leave no session state behind: resetting costs a round trip."""
