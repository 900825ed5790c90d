"""Numbers the events of a rebuild in the one order of all steps, shared by several connections.

Each numbers the events between two instants: how many come before is counted first.
"""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import PrimaryKeyConstraint, UniqueConstraint
from sqlalchemy.schema import CreateIndex, DropConstraint, DropIndex

from services.compliance.database import OwnConnection
from services.compliance.projection.mentioned_names import mention_partners
from services.compliance.projection.parallel_statements import Job, ddl, for_bulk, run_on
from services.compliance.read_model.tables import compliance_event
from services.web.statements import statements

_SQL: Final = statements(__file__)

_INDEXES: Final = sorted(compliance_event.indexes, key=str)
_KEYS: Final = [key for key in compliance_event.constraints if isinstance(key, PrimaryKeyConstraint | UniqueConstraint)]


def _unique_index(key: PrimaryKeyConstraint | UniqueConstraint) -> str:
    columns = ", ".join(column.name for column in key.columns)
    return f"CREATE UNIQUE INDEX {key.name} ON compliance_event ({columns})"


def _constraint(key: PrimaryKeyConstraint | UniqueConstraint) -> str:
    kind = "PRIMARY KEY" if isinstance(key, PrimaryKeyConstraint) else "UNIQUE"
    return f"ALTER TABLE compliance_event ADD CONSTRAINT {key.name} {kind} USING INDEX {key.name}"


_WITHOUT_INDEXES: Final = [*map(ddl, map(DropConstraint, _KEYS)), *map(ddl, map(DropIndex, _INDEXES))]
_WITH_INDEXES: Final = [*map(_unique_index, _KEYS), *map(ddl, map(CreateIndex, _INDEXES))]
_WITH_CONSTRAINTS: Final = [*map(_constraint, _KEYS)]

_ANALYSE: Final = (
    "ANALYZE standing, replacement_window, timer, consultant_link, consultant_certification, maintenance_duty"
)


async def number_events(connections: Sequence[OwnConnection], published_in: str, kept: int) -> int:
    """Moves the events of `derived_event` into the log; returns the position of the last.

    The first `kept` events of the schema `published_in` come before them, as they are. The indexes are built over the
    whole table afterwards, which takes half as long as maintaining them. Whichever connection is free takes the next
    statement; the other tables are completed meanwhile.
    """
    first, shares = connections[0], len(connections)
    async with first.transaction():
        await first.execute(for_bulk())
        for statement in _WITHOUT_INDEXES:
            await first.execute(statement)
        if kept:
            await first.execute(_SQL["keep_published"].format(schema=published_in, through=kept))
        await first.execute(_SQL["keep_takeovers"].format(schema=published_in))
        starts = await first.fetchval(_SQL["starts"], shares)
        sizes = {row["share"]: row["events"] for row in await first.fetch(_SQL["sizes"], starts)}
    numbering: list[Job] = []
    position = kept
    for share in range(shares):
        numbering.append(_in_bulk(shares, _SQL["number"], starts, share, position))
        position += sizes.get(share, 0)
    await run_on(connections, numbering)
    independent = [_in_bulk(shares, statement) for statement in ("DROP TABLE derived_event", *_WITH_INDEXES, _ANALYSE)]
    await run_on(connections, [*independent, mention_partners])
    for statement in (*_WITH_CONSTRAINTS, "ANALYZE compliance_event"):
        await first.execute(statement)
    return position


def _in_bulk(shares: int, statement: str, *arguments: object) -> Job:
    """The statement in a transaction of its own."""

    async def execute(connection: OwnConnection) -> None:
        async with connection.transaction():
            await connection.execute(for_bulk(shares))
            await connection.execute(statement, *arguments)

    return execute
