"""Calls about portal changes. Written by `python -m tests.client.generator --write`; do not edit."""

from collections.abc import Sequence

from sagecert_client.request import OMITTED, RECORDING, Day, Instant, ListRequest, Omitted, PagedRequest, Request
from sagecert_client.types import certification as certification_types
from sagecert_client.types import compliance as compliance_types


def declare_portal_change(
    *,
    portal_change_id: str,
    products: list[str],
    significant: bool,
    due_on: Day,
    summary: str,
    effective_at: Instant | Omitted | None = OMITTED,
    idempotency_key: str | None = None,
    x_correlation_id: str | None = None,
) -> Request[certification_types.Recorded]:
    """The Provisioning Portal changes (R25, R27). After a void the id is free to be recorded again (R33)."""
    return Request.of("POST /certification/v1/portal-changes", locals(), body="needed", headers=RECORDING)


def correct_portal_change(
    portal_change_id: str,
    *,
    reason: str,
    effective_at: Instant | Omitted | None = OMITTED,
    due_on: Day | Omitted | None = OMITTED,
    products: list[str] | Omitted | None = OMITTED,
    significant: bool | Omitted | None = OMITTED,
    idempotency_key: str | None = None,
    x_correlation_id: str | None = None,
) -> Request[certification_types.Recorded]:
    """Terms of a portal change were wrong: from the recording on, it counts as announced so (R38)."""
    return Request.of(
        "POST /certification/v1/portal-changes/{portal_change_id}/corrections",
        locals(),
        body="needed",
        headers=RECORDING,
    )


def portal_changes(
    *,
    min_position: int | None = None,
    at: Instant | None = None,
    known_at: Instant | None = None,
    known_position: int | None = None,
    limit: int | None = None,
    after: str | None = None,
) -> PagedRequest[compliance_types.PortalChangesAnswer, compliance_types.PortalChangeItem]:
    """The portal changes that are declared, with the terms in force (R38): latest announced first."""
    return PagedRequest.of("GET /compliance/v1/portal-changes", locals(), items="portal_changes")


def portal_change(
    portal_change_id: str,
    *,
    min_position: int | None = None,
    at: Instant | None = None,
    known_at: Instant | None = None,
    known_position: int | None = None,
) -> Request[compliance_types.PortalChangeAnswer]:
    """One portal change, with the terms in force (R38); 404 while none of this id is declared."""
    return Request.of("GET /compliance/v1/portal-changes/{portal_change_id}", locals())


def notifications(
    portal_change_id: str,
    *,
    min_position: int | None = None,
    at: Instant | None = None,
    known_at: Instant | None = None,
    known_position: int | None = None,
) -> ListRequest[compliance_types.NotificationsAnswer]:
    """The partners to whom the portal change is communicated: those enrolled at its announcement (R27)."""
    return ListRequest.of("GET /compliance/v1/portal-changes/{portal_change_id}/notifications", locals())


def progress(
    portal_change_id: str, *, min_position: int | None = None, partner_id: Sequence[str] | None = None
) -> Request[compliance_types.ProgressAnswer]:
    """How far partners are now: how much maintenance the portal change asked of their people, and how much they
    owe.
    """
    return Request.of("GET /compliance/v1/portal-changes/{portal_change_id}/progress", locals())
