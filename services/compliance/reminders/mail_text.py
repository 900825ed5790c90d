"""The text of a mail with reminders. It names ids and no person."""

from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Final, Literal

import msgspec

Kind = Literal["window", "suspension", "maintenance"]

_COUNTED: Final[dict[Kind, tuple[str, str]]] = {
    "suspension": ("partner suspended", "partners suspended"),
    "window": ("window closes soon", "windows close soon"),
    "maintenance": ("partner owes maintenance", "partners owe maintenance"),
}
"""In the order in which a mail lists them."""


class Reminder(msgspec.Struct, frozen=True):
    """One line of a mail. `due_on`: the last day; of a suspension the first. `days_left`: when it was noticed.

    `portal_change_id`, `people`: of maintenance; how many people owe it.
    """

    reminder_id: str
    kind: Kind
    partner_id: str
    product: str
    due_on: date
    days_left: int
    portal_change_id: str | None = None
    people: int | None = None


def subject_of(reminders: Sequence[Reminder]) -> str:
    """How many there are of each kind."""
    counted = Counter(reminder.kind for reminder in reminders)
    named = [f"{counted[kind]} {words[counted[kind] > 1]}" for kind, words in _COUNTED.items() if counted[kind]]
    return "Sage Partner Certification: " + ", ".join(named)


def sentence_of(one: Reminder) -> str:
    """The reminder in one line."""
    day = f"{one.due_on.day} {one.due_on:%B %Y}"
    if one.kind == "suspension":
        return f"{one.partner_id} may not sell {one.product} to new customers since {day} (R19)."
    left = "1 day" if one.days_left == 1 else f"{one.days_left} days"
    if one.kind == "window":
        return f"{one.partner_id} has to replace a consultant for {one.product} by the end of {day}: {left} left (R15)."
    people = "1 person owes" if one.people == 1 else f"{one.people} people owe"
    return (
        f"{one.partner_id}: {people} maintenance for {one.product} after {one.portal_change_id} by the end of {day}: "
        f"{left} left (R26)."
    )


def mail(
    mail_id: str, made_at: datetime, reminders: Sequence[Reminder], sender: str, to: Sequence[str]
) -> EmailMessage:
    """The mail. The same each time that it is sent, its Message-ID included."""
    order = list(_COUNTED)
    lines = sorted(
        reminders,
        key=lambda reminder: (order.index(reminder.kind), reminder.due_on, reminder.partner_id, reminder.product),
    )
    message = EmailMessage()
    message["From"], message["To"] = sender, ", ".join(to)
    message["Subject"] = subject_of(reminders)
    message["Date"] = format_datetime(made_at)
    message["Message-ID"] = f"<{mail_id}@{sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content("\n".join(sentence_of(reminder) for reminder in lines) + "\n\nEach reminder is sent once.\n")
    return message
