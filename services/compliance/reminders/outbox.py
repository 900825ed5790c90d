"""Reminders by e-mail: made from the log and from owed maintenance, gathered into mails, leased and recorded.

Each reminder is sent once: its id is that of its event, or of the duty and the days before it. A reminder
is in one mail for ever, so a mail that is sent again is the same mail.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple
from uuid import uuid4

import msgspec

from services.compliance.database import OwnConnection
from services.compliance.read_model.event_log import EventFilter, LoggedEvent, read_events
from services.compliance.reminders.mail_text import Reminder
from services.web.statements import statements
from shared.events.compliance_events import TYPE_OF, ComplianceEventData
from shared.events.london import LONDON

EVENTS_READ: Final = 500
SCAN_WINDOW: Final = 10_000
MAINTENANCE_DAYS_BEFORE: Final = (7, 1)
REMINDERS_IN_A_MAIL: Final = 500
LEASE_SECONDS: Final = 180.0
"""Longer than a mail server can keep a sender waiting."""
FIRST_WAIT_SECONDS: Final = 30.0
WAIT_SECONDS_MAX: Final = 3600.0
ATTEMPTS_MAX: Final = 60
"""About two days; then the mail is given up."""

_SQL: Final = statements(__file__)
_CLOSING, _SUSPENDED, _RETRACTED = (
    TYPE_OF[name] for name in ("replacement-window-closing", "selling-suspended", "retracted")
)
_WHICH: Final = EventFilter(types=(_CLOSING, _SUSPENDED, _RETRACTED), history=False)
_decode: Final = msgspec.json.Decoder(ComplianceEventData).decode


class LeasedMail(NamedTuple):
    """A mail that is to be sent now. `attempt`: from 1; it is the fence of its outcome."""

    mail_id: str
    made_at: datetime
    attempt: int
    reminders: Sequence[Reminder]


async def begin(connection: OwnConnection) -> None:
    """Begins with the next event, unless it has begun."""
    await connection.execute(_SQL["begin"])


async def make_reminders(connection: OwnConnection) -> bool:
    """Makes the reminders of the next events and of owed maintenance. Returns whether there may be more at once.

    One process does so at a time; another passes.
    """
    async with connection.transaction():
        row = await connection.fetchrow(_SQL["take"])
        if row is None:
            return False
        position, due = row["position"], row["due"]
        events, head, _ = await read_events(connection, position, position + SCAN_WINDOW, _WHICH, EVENTS_READ)
        made, retracted = reminders_of(events)
        if made:
            columns = zip(*((*msgspec.structs.astuple(reminder)[:6],) for reminder in made), strict=True)
            await connection.execute(_SQL["add"], *map(list, columns))
        if retracted:
            await connection.execute(_SQL["retract"], retracted)
        through = events[-1].position if len(events) == EVENTS_READ else min(position + SCAN_WINDOW, head)
        if through != position:
            await connection.execute(_SQL["read"], through)
        if due:
            await connection.execute(_SQL["add_maintenance"], row["now"], row["today"], list(MAINTENANCE_DAYS_BEFORE))
            await connection.execute(_SQL["maintained"], row["today"])
            await connection.execute(_SQL["prune"])
        return through < head


def reminders_of(events: Sequence[LoggedEvent]) -> tuple[list[Reminder], list[str]]:
    """The reminders of events in order, and the ids of events that no longer hold."""
    made: dict[str, Reminder] = {}
    retracted: list[str] = []
    for event in events:
        data = _decode(event.data)
        if data.retracts is not None:
            made.pop(data.retracts.event_id, None)
            retracted.append(data.retracts.event_id)
            continue
        product, day = data.products[0], event.effective_at.astimezone(LONDON).date()
        who = (event.partner_id, product)
        if event.type == _SUSPENDED:
            if any(standing.product == product and standing.status == "suspended" for standing in data.standings):
                made[event.event_id] = Reminder(event.event_id, "suspension", *who, day, 0)
        elif data.window is not None:
            window = data.window
            days_left = round((window.deadline_at - event.effective_at) / timedelta(days=1))
            made[event.event_id] = Reminder(event.event_id, "window", *who, window.deadline_on, days_left)
    return list(made.values()), retracted


async def lease_mail(connection: OwnConnection) -> LeasedMail | None:
    """A mail that is due, or a new one of reminders that are in none; None: there is nothing to send."""
    row = await connection.fetchrow(_SQL["lease"], LEASE_SECONDS)
    if row is None:
        await connection.execute(_SQL["make_mail"], uuid4().hex, REMINDERS_IN_A_MAIL)
        row = await connection.fetchrow(_SQL["lease"], LEASE_SECONDS)
    if row is None:
        return None
    found = await connection.fetch(_SQL["reminders"], row["mail_id"])
    return LeasedMail(row["mail_id"], row["made_at"], row["attempts"], [Reminder(*row) for row in found])


async def record_sent(connection: OwnConnection, mail: LeasedMail) -> None:
    """The server has taken it."""
    await connection.execute(_SQL["sent"], mail.mail_id, mail.attempt)


async def record_failed(connection: OwnConnection, mail: LeasedMail, error: str) -> bool:
    """It is sent again later. Returns whether it is given up instead."""
    gives_up = mail.attempt >= ATTEMPTS_MAX
    wait = min(FIRST_WAIT_SECONDS * 2.0 ** min(mail.attempt - 1, 10), WAIT_SECONDS_MAX)
    await connection.execute(_SQL["failed"], mail.mail_id, mail.attempt, error, wait, gives_up)
    return gives_up
