"""What would mend a standing that is not compliant: how many people, by when, and who is nearest."""

from collections.abc import Sequence
from datetime import date, datetime

import msgspec

from services.compliance.policy.near_people import Nearest, NearPerson
from shared.events.compliance_events import Status, Window


class DueBy(msgspec.Struct, frozen=True):
    """The last London day on which a replacement is in time, and the midnight that ends it (R15)."""

    deadline_on: date
    deadline_at: datetime


class Mends(msgspec.Struct, frozen=True):
    """What makes the standing compliant, by which rule.

    `people`: how many more must count; null until the kind is known (R10). `by`: the first deadline that still runs;
    null if none does. `nearest`: of the first 200 people of the partner those who lack least, at most five;
    `nearest_omitted`: how many more would count if they were certified.
    """

    rule: str
    text: str
    people: int | None
    by: DueBy | None
    nearest: tuple[NearPerson, ...]
    nearest_omitted: int


def mends(status: Status, shortfall: int | None, windows: Sequence[Window], nearest: Nearest) -> Mends | None:
    """What mends a standing with this status; None for a compliant one."""
    if status == "compliant":
        return None
    running = [window for window in windows if window.outcome == "open"]
    first = min(running, key=_deadline, default=None)
    by = None if first is None else DueBy(first.deadline_on, first.deadline_at)
    rule, text = _said(status, shortfall, by)
    return Mends(rule, text, shortfall, by, nearest.people, nearest.omitted)


def _said(status: Status, shortfall: int | None, by: DueBy | None) -> tuple[str, str]:
    more = "One counted consultant more" if shortfall == 1 else f"{shortfall or 'No'} counted consultants more"
    if status == "not_enrolled":
        then = f"; then {more[0].lower()}{more[1:]}" if shortfall else ""
        return "R11", f"Enrolment in an eligible programme, of a known kind{then}."
    if status == "not_yet_authorised":
        return "R12", f"{more}: linked to the partner and certified."
    if status == "suspended":
        return "R21", f"{more}: selling to new customers is reinstated at that instant."
    assert by is not None, "a window runs"
    first = "" if shortfall == 1 else ", the first"
    return "R18", f"{more}{first} by the end of {by.deadline_on.isoformat()} (London)."


def _deadline(window: Window) -> datetime:
    return window.deadline_at
