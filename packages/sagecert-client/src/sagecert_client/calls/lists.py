"""Calls about lists. Written by `python -m tests.client.generator --write`; do not edit."""

from collections.abc import Sequence
from typing import Literal

from sagecert_client.request import FileRequest, Instant, PagedRequest, Request
from sagecert_client.types import compliance as compliance_types


def partners(
    *,
    min_position: int | None = None,
    at: Instant | None = None,
    known_at: Instant | None = None,
    known_position: int | None = None,
    limit: int | None = None,
    status: Sequence[Literal["not_enrolled", "not_yet_authorised", "compliant", "in_window", "suspended"]]
    | None = None,
    product: str | None = None,
    q: str | None = None,
    after: str | None = None,
) -> PagedRequest[compliance_types.PartnersAnswer, compliance_types.PartnerItem]:
    """Partners and products in order of their ids. Send `next` as `after` for the next page; null: there is none."""
    return PagedRequest.of("GET /compliance/v1/partners", locals(), items="partners")


def suspensions(
    *, min_position: int | None = None, product: str | None = None, limit: int | None = None, after: str | None = None
) -> PagedRequest[compliance_types.SuspensionsAnswer, compliance_types.PartnerItem]:
    """Who is suspended now, the latest suspension first. Send `next` as `after` for the next page; null: there is
    none.
    """
    return PagedRequest.of("GET /compliance/v1/suspensions", locals(), items="suspensions")


def windows(
    *,
    min_position: int | None = None,
    at: Instant | None = None,
    known_at: Instant | None = None,
    known_position: int | None = None,
    limit: int | None = None,
    status: Literal["open", "closed", "expired", "closed_late", "void"] | None = None,
    product: str | None = None,
    due_before: str | None = None,
    after: str | None = None,
) -> PagedRequest[compliance_types.WindowsAnswer, compliance_types.WindowItem]:
    """Replacement windows, soonest deadline first. Send `next` as `after` for the next page; null: there is none."""
    return PagedRequest.of("GET /compliance/v1/windows", locals(), items="windows")


def totals(*, min_position: int | None = None, first: int | None = None) -> Request[compliance_types.TotalsAnswer]:
    """How many suspensions, open windows and duties of maintenance there are now, each up to ten thousand."""
    return Request.of("GET /compliance/v1/totals", locals())


def consultants(
    *,
    min_position: int | None = None,
    at: Instant | None = None,
    known_at: Instant | None = None,
    known_position: int | None = None,
    limit: int | None = None,
    product: str | None = None,
    certified: Literal["true", "false"] | None = None,
    after: str | None = None,
    partner_id: str | None = None,
    q: str | None = None,
) -> PagedRequest[compliance_types.ConsultantsAnswer, compliance_types.ConsultantItem]:
    """Everybody whom a fact names, by product: since when they are certified, or what they lack."""
    return PagedRequest.of("GET /compliance/v1/consultants", locals(), items="consultants")


def consultants_of_partner(
    partner_id: str,
    *,
    min_position: int | None = None,
    at: Instant | None = None,
    known_at: Instant | None = None,
    known_position: int | None = None,
    limit: int | None = None,
    product: str | None = None,
    certified: Literal["true", "false"] | None = None,
    after: str | None = None,
) -> PagedRequest[compliance_types.ConsultantsAnswer, compliance_types.ConsultantItem]:
    """Everybody who is linked to the partner, by product: since when they are certified, or what they lack."""
    return PagedRequest.of("GET /compliance/v1/partners/{partner_id}/consultants", locals(), items="consultants")


def maintenance(
    *,
    min_position: int | None = None,
    at: Instant | None = None,
    known_at: Instant | None = None,
    known_position: int | None = None,
    limit: int | None = None,
    due_from: str | None = None,
    due_before: str | None = None,
    portal_change_id: str | None = None,
    product: str | None = None,
    partner_id: str | None = None,
    after: str | None = None,
) -> PagedRequest[compliance_types.MaintenanceAnswer, compliance_types.MaintenanceItem]:
    """The maintenance that people owe (R25): announced, not complete, and not replaced by a newer grant."""
    return PagedRequest.of("GET /compliance/v1/maintenance", locals(), items="maintenance")


def calendar(*, min_position: int | None = None) -> FileRequest:
    """Deadlines of open replacement windows, and days by which maintenance is due, of every partner: a calendar."""
    return FileRequest.of("GET /compliance/v1/due-days.ics", locals())


def feed(*, min_position: int | None = None) -> FileRequest:
    """The same as an Atom feed: an entry for each day, as long as it lies ahead."""
    return FileRequest.of("GET /compliance/v1/due-days.atom", locals())


def calendar_of_partner(partner_id: str, *, min_position: int | None = None) -> FileRequest:
    """Deadlines of the partner's open replacement windows, and days by which maintenance is due: a calendar."""
    return FileRequest.of("GET /compliance/v1/partners/{partner_id}/due-days.ics", locals())


def feed_of_partner(partner_id: str, *, min_position: int | None = None) -> FileRequest:
    """The same as an Atom feed."""
    return FileRequest.of("GET /compliance/v1/partners/{partner_id}/due-days.atom", locals())
