"""Connections of the certification service to PostgreSQL: asyncpg, index scans only, each use under a deadline."""

import asyncio
from typing import Any, Final, Self, TypeAlias

import asyncpg

from services.certification.event_store.deadline import Deadline, reraise_if_cancelled
from services.web.database_connections import AWAY, nothing_to_reset
from services.web.database_role import take_reading_role
from services.web.fair_places import FairPlaces

# Text, since asyncpg's classes are generic for the type checker only.
Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"

SCHEMA: Final = "certification"

CONNECT_SECONDS_MAX: Final = 3.0
READING_ROLE: Final = "sagecert_certification_reader"
"""Serves what only reads: it cannot append, whatever is called."""
RETRY_SECONDS: Final = 0.02
"""Between two tries of a database that does not answer."""

SESSION: Final = {
    "application_name": "sagecert certification",
    "timezone": "UTC",
    # A server process ends when its caller has given up, even while it waits for a lock.
    "client_connection_check_interval": "1000",
    # Each query walks indexes from the ids it names and is planned once. A plan that reads a whole table is never
    # right, yet looks right on a table without statistics or with one long stream among many short ones.
    "plan_cache_mode": "force_generic_plan",
    "jit": "off",
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    # SET ROLE brings none of the settings of the role.
    "statement_timeout": "30s",
    "idle_in_transaction_session_timeout": "30s",
}

DURABLE: Final = (
    "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
)
"""Makes answered commits durable against any default of the server."""

TRANSIENT_ERRORS: Final = (
    *AWAY,
    asyncpg.UndefinedFunctionError,
    asyncpg.PostgresSystemError,
    # While a database refuses connections.
    asyncpg.InvalidAuthorizationSpecificationError,
)
"""Errors of a server that is away for a moment: the same statement may be sent again."""


class Database:
    """The database of the service. `seconds_max` bounds every call. Every statement may run twice.

    `reading`: with the role that cannot append, where the login may set it.
    """

    def __init__(
        self, url: str, role: str | None, connections_max: int, seconds_max: float, *, reading: bool = False
    ) -> None:
        self.seconds_max = seconds_max
        self._url = url
        self._session = {**SESSION, **({"role": role} if role else {})}
        self._pool: Pool = asyncpg.create_pool(
            url,
            server_settings=self._session,
            timeout=CONNECT_SECONDS_MAX,
            min_size=0,
            max_size=connections_max,
            reset=nothing_to_reset,
            init=_read_only if reading else _durable,
        )
        self._places = FairPlaces(connections_max)

    async def __aenter__(self) -> Self:
        await self._pool
        return self

    async def __aexit__(self, *_: object) -> None:
        self._pool.terminate()
        await asyncio.sleep(0)  # the loop closes the sockets

    def within_deadline(self) -> Deadline:
        """Bounds everything awaited inside together."""
        return Deadline(asyncio.get_running_loop().time() + self.seconds_max)

    async def connect(self) -> Connection:
        """A connection outside the pool. Raises an error of `TRANSIENT_ERRORS` for every failure to connect."""
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
                except TRANSIENT_ERRORS as error:
                    reraise_if_cancelled(error)
                    await asyncio.sleep(RETRY_SECONDS)

    async def _ask(self, statement: str, parameters: tuple[object, ...]) -> list[asyncpg.Record]:
        async with self._places.place(), self._pool.acquire() as connection:
            try:
                return await connection.fetch(statement, *parameters)
            except asyncpg.PostgresError:
                raise
            except BaseException:
                connection.terminate()  # it may still wait for the server
                raise


async def _durable(connection: Any) -> None:
    await connection.execute(DURABLE)


async def _read_only(connection: Any) -> None:
    """Of a connection that appends nothing; a barrier is durable all the same."""
    await _durable(connection)
    await take_reading_role(READING_ROLE, connection)
