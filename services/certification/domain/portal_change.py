"""A portal change: declared once, and again after a void; its terms can be corrected (R25, R33, R34, R38)."""

from datetime import date, datetime
from typing import assert_never

import msgspec

from services.certification.domain.fact_report import FactReport, Recorded, Repeated
from services.certification.domain.refusals import (
    CorrectedDueDayTooEarly,
    DatedInTheFuture,
    DueBeforeAnnouncement,
    NoTermCorrected,
    OtherContentRecorded,
)
from shared.events.envelope import Fact
from shared.events.facts import AboutPortalChange, FactVoided, PortalChangeCorrected, PortalChangeDeclared
from shared.events.london import LONDON


class PortalChange(msgspec.Struct, frozen=True):
    """The declaration that is recorded and not voided: a void leaves the id free (R33, R34)."""

    declared: Fact | None = None


def decide(change: PortalChange, report: FactReport, data: AboutPortalChange, now: datetime) -> Recorded | Repeated:
    """Records a new change or a correction, recognises a change recorded before.

    Raises `OtherContentRecorded` (R34), `DueBeforeAnnouncement` (R25, R26), `DatedInTheFuture` (R36),
    `CorrectedDueDayTooEarly` and `NoTermCorrected` (R38).
    """
    match data:
        case PortalChangeDeclared():
            return _declare(change.declared, report, data, now)
        case PortalChangeCorrected():
            return _correct(change.declared, report, data, now)
        case _:
            assert_never(data)


def _declare(
    declared: Fact | None, report: FactReport, data: PortalChangeDeclared, now: datetime
) -> Recorded | Repeated:
    if declared is not None:
        if report.repeats(declared):
            return Repeated(declared)
        detail = f"Portal change {data.portal_change_id} is already recorded with other content."
        raise OtherContentRecorded(detail, recorded=declared)
    fact = report.fact(now)
    announced_on = _london_day(fact)
    if data.due_on < announced_on:
        raise DueBeforeAnnouncement(f"Due on {data.due_on}, before the announcement on {announced_on} (London).")
    return Recorded(fact)


def _correct(declared: Fact | None, report: FactReport, data: PortalChangeCorrected, now: datetime) -> Recorded:
    """Held while the change is missing; compliance then leaves it aside if its due day lies before the announcement."""
    if (data.due_on, data.products, data.significant) == (None, None, None):
        raise NoTermCorrected("A correction says at least one of due_on, products and significant.")
    fact = report.fact(now)
    if fact.effective_at > now:
        raise DatedInTheFuture("A correction cannot take effect in the future.")
    if data.due_on is not None and data.due_on < _london_day(fact):
        raise CorrectedDueDayTooEarly(
            f"Due on {data.due_on}, before the correction on {_london_day(fact)} (London).", "due_on"
        )
    if data.due_on is not None and declared is not None and data.due_on < _london_day(declared):
        raise CorrectedDueDayTooEarly(
            f"Due on {data.due_on}, before the announcement on {_london_day(declared)} (London).",
            "due_on",
            recorded=declared,
        )
    return Recorded(fact, held=declared is None)


def _london_day(fact: Fact) -> date:
    return fact.effective_at.astimezone(LONDON).date()


def evolve(change: PortalChange, fact: Fact) -> PortalChange:
    """The change after a fact of its stream."""
    match fact.data:
        case PortalChangeDeclared():
            return PortalChange(fact)
        case FactVoided(fact_id) if change.declared is not None and change.declared.fact_id == fact_id:
            return PortalChange()
        case _:
            return change
