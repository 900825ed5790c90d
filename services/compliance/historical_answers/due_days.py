"""The days by which something is to be done, as a calendar and as a feed, for one partner or for all."""

from typing import Final, assert_never

from services.compliance.database import Connection
from services.compliance.historical_answers.consultant_lists import is_mentioned
from services.compliance.historical_answers.partners import never_mentioned
from services.compliance.historical_answers.questions import DueDays
from services.compliance.policy.parameters import Parameters
from services.compliance.read_model.current_standings import present_moment
from services.compliance.read_model.due_days import OpenWindow, OwedMaintenance, open_windows, owed_by_partner
from services.compliance.read_model.names import partner_names
from services.compliance.read_model.shared_snapshot import one_moment
from services.web.icalendar_and_atom import DatedEntry, calendar, feed

DAYS_MAX: Final = 1_000
"""The soonest are listed: no calendar holds many more."""


async def due_days(connection: Connection, question: DueDays, _parameters: Parameters) -> bytes:
    """The deadlines of open windows, and of maintenance that is owed. Raises `NeverMentioned`."""
    partner_id = question.partner_id
    async with one_moment(connection):
        _, moment = await present_moment(connection)
        if partner_id is not None and not await is_mentioned(connection, partner_id):
            raise never_mentioned(partner_id)
        windows = await open_windows(connection, moment.at, DAYS_MAX, partner_id)
        owed = await owed_by_partner(connection, moment.at, DAYS_MAX, partner_id)
        partners = {due.partner_id for due in windows} | {due.partner_id for due in owed}
        partners |= {partner_id} if partner_id else set()
        names = await partner_names(connection, sorted(partners))
    entries = [*(_window(due, names) for due in windows), *(_maintenance(due, names) for due in owed)]
    entries.sort(key=lambda entry: (entry.day, entry.key))
    title = "Due days" if partner_id is None else f"Due days of {_called(partner_id, names)}"
    match question.form:
        case "calendar":
            return calendar(title, entries[:DAYS_MAX])
        case "feed":
            return feed(title, question.path, entries[:DAYS_MAX], moment.known_at)
        case _:
            assert_never(question.form)


def _window(due: OpenWindow, names: dict[str, str]) -> DatedEntry:
    called = _called(due.partner_id, names)
    return DatedEntry(
        key=f"window.{due.partner_id}.{due.product}.{due.number}",
        day=due.due_on,
        title=f"{called}: replace a consultant for {due.product}",
        text=f"Through this London day {called} can replace a certified consultant for {due.product} (R15). After it, "
        "selling to new customers is suspended (R19).",
        category="replacement-window",
        since=due.opened_at,
        path=f"/compliance/v1/partners/{due.partner_id}/compliance/{due.product}",
    )


def _maintenance(due: OwedMaintenance, names: dict[str, str]) -> DatedEntry:
    called = _called(due.partner_id, names)
    people = "1 consultant" if due.people == 1 else f"{due.people} consultants"
    return DatedEntry(
        key=f"maintenance.{due.portal_change_id}.{due.partner_id}.{due.product}",
        day=due.due_on,
        title=f"{called}: maintenance for {due.product}",
        text=f"{people} of {called} must complete the maintenance for {due.portal_change_id} by the end of this London "
        f"day (R25). Otherwise their certification for {due.product} lapses (R26).",
        category="maintenance",
        since=due.since,
        path=f"/compliance/v1/maintenance?portal_change_id={due.portal_change_id}&partner_id={due.partner_id}",
    )


def _called(partner_id: str, names: dict[str, str]) -> str:
    name = names.get(partner_id)
    return partner_id if name is None else f"{name} ({partner_id})"
