"""The days on which windows opened, by the compliance events: they narrow the search for windows as of an instant."""

from collections.abc import AsyncIterator
from datetime import date, datetime, timedelta
from typing import Final, NamedTuple

from services.compliance.database import Connection
from services.compliance.read_model.routing import revisions
from shared.events.facts import PolicyRevised

_AT_ONCE: Final = 64

_OPENINGS: Final = """
    SELECT DISTINCT (e.effective_at AT TIME ZONE 'Europe/London')::date AS opened_on, e.partner_id
    FROM compliance_event e
    WHERE e.type = 'com.sage.partnercloud.replacement-window-opened.v1'
        AND ((e.effective_at AT TIME ZONE 'Europe/London')::date, e.partner_id) > ($1, $2)
    ORDER BY 1, 2 LIMIT $3
"""

_TELLS_ALL: Final = """
    SELECT p.position >= $1 AND p.known_through >= $2 AND NOT EXISTS (SELECT FROM policy_upgrade) FROM progress p
"""


class Opening(NamedTuple):
    """A partner that had a window with this last day, by some event: that event may have been retracted since."""

    deadline_on: date
    partner_id: str


async def tell_all_windows(connection: Connection, at: datetime, position: int) -> bool:
    """Whether each window that has opened by the instant, by the facts up to the position, was announced.

    The instant is not after the recording of the last of these facts: what opens later may never be announced, because
    a later fact prevented it. An earlier engine may have announced other windows.
    """
    return bool(await connection.fetchval(_TELLS_ALL, position, at))


async def window_days(connection: Connection, position: int, first: int) -> list[int]:
    """Every number of days that a window can have by the facts up to the position. `first`: before any revision."""
    facts = await revisions(connection, position)
    revised = {fact.data.window_days for fact in facts if isinstance(fact.data, PolicyRevised)}
    return sorted({first} | {days for days in revised if days is not None})


async def openings(connection: Connection, after: Opening, days: int) -> AsyncIterator[Opening]:
    """The openings after a place of windows that last `days`, in order."""
    opened_on, partner_id = after.deadline_on - timedelta(days=days), after.partner_id
    while True:
        rows = await connection.fetch(_OPENINGS, opened_on, partner_id, _AT_ONCE)
        for row in rows:
            opened_on, partner_id = row
            yield Opening(opened_on + timedelta(days=days), partner_id)
        if len(rows) < _AT_ONCE:
            return
