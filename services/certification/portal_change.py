"""A portal change: declared once (R25, R34)."""

from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from services.certification.refusals import DueBeforeAnnouncement, OtherContentRecorded
from services.certification.report import Recorded, Repeated, Report
from shared.events.envelope import Fact
from shared.events.facts import PortalChangeDeclared

LONDON: Final = ZoneInfo("Europe/London")


class PortalChange(msgspec.Struct, frozen=True):
    """What was recorded of a portal change, voided or not: an id is used once, for ever (R34)."""

    declared: Fact | None = None


def decide(change: PortalChange, report: Report, data: PortalChangeDeclared, now: datetime) -> Recorded | Repeated:
    """Records a new change, recognises one recorded before.

    Raises `OtherContentRecorded` (R34) and `DueBeforeAnnouncement`: the London day `due_on` ends after the
    announcement (R25, R26).
    """
    if change.declared is not None:
        if report.repeats(change.declared):
            return Repeated(change.declared)
        raise OtherContentRecorded(f"Portal change {data.portal_change_id} is already recorded with other content.")
    fact = report.fact(now)
    announced_on = fact.effective_at.astimezone(LONDON).date()
    if data.due_on < announced_on:
        raise DueBeforeAnnouncement(f"Due on {data.due_on}, before the announcement on {announced_on} (London).")
    return Recorded(fact)


def evolve(change: PortalChange, fact: Fact) -> PortalChange:
    """The change after a fact of its stream."""
    return PortalChange(fact) if isinstance(fact.data, PortalChangeDeclared) else change
