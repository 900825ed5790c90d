"""What the connections of every service to PostgreSQL share: the errors that pass by themselves, and no reset."""

from typing import Any, Final

import asyncpg

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


async def nothing_to_reset(_: Any) -> None:
    """For a pool whose borrowed connections leave no session state behind: resetting costs a round trip."""
