"""Rows of the read model for one partner."""

from datetime import date, datetime
from typing import NamedTuple

from services.compliance.policy.consultant_times import Times
from services.compliance.policy.step_position import StepPosition
from shared.events.compliance_events import ComplianceEvent


class EventRow(NamedTuple):
    """A compliance event and its place: within `key`, events follow each other by `ordinal`."""

    key: StepPosition
    ordinal: int
    event: ComplianceEvent


class StandingRow(NamedTuple):
    """A row of `standing`, in the order of its columns."""

    partner_id: str
    product: str
    valid_from: datetime
    valid_to: datetime | None
    status: str
    headcount: int
    minimum: int | None
    shortfall: int | None
    body: bytes
    since: datetime | None
    reason_rule: str
    reason_text: str
    lost_consultant_id: str | None
    lost_at: datetime | None
    ahead: bool


class WindowRow(NamedTuple):
    """A row of `replacement_window`, in the order of its columns."""

    partner_id: str
    product: str
    number: int
    opened_at: datetime
    deadline_on: date
    deadline_at: datetime
    closed_at: datetime | None
    closed_outcome: str | None
    policy_id: str
    ahead: bool


class RevisionRow(NamedTuple):
    """A row of `policy_revision`, in the order of its columns."""

    position: int
    fact_id: str
    policy_id: str
    effective_at: datetime
    voided_position: int | None


class ConsultantLinkRow(NamedTuple):
    """A row of `consultant_link`, in the order of its columns."""

    partner_id: str
    consultant_id: str
    linked: Times
    counting: Times


class ConsultantCertificationRow(NamedTuple):
    """A row of `consultant_certification`, in the order of its columns."""

    consultant_id: str
    product: str
    partner_id: str
    certified: Times


class MaintenanceDutyRow(NamedTuple):
    """A row of `maintenance_duty`, in the order of its columns."""

    consultant_id: str
    product: str
    portal_change_id: str
    partner_id: str
    due_on: date
    owed: Times
    owed_until: datetime | None


class PersonRows(NamedTuple):
    """All rows of one person that a partner writes; none of a kind: those written before are deleted.

    `portal_changes`: those whose duties these are, while duties for others stay as they are written; None: all.
    """

    consultant_id: str
    link: ConsultantLinkRow | None
    certifications: list[ConsultantCertificationRow]
    duties: list[MaintenanceDutyRow]
    portal_changes: set[str] | None


class PartnerRows(NamedTuple):
    """One partner: its new events, its rows in the read model, its next timer.

    `windows`: those that may differ from what is written. `window_counts`: per product how many windows there are.
    `people`: those about whom something may differ. Where nothing else does, there are no standings.
    """

    partner_id: str
    events: list[EventRow]
    standings: list[StandingRow]
    windows: list[WindowRow]
    window_counts: list[tuple[str, int]]
    due_at: datetime | None
    people: list[PersonRows]

    def of_people_only(self) -> "PartnerRows":
        """Without standings and windows, which stay as they are written."""
        return self._replace(standings=[], windows=[], window_counts=[])
