"""Calls about portal changes. Written by `python -m tests.client.generator --write`; do not edit."""

from sagecert_client.request import (
    JSON,
    OMITTED,
    Day,
    FileRequest,
    Instant,
    Omitted,
    PagedRequest,
    Request,
    body_of,
    path_of,
    query_of,
    recording,
)
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
    """The Provisioning Portal changes (R25, R27). After a void the id is free to be recorded again (R33).

    `POST /certification/v1/portal-changes`
    """
    return Request(
        method="POST",
        path=path_of("/certification/v1/portal-changes"),
        body=body_of(
            effective_at=effective_at,
            portal_change_id=portal_change_id,
            products=products,
            significant=significant,
            due_on=due_on,
            summary=summary,
        ),
        headers={**JSON, **recording(idempotency_key=idempotency_key, x_correlation_id=x_correlation_id)},
    )


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
    """Terms of a portal change were wrong: from the recording on, it counts as announced so (R38).

    `POST /certification/v1/portal-changes/{portal_change_id}/corrections`
    """
    return Request(
        method="POST",
        path=path_of(
            "/certification/v1/portal-changes/{portal_change_id}/corrections", portal_change_id=portal_change_id
        ),
        body=body_of(
            effective_at=effective_at, due_on=due_on, products=products, significant=significant, reason=reason
        ),
        headers={**JSON, **recording(idempotency_key=idempotency_key, x_correlation_id=x_correlation_id)},
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
    """The portal changes that are declared, with the terms in force (R38): latest announced first.

    `GET /compliance/v1/portal-changes`
    """
    return PagedRequest(
        method="GET",
        path=path_of("/compliance/v1/portal-changes"),
        query=query_of(
            min_position=min_position, at=at, known_at=known_at, known_position=known_position, limit=limit, after=after
        ),
        items="portal_changes",
    )


def notifications(
    portal_change_id: str,
    *,
    min_position: int | None = None,
    at: Instant | None = None,
    known_at: Instant | None = None,
    known_position: int | None = None,
) -> Request[compliance_types.NotificationsAnswer]:
    """The partners to whom the portal change is communicated: those enrolled at its announcement (R27).

    `GET /compliance/v1/portal-changes/{portal_change_id}/notifications`
    """
    return Request(
        method="GET",
        path=path_of(
            "/compliance/v1/portal-changes/{portal_change_id}/notifications", portal_change_id=portal_change_id
        ),
        query=query_of(min_position=min_position, at=at, known_at=known_at, known_position=known_position),
    )


def portal_changes_table(
    *,
    min_position: int | None = None,
    at: Instant | None = None,
    known_at: Instant | None = None,
    known_position: int | None = None,
) -> FileRequest:
    """The portal changes that are declared, with the terms in force (R38): latest announced first. As a
    table: the whole list, in CSV (RFC 4180).

    `GET /compliance/v1/portal-changes.csv`
    """
    return FileRequest(
        method="GET",
        path=path_of("/compliance/v1/portal-changes.csv"),
        query=query_of(min_position=min_position, at=at, known_at=known_at, known_position=known_position),
    )


def notifications_table(
    portal_change_id: str,
    *,
    min_position: int | None = None,
    at: Instant | None = None,
    known_at: Instant | None = None,
    known_position: int | None = None,
) -> FileRequest:
    """The partners to whom the portal change is communicated: those enrolled at its announcement (R27). As
    a table: the whole list, in CSV (RFC 4180).

    `GET /compliance/v1/portal-changes/{portal_change_id}/notifications.csv`
    """
    return FileRequest(
        method="GET",
        path=path_of(
            "/compliance/v1/portal-changes/{portal_change_id}/notifications.csv", portal_change_id=portal_change_id
        ),
        query=query_of(min_position=min_position, at=at, known_at=known_at, known_position=known_position),
    )
