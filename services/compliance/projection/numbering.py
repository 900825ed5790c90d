"""Numbers the events of a rebuild in the one order of all steps, shared by several connections.

Each numbers the events between two instants: how many come before is counted first.
"""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Final

from sqlalchemy import PrimaryKeyConstraint, UniqueConstraint
from sqlalchemy.dialects.postgresql.base import PGDialect
from sqlalchemy.schema import AddConstraint, CreateIndex, DropConstraint, DropIndex, ExecutableDDLElement

from services.compliance.database import OwnConnection
from services.compliance.projection.parallel_replay import for_bulk
from services.compliance.projection.parallel_statements import Job, run_on
from services.compliance.read_model.tables import compliance_event, mentioned_consultant, mentioned_partner
from services.web.statements import statements

_SQL: Final = statements(__file__)

_INDEXES: Final = sorted(compliance_event.indexes, key=str)
_NAME_INDEXES: Final = sorted({*mentioned_partner.indexes, *mentioned_consultant.indexes}, key=str)
_KEYS: Final = [key for key in compliance_event.constraints if isinstance(key, PrimaryKeyConstraint | UniqueConstraint)]


def _sql(statement: ExecutableDDLElement) -> str:
    return str(statement.compile(dialect=PGDialect()))  # type: ignore[no-untyped-call]  # SQLAlchemy leaves it so


_WITHOUT_INDEXES: Final = [*map(_sql, map(DropConstraint, _KEYS)), *map(_sql, map(DropIndex, _INDEXES + _NAME_INDEXES))]
_WITH_INDEXES: Final = [*map(_sql, map(AddConstraint, _KEYS)), *map(_sql, map(CreateIndex, _INDEXES))]
_WITH_NAME_INDEXES: Final = [*map(_sql, map(CreateIndex, _NAME_INDEXES))]


async def number_events(connections: Sequence[OwnConnection], published_in: str, kept: int, through: int) -> int:
    """Moves the events of `derived_event` into the log; returns the position of the last.

    The first `kept` events of the schema `published_in` come before them, as they are. The indexes are built over the
    whole table afterwards, which takes half as long as maintaining them. Meanwhile the other tables are analysed, and
    those filled that say whom the facts up to the position `through` mention.
    """
    first, shares = connections[0], len(connections)
    async with first.transaction():
        await first.execute(for_bulk())
        for statement in _WITHOUT_INDEXES:
            await first.execute(statement)
        if kept:
            await first.execute(_SQL["keep_published"].format(schema=published_in, through=kept))
        await first.execute(_SQL["keep_upgrades"].format(schema=published_in))
        starts = await first.fetchval(_SQL["starts"], shares)
        sizes = {row["share"]: row["events"] for row in await first.fetch(_SQL["sizes"], starts)}
    numbering: list[Job] = []
    position = kept
    for share in range(shares):
        numbering.append(partial(_number, starts=starts, share=share, after=position, shares=shares))
        position += sizes.get(share, 0)
    await run_on(connections, numbering)
    await run_on(connections, [_index, partial(_complete_other_tables, through=through)])
    await first.execute("ANALYZE compliance_event")
    return position


async def _number(
    connection: OwnConnection, *, starts: Sequence[datetime], share: int, after: int, shares: int
) -> None:
    async with connection.transaction():
        await connection.execute(for_bulk(shares))
        await connection.execute(_SQL["number"], starts, share, after)


async def _index(connection: OwnConnection) -> None:
    async with connection.transaction():
        await connection.execute(for_bulk())
        for statement in (*_WITH_INDEXES, "DROP TABLE derived_event"):
            await connection.execute(statement)


async def _complete_other_tables(connection: OwnConnection, *, through: int) -> None:
    async with connection.transaction():
        await connection.execute(for_bulk())
        await connection.execute(_SQL["mention_partners"])
        await connection.execute(_SQL["mention_people"], through)
        for statement in _WITH_NAME_INDEXES:
            await connection.execute(statement)
    await connection.execute(
        "ANALYZE standing, replacement_window, timer, consultant_link, consultant_certification, maintenance_duty,"
        " mentioned_partner, mentioned_consultant"
    )
