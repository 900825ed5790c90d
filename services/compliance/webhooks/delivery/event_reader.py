"""Reads the log of compliance events for endpoints: the events that pass a filter, in order, in bounded scans."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final
from weakref import WeakValueDictionary

import msgspec

from services.compliance.cloud_event import COLUMNS, PASSES
from services.compliance.database import Connection, Pool
from services.compliance.webhooks.filter_and_cursor import Filter

SCAN_WINDOW: Final = 5000
"""Events that one read scans at most, however few pass the filter."""

# One statement sees one snapshot: nothing up to `head` can be missing.
_AFTER: Final = f"""
    SELECT p.sequence AS head, f.* FROM progress p LEFT JOIN LATERAL (
        SELECT {COLUMNS} FROM compliance_event e
        WHERE e.sequence > $1 AND e.sequence <= $1 + {SCAN_WINDOW} AND {PASSES}
        ORDER BY e.sequence LIMIT $5
    ) f ON true
    ORDER BY f.sequence
"""

_AT: Final = f"SELECT {COLUMNS} FROM compliance_event e WHERE e.sequence = $1"


class Page(msgspec.Struct, frozen=True, weakref=True):
    """Rows of `cloud_event.COLUMNS` in order. `through`: the last position scanned; `head`: the last of the log."""

    rows: Sequence[tuple[Any, ...]]
    through: int
    head: int


async def read_events(connection: "Connection | Pool", after: int, filtered: Filter, limit: int) -> Page:
    """Events after a position that pass the filter, at most `limit`, from one scan of SCAN_WINDOW events."""
    which = (filtered.types, filtered.partner_ids, filtered.products)
    rows = await connection.fetch(_AFTER, after, *which, limit)
    head: int = rows[0]["head"]
    found = [tuple(row)[1:] for row in rows if row["sequence"] is not None]
    through = found[-1][0] if len(found) == limit else max(after, min(after + SCAN_WINDOW, head))
    return Page(found, through, head)


class SharedReading:
    """Reads for endpoints leased together: those with the same cursor and filter share a page.

    A page lives while one of them works on it, so no endpoint gets a page older than its lease.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._pages: WeakValueDictionary[tuple[int, Filter, int], Page] = WeakValueDictionary()
        self._turns: WeakValueDictionary[tuple[int, Filter, int], asyncio.Lock] = WeakValueDictionary()

    async def read(self, after: int, filtered: Filter, limit: int) -> Page:
        """Like `read_events`, or its result for another endpoint."""
        which = (after, filtered, limit)
        async with self._turns.setdefault(which, asyncio.Lock()):
            page = self._pages.get(which)
            if page is None:
                page = self._pages[which] = await read_events(self._pool, *which)
        return page


async def read_event(connection: "Connection | Pool", position: int) -> tuple[Any, ...]:
    """The row of `cloud_event.COLUMNS` at a position."""
    row = await connection.fetchrow(_AT, position)
    assert row is not None, "the log has no gaps"
    return tuple(row)
