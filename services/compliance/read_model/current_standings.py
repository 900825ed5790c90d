"""How a partner stands now, from the read model.

Each segment holds the bytes of the members that follow `position`, the same bytes that
`services.compliance.historical_answers` derives from the log.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from asyncpg import Record

from services.compliance.database import Connection
from services.compliance.historical_answers.as_of import AsOf
from services.compliance.read_model.known_policy import IN_FORCE
from services.compliance.read_model.near_people import LINKED_PEOPLE
from services.compliance.read_model.nearest_cache import KeptNearest
from services.web.statements import statements
from shared.events.compliance_events import Status

_ENGINE: Final = "coalesce(nullif(p.engine_id, ''), (SELECT e.engine_id FROM certification.engine() e), '')"
"""What derived the read model; before it derived anything, what is installed."""

_NAME: Final = "(SELECT n.name FROM certification.partner_name n WHERE n.partner_id = $1) AS name"
_SQL: Final = statements(__file__, in_force=IN_FORCE, engine=_ENGINE, name=_NAME, linked_people=LINKED_PEOPLE)


class StoredSegment(NamedTuple):
    """A standing until `valid_to` (None: for ever) if no fact comes, as the bytes of its members.

    `body` is empty if it lies too far ahead to be stored: then the log answers. Of the present one, where people are
    missing: `people`, those of the partner (see `decode_people`), or, where who is nearest is `kept`, their `names`, as
    JSON. `table`: the present table of progress.
    """

    valid_to: datetime | None
    status: Status
    body: bytes
    table: int
    kept: bool
    people: str | None
    names: str | None


class PresentPartner(NamedTuple):
    """A partner as it is known at the moment. `name`: None if it is unknown or erased."""

    partner_id: str
    name: str | None
    moment: AsOf


async def present(
    connection: Connection, partner_id: str, product: str, kept: KeptNearest | None = None
) -> tuple[int, tuple[PresentPartner, StoredSegment | None]]:
    """How far the projection is, and the partner with its standing now. None: the partner was never mentioned.

    `kept`: who was nearest the last time. The standing is empty if the projection is so far behind that it was not
    stored: only the log can answer.
    """
    row = await connection.fetchrow(_SQL["present"], partner_id, product, *_kept_values(kept))
    assert row is not None, "progress has one row"
    *moment, applied, name = tuple(row)[:8]
    partner = PresentPartner(partner_id, name, AsOf(*moment))
    return applied, (partner, None if row["body"] is None else StoredSegment(*tuple(row)[8:]))


async def present_and_future(
    connection: Connection, partner_id: str, kept: Mapping[str, KeptNearest | None], segments_max: int
) -> tuple[int, tuple[PresentPartner, dict[str, list[StoredSegment]]]]:
    """The same for several products, with `segments_max` segments in all; without any: never mentioned."""
    columns = zip(*map(_kept_values, kept.values()), strict=True)
    rows = await connection.fetch(_SQL["present_and_future"], partner_id, list(kept), segments_max, *map(list, columns))
    parts: dict[str, list[StoredSegment]] = {}
    for row in rows:
        if row["product"] is not None:
            parts.setdefault(row["product"], []).append(
                StoredSegment(
                    row["valid_to"], row["status"], row["body"], row["table"], row["holds"], row["people"], row["names"]
                )
            )
    first = rows[0]
    partner = PresentPartner(partner_id, first["name"], AsOf(*first[:6]))
    return first["applied"], (partner, parts)


def _kept_values(kept: KeptNearest | None) -> tuple[object, ...]:
    if kept is None:
        return None, None, None, None, None
    return kept.table, kept.position, kept.since, kept.until, " ".join(kept.consultant_ids)


_PRESENT_MOMENT: Final = _SQL["present_moment"]


def moment_as_of(parameter: str) -> str:
    """Selects what `AsOf` takes, of the present. `parameter`: when a snapshot was taken that is read; null: now."""
    return _PRESENT_MOMENT.replace("$1", f"{parameter}::timestamptz")


def moment_beside(row: str) -> str:
    """What `AsOf` takes, of the moment `known`, in the first of rows with the number `row`; null in the others."""
    return ", ".join(f"CASE WHEN {row} > 1 THEN NULL ELSE known.{column} END" for column in AsOf._fields)


MOMENT_SIZE: Final = len(AsOf._fields)


def moment_and_rows(records: Sequence[Record]) -> tuple[AsOf, list[tuple[Any, ...]]]:
    """Takes the moment from the first of records that begin with `moment_beside`; a record of nulls is no row."""
    first = tuple(records[0])
    rows = [] if first[MOMENT_SIZE] is None else [tuple(record)[MOMENT_SIZE:] for record in records]
    return AsOf(*first[:MOMENT_SIZE]), rows


async def present_moment(connection: Connection, at: datetime | None = None) -> tuple[int, AsOf]:
    """How far the projection is, then the present as it knows it. `at`: when a snapshot was taken that is read."""
    row = await connection.fetchrow(_PRESENT_MOMENT, at)
    assert row is not None, "progress has one row"
    return row["position"], AsOf(*row)
