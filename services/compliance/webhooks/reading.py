"""The log of compliance events as an endpoint sees it: what passes its filter, in order, in bounded stretches."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from services.compliance.cloud_event import COLUMNS, PASSES
from services.compliance.database import Connection, Pool
from services.compliance.webhooks.endpoint import Filter

STRETCH: Final = 5000
"""How many events one read looks at, however few pass the filter."""

# One statement sees one snapshot: nothing up to `head` can be missing.
_AFTER: Final = f"""
    SELECT p.sequence AS head, f.* FROM progress p LEFT JOIN LATERAL (
        SELECT {COLUMNS} FROM compliance_event e
        WHERE e.sequence > $1 AND e.sequence <= $1 + {STRETCH} AND {PASSES}
        ORDER BY e.sequence LIMIT $5
    ) f ON true
    ORDER BY f.sequence
"""

_AT: Final = f"SELECT {COLUMNS} FROM compliance_event e WHERE e.sequence = $1"


class Page(NamedTuple):
    """Rows of `cloud_event.COLUMNS` in order. `through`: up to this position was looked; `head`: the log's last."""

    rows: Sequence[tuple[Any, ...]]
    through: int
    head: int


async def read(connection: "Connection | Pool", after: int, filtered: Filter, limit: int) -> Page:
    """The events after a position that pass the filter, at most `limit`, from one stretch of the log."""
    which = (filtered.types, filtered.partner_ids, filtered.products)
    rows = await connection.fetch(_AFTER, after, *which, limit)
    head: int = rows[0]["head"]
    found = [tuple(row)[1:] for row in rows if row["sequence"] is not None]
    through = found[-1][0] if len(found) == limit else max(after, min(after + STRETCH, head))
    return Page(found, through, head)


async def read_one(connection: "Connection | Pool", position: int) -> tuple[Any, ...]:
    """The row of `cloud_event.COLUMNS` at a position of the log."""
    row = await connection.fetchrow(_AT, position)
    assert row is not None, "the log has no gaps"
    return tuple(row)
