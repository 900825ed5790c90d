"""Connections of the certification service to PostgreSQL: asyncpg, by index, each use bounded by a deadline."""

import asyncio
from types import TracebackType
from typing import Any, Final, Self, TypeAlias

import asyncpg

from services.certification.event_store.deadline import Deadline, go_on_after

# Text, since asyncpg's classes are generic for the type checker only.
Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"

CHANNEL: Final = "sagecert_facts"
"""Notified after commits, on a connection of its own: NOTIFY inside the appending transaction serialises commits."""

SCHEMA: Final = "certification"

CONNECT_SECONDS_MAX: Final = 3.0
RETRY_SECONDS: Final = 0.02
"""Between two tries of a database that does not answer."""

SESSION: Final = {
    "application_name": "sagecert certification",
    "timezone": "UTC",
    # A server process whose caller has given up ends, also while it waits for a lock.
    "client_connection_check_interval": "1000",
    # Each question is a walk along indexes from the ids that it names, planned once: a plan that reads a whole table
    # is never right, yet looks right on a table without statistics or with one long stream among many short ones.
    "plan_cache_mode": "force_generic_plan",
    "jit": "off",
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    # A role that is taken on brings none of its settings along.
    "statement_timeout": "30s",
    "idle_in_transaction_session_timeout": "30s",
}

PASSING: Final = (
    OSError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.ObjectNotInPrerequisiteStateError,
    asyncpg.TransactionRollbackError,
    asyncpg.InternalServerError,
    asyncpg.PostgresSystemError,
    # While a database does not let anybody in.
    asyncpg.InvalidAuthorizationSpecificationError,
    # The sandbox makes the schema anew while others look on; a migration gives a statement other columns.
    asyncpg.UndefinedFunctionError,
    asyncpg.UndefinedTableError,
    asyncpg.InvalidSchemaNameError,
    asyncpg.InvalidCachedStatementError,
)
"""Errors after which the same may be asked again: those of a server that is away for a moment."""


class Database:
    """The database of the service. `seconds_max` bounds every call. Everything that is asked can be asked twice."""

    def __init__(self, url: str, role: str | None, connections_max: int, seconds_max: float) -> None:
        self.seconds_max = seconds_max
        self._url = url
        self._session = {**SESSION, **({"role": role} if role else {})}
        self._pool: Pool = asyncpg.create_pool(
            url,
            server_settings=self._session,
            timeout=CONNECT_SECONDS_MAX,
            min_size=0,
            max_size=connections_max,
            reset=_nothing_to_reset,
            init=_durable,
        )

    async def __aenter__(self) -> Self:
        await self._pool
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.terminate()
        await asyncio.sleep(0)  # the loop closes the sockets

    def within_deadline(self) -> Deadline:
        """Bounds everything awaited inside together."""
        return Deadline(asyncio.get_running_loop().time() + self.seconds_max)

    async def connect(self) -> Connection:
        """A connection of one's own. Raises an error of `PASSING`, whatever kept the server from letting it in."""
        try:
            connection = await asyncpg.connect(self._url, server_settings=self._session, timeout=CONNECT_SECONDS_MAX)
        except asyncpg.PostgresError as error:
            raise asyncpg.CannotConnectNowError(str(error)) from error
        try:
            await _durable(connection)
        except BaseException:
            connection.terminate()
            raise
        return connection

    async def select(self, statement: str, *parameters: object) -> list[asyncpg.Record]:
        """The rows of one statement, which is one transaction. Raises `Unavailable` at the deadline."""
        async with self.within_deadline():
            while True:
                try:
                    return await self._ask(statement, parameters)
                except PASSING as error:
                    go_on_after(error)
                    await asyncio.sleep(RETRY_SECONDS)

    async def _ask(self, statement: str, parameters: tuple[object, ...]) -> list[asyncpg.Record]:
        connection = await self._pool.acquire()
        try:
            return await connection.fetch(statement, *parameters)
        except asyncpg.PostgresError:
            raise
        except BaseException:
            connection.terminate()  # what it still waits for, nobody does
            raise
        finally:
            await self._pool.release(connection)


async def _durable(connection: Any) -> None:
    """What was answered is durable, whatever the server's default."""
    await connection.execute(
        "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
    )


async def _nothing_to_reset(_: Any) -> None:
    """One statement is one transaction and leaves nothing behind: nothing to spend a round trip on."""
