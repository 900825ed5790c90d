"""Reads the log of compliance events for endpoints: the events that pass a filter, in order, in bounded scans."""

import asyncio
from collections.abc import Sequence
from typing import Final
from weakref import WeakValueDictionary

import msgspec

from services.compliance.database import Connection, Pool
from services.compliance.read_model import event_log
from services.compliance.read_model.event_log import EventFilter, LoggedEvent
from services.compliance.webhooks.filter_and_cursor import Filter

SCAN_WINDOW: Final = 5000
"""Events that one read scans at most, however few pass the filter."""


class Page(msgspec.Struct, frozen=True, weakref=True):
    """Events in order. `through`: the last position scanned; `head`: the last of the log."""

    rows: Sequence[LoggedEvent]
    through: int
    head: int


async def read_events(connection: "Connection | Pool", after: int, filtered: Filter, limit: int) -> Page:
    """Events after a position that pass the filter, at most `limit`, from one scan of SCAN_WINDOW events."""
    which = EventFilter(filtered.types, filtered.partner_ids, filtered.products, history=filtered.history)
    rows, head, _ = await event_log.read_events(connection, after, after + SCAN_WINDOW, which, limit)
    through = rows[-1].position if len(rows) == limit else max(after, min(after + SCAN_WINDOW, head))
    return Page(rows, through, head)


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
