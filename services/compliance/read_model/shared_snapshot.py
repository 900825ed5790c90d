"""A whole table is read in one snapshot of the database, page by page, by several connections and processes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Final, NamedTuple

from services.compliance.database import DEADLINE_SECONDS, READING_ROLE, Connection, connect_to, session_of
from services.web.database_connections import terminating
from services.web.database_role import take_reading_role
from services.web.table_response import READ_SECONDS_MAX

if TYPE_CHECKING:
    from services.compliance.settings import ComplianceSettings

_HELD_SECONDS_MAX: Final = round(READ_SECONDS_MAX) + 30
_EXPORT: Final = "SELECT pg_export_snapshot(), certification.now()"


class TableSnapshot(NamedTuple):
    """`name`: by which transactions take it on. `at`: the instant at which it was taken."""

    name: str
    at: datetime


@asynccontextmanager
async def held_snapshot(settings: "ComplianceSettings") -> AsyncIterator[TableSnapshot]:
    """A snapshot of the database, for as long as its connection holds it: while the rows of one table are read.

    Raises what `connect_to` raises.
    """
    session = session_of(settings.database_schema, settings.database_role, DEADLINE_SECONDS)
    session["idle_in_transaction_session_timeout"] = f"{_HELD_SECONDS_MAX}s"
    async with terminating(
        connect_to(settings.database_url.get_secret_value(), session, DEADLINE_SECONDS)
    ) as connection:
        await take_reading_role(READING_ROLE, connection)
        await connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        row = await connection.fetchrow(_EXPORT)
        assert row is not None, "a SELECT without FROM has one row"
        yield TableSnapshot(*row)


@asynccontextmanager
async def one_moment(connection: Connection, held: TableSnapshot | None = None) -> AsyncIterator[None]:
    """What is read is of one moment: that of the table, or the present."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        if held is not None:  # the statement takes no parameters
            quoted = held.name.replace("'", "''")
            await connection.execute(f"SET TRANSACTION SNAPSHOT '{quoted}'")
        yield
