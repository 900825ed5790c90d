"""A portal change: declared once, and again after a void (R25, R33, R34)."""

from datetime import datetime

import msgspec

from services.certification.domain.refusals import DueBeforeAnnouncement, OtherContentRecorded
from services.certification.domain.reported_fact import FactReport, Recorded, Repeated
from shared.events.envelope import Fact
from shared.events.facts import FactVoided, PortalChangeDeclared
from shared.events.london import LONDON


class PortalChange(msgspec.Struct, frozen=True):
    """The declaration that is recorded and not voided: a void leaves the id free (R33, R34)."""

    declared: Fact | None = None


def decide(change: PortalChange, report: FactReport, data: PortalChangeDeclared, now: datetime) -> Recorded | Repeated:
    """Records a new change, recognises one recorded before.

    Raises `OtherContentRecorded` (R34) and `DueBeforeAnnouncement`: the London day `due_on` ends after the
    announcement (R25, R26).
    """
    if change.declared is not None:
        if report.repeats(change.declared):
            return Repeated(change.declared)
        detail = f"Portal change {data.portal_change_id} is already recorded with other content."
        raise OtherContentRecorded(detail, fact_id=change.declared.fact_id)
    fact = report.fact(now)
    announced_on = fact.effective_at.astimezone(LONDON).date()
    if data.due_on < announced_on:
        raise DueBeforeAnnouncement(f"Due on {data.due_on}, before the announcement on {announced_on} (London).")
    return Recorded(fact)


def evolve(change: PortalChange, fact: Fact) -> PortalChange:
    """The change after a fact of its stream."""
    match fact.data:
        case PortalChangeDeclared():
            return PortalChange(fact)
        case FactVoided(fact_id) if change.declared is not None and change.declared.fact_id == fact_id:
            return PortalChange()
        case _:
            return change
