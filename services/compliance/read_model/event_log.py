"""Reading the compliance log, for feeds and for webhooks."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

from services.compliance.database import Connection, Pool
from services.web.feed_events import POSITION_MAX
from services.web.statements import statements


class LoggedEvent(NamedTuple):
    """A row of `compliance_event`, in the order of its columns."""

    position: int
    event_id: str
    type: str
    partner_id: str
    products: Sequence[str]
    effective_at: datetime
    recorded_at: datetime
    fact_position: int
    about: str
    data: bytes

    @property
    def history(self) -> bool:
        """Whether it follows from facts that were loaded afterwards."""
        return _HISTORY_MARK in self.data


_HISTORY_MARK: Final = b'"history":true'
IS_HISTORY: Final = f"position('{_HISTORY_MARK.decode()}'::bytea IN e.data) > 0"
"""Whether event `e` follows from facts that were loaded afterwards; no event holds free text that could look so."""

_POLL_SECONDS: Final = 0.25

_SQL: Final = statements(__file__, is_history=IS_HISTORY)
RECORDED_FROM: Final = _SQL["recorded_from"]
"""The last position before the first event recorded at or after `$1` (null: at any time).

A binary search: positions have no gaps, and `recorded_at` never goes backwards along them.
"""
_COUNT: Final = (
    _SQL["count_recorded_events"]
    .replace("{after}", "f.low")
    .replace("{recorded_from}", RECORDED_FROM.replace("$1", "i.instant"))
)
_NEWEST: Final = _SQL["read_newest_events"].replace("{after}", f"({RECORDED_FROM})")


class EventFilter(NamedTuple):
    """Which events: of these types, about one of these partners and one of these products; None: any.

    `history` false: without those that follow from facts that were loaded afterwards. All are effective by `at`,
    recorded by `known_at`, and derived from facts up to `known_position`; None: no bound.
    """

    types: Sequence[str] | None = None
    partner_ids: Sequence[str] | None = None
    products: Sequence[str] | None = None
    at: datetime | None = None
    known_at: datetime | None = None
    known_position: int | None = None
    history: bool | None = None


class EventsRead(NamedTuple):
    """Some events, and the last position of the log when they were read. `log`: names the log; a reset of a sandbox
    starts another one, a rebuild does not.
    """

    events: list[LoggedEvent]
    head: int
    log: int


async def read_events(
    connection: "Connection | Pool", after: int, through: int, which: EventFilter, limit: int
) -> EventsRead:
    """The first events after one position, up to another, that pass the filter."""
    rows = await connection.fetch(_SQL["read_events"], after, through, *which, limit)
    head: int = rows[-1]["head"]
    events = [LoggedEvent._make(tuple(row)[:-2]) for row in rows if row["position"] is not None]
    return EventsRead(events, head, rows[-1]["log"])


async def until_all_is_derived(pool: Pool) -> None:
    """Returns once the log has every event that follows from the facts recorded and the timers due at the call.

    The events that a crash of the server took from the end of the log are then there again. The reset of a sandbox
    takes facts, and its clock can go back; the wait then begins again.
    """
    head, now = 0, None
    while True:
        row = await pool.fetchrow(_SQL["how_far"])
        assert row is not None, "progress has one row"
        if now is None or row["now"] < now or row["head"] < head:
            head, now = row["head"], row["now"]
        if row["position"] >= head and row["known_through"] >= now:
            return
        await asyncio.sleep(_POLL_SECONDS)


async def find_event(connection: Connection, event_id: str) -> LoggedEvent | None:
    """The event with this id; None: there is none."""
    row = await connection.fetchrow(_SQL["find_event"], event_id)
    return None if row is None else LoggedEvent._make(row)


async def read_event(connection: "Connection | Pool", position: int) -> LoggedEvent:
    """The event at a position of the log."""
    row = await connection.fetchrow(_SQL["read_event"], position)
    assert row is not None, "the log has no gaps"
    return LoggedEvent._make(row)


class EventsOfFact(NamedTuple):
    """Events derived from the facts of the append that ends at `append_position`."""

    events: list[LoggedEvent]
    append_position: int


async def read_events_of_fact(
    connection: Connection, fact_id: str, after: int, limit: int
) -> tuple[int, EventsOfFact | None]:
    """The position applied for every partner, and the first events after a position that a fact led to.

    None, at whatever position: there is no such fact.
    """
    rows = await connection.fetch(_SQL["read_events_of_fact"], fact_id, after, limit)
    if not rows:
        return POSITION_MAX, None
    events = [LoggedEvent._make(tuple(row)[:-2]) for row in rows if row["position"] is not None]
    return rows[0]["applied_through"], EventsOfFact(events, rows[0]["append_position"])


async def read_recorded_events(
    connection: Connection,
    recorded_from: datetime | None,
    before: int | None,
    types: Sequence[str] | None,
    partner_ids: Sequence[str] | None,
    limit: int,
) -> list[LoggedEvent]:
    """The latest events before a position (None: the end) that were recorded at or after an instant, newest first."""
    which = (recorded_from, before, types, limit)
    if partner_ids is None:
        rows = await connection.fetch(_SQL["read_recorded_events"], *which)
    else:
        rows = await connection.fetch(_SQL["read_recorded_events_of_partners"], *which, partner_ids)
    return [LoggedEvent._make(row) for row in rows]


class CountedEvents(NamedTuple):
    """How many events of a type were recorded from an instant on. `number`: of the instant, from 1."""

    number: int
    type: str
    found: int


async def count_recorded_events(
    connection: Connection, instants: Sequence[datetime | None], types: Sequence[str], found_max: int
) -> list[CountedEvents]:
    """The events of each type recorded from each instant on (None: ever), the most frequent first; none is left out.

    At most `found_max` of each are counted.
    """
    rows = await connection.fetch(_COUNT, instants, types, found_max)
    return [CountedEvents._make(row) for row in rows]


async def read_newest_events(
    connection: Connection, recorded_from: datetime | None, types: Sequence[str], limit: int
) -> list[LoggedEvent]:
    """The latest events of these types that were recorded at or after an instant (None: ever), newest first."""
    rows = await connection.fetch(_NEWEST, recorded_from, types, limit)
    return [LoggedEvent._make(row) for row in rows]
