"""Fills the tables of a rebuilt read model that name every partner and every person whom a fact mentions."""

from typing import Final

from sqlalchemy import Table
from sqlalchemy.schema import CreateIndex, DropIndex

from services.compliance.database import OwnConnection
from services.compliance.projection.parallel_statements import ddl, for_bulk
from services.compliance.read_model.tables import mentioned_consultant, mentioned_partner
from services.web.statements import statements

_SQL: Final = statements(__file__)


async def mention_people(connection: OwnConnection, through: int) -> None:
    """Fills the table of the people whom the facts up to the position `through` mention. It needs nothing derived."""
    await _fill(connection, mentioned_consultant, _SQL["people"], through)


async def mention_partners(connection: OwnConnection) -> None:
    """Fills the table of the partners that have a standing."""
    await _fill(connection, mentioned_partner, _SQL["partners"])


async def _fill(connection: OwnConnection, table: Table, statement: str, *arguments: int) -> None:
    """The indexes over the parts of ids are built over the whole table: maintaining them takes longer.

    Statistics come before them, without those of the parts: no plan needs these, and they cost as much as the index.
    """
    indexes = sorted(table.indexes, key=str)
    async with connection.transaction():
        await connection.execute(for_bulk(shares=2))
        for index in indexes:
            await connection.execute(ddl(DropIndex(index)))
        await connection.execute(statement, *arguments)
        await connection.execute(f"ANALYZE {table.name}")
        for index in indexes:
            await connection.execute(ddl(CreateIndex(index)))
