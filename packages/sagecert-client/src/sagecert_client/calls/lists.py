"""Calls about lists. Written by `python -m tests.client.generator --write`; do not edit."""

from collections.abc import Sequence
from typing import Literal

from sagecert_client.request import FileRequest, Instant, PagedRequest, path_of, query_of
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
    """Partners and products in order of their ids. `next` is null on the last page; go on with it as
    `after`.

    `GET /compliance/v1/partners`
    """
    return PagedRequest(
        method="GET",
        path=path_of("/compliance/v1/partners"),
        query=query_of(
            min_position=min_position,
            at=at,
            known_at=known_at,
            known_position=known_position,
            limit=limit,
            status=status,
            product=product,
            q=q,
            after=after,
        ),
        items="partners",
    )


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
    """Replacement windows, soonest deadline first. `next` is null on the last page; go on with it as
    `after`.

    `GET /compliance/v1/windows`
    """
    return PagedRequest(
        method="GET",
        path=path_of("/compliance/v1/windows"),
        query=query_of(
            min_position=min_position,
            at=at,
            known_at=known_at,
            known_position=known_position,
            limit=limit,
            status=status,
            product=product,
            due_before=due_before,
            after=after,
        ),
        items="windows",
    )


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
    """Everybody who was ever linked to a partner, by product: certified since when, or what is missing for
    it.

    `GET /compliance/v1/consultants`
    """
    return PagedRequest(
        method="GET",
        path=path_of("/compliance/v1/consultants"),
        query=query_of(
            min_position=min_position,
            at=at,
            known_at=known_at,
            known_position=known_position,
            limit=limit,
            product=product,
            certified=certified,
            after=after,
            partner_id=partner_id,
            q=q,
        ),
        items="consultants",
    )


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
    """Everybody who is linked to the partner, by product: certified since when, or what is missing for it.

    `GET /compliance/v1/partners/{partner_id}/consultants`
    """
    return PagedRequest(
        method="GET",
        path=path_of("/compliance/v1/partners/{partner_id}/consultants", partner_id=partner_id),
        query=query_of(
            min_position=min_position,
            at=at,
            known_at=known_at,
            known_position=known_position,
            limit=limit,
            product=product,
            certified=certified,
            after=after,
        ),
        items="consultants",
    )


def maintenance(
    *,
    min_position: int | None = None,
    at: Instant | None = None,
    known_at: Instant | None = None,
    known_position: int | None = None,
    limit: int | None = None,
    due_before: str | None = None,
    portal_change_id: str | None = None,
    product: str | None = None,
    partner_id: str | None = None,
    after: str | None = None,
) -> PagedRequest[compliance_types.MaintenanceAnswer, compliance_types.MaintenanceItem]:
    """The maintenance that people owe (R25): announced, not complete, and nothing newer makes them free of
    it.

    `GET /compliance/v1/maintenance`
    """
    return PagedRequest(
        method="GET",
        path=path_of("/compliance/v1/maintenance"),
        query=query_of(
            min_position=min_position,
            at=at,
            known_at=known_at,
            known_position=known_position,
            limit=limit,
            due_before=due_before,
            portal_change_id=portal_change_id,
            product=product,
            partner_id=partner_id,
            after=after,
        ),
        items="maintenance",
    )


def calendar(*, min_position: int | None = None) -> FileRequest:
    """Deadlines of open replacement windows, and days by which maintenance is due, of every partner: a
    calendar.

    `GET /compliance/v1/due-days.ics`
    """
    return FileRequest(
        method="GET", path=path_of("/compliance/v1/due-days.ics"), query=query_of(min_position=min_position)
    )


def feed(*, min_position: int | None = None) -> FileRequest:
    """The same as an Atom feed: an entry for each day, as long as it lies ahead.

    `GET /compliance/v1/due-days.atom`
    """
    return FileRequest(
        method="GET", path=path_of("/compliance/v1/due-days.atom"), query=query_of(min_position=min_position)
    )


def calendar_of_partner(partner_id: str, *, min_position: int | None = None) -> FileRequest:
    """Deadlines of the partner's open replacement windows, and days by which maintenance is due: a
    calendar.

    `GET /compliance/v1/partners/{partner_id}/due-days.ics`
    """
    return FileRequest(
        method="GET",
        path=path_of("/compliance/v1/partners/{partner_id}/due-days.ics", partner_id=partner_id),
        query=query_of(min_position=min_position),
    )


def feed_of_partner(partner_id: str, *, min_position: int | None = None) -> FileRequest:
    """The same as an Atom feed.

    `GET /compliance/v1/partners/{partner_id}/due-days.atom`
    """
    return FileRequest(
        method="GET",
        path=path_of("/compliance/v1/partners/{partner_id}/due-days.atom", partner_id=partner_id),
        query=query_of(min_position=min_position),
    )


def partners_table(
    *,
    min_position: int | None = None,
    at: Instant | None = None,
    known_at: Instant | None = None,
    known_position: int | None = None,
    status: Sequence[Literal["not_enrolled", "not_yet_authorised", "compliant", "in_window", "suspended"]]
    | None = None,
    product: str | None = None,
    q: str | None = None,
) -> FileRequest:
    """Partners and products in order of their ids. `next` is null on the last page; go on with it as
    `after`. As a table: the whole list, in CSV (RFC 4180).

    `GET /compliance/v1/partners.csv`
    """
    return FileRequest(
        method="GET",
        path=path_of("/compliance/v1/partners.csv"),
        query=query_of(
            min_position=min_position,
            at=at,
            known_at=known_at,
            known_position=known_position,
            status=status,
            product=product,
            q=q,
        ),
    )


def windows_table(
    *,
    min_position: int | None = None,
    at: Instant | None = None,
    known_at: Instant | None = None,
    known_position: int | None = None,
    status: Literal["open", "closed", "expired", "closed_late", "void"] | None = None,
    product: str | None = None,
    due_before: str | None = None,
) -> FileRequest:
    """Replacement windows, soonest deadline first. `next` is null on the last page; go on with it as
    `after`. As a table: the whole list, in CSV (RFC 4180).

    `GET /compliance/v1/windows.csv`
    """
    return FileRequest(
        method="GET",
        path=path_of("/compliance/v1/windows.csv"),
        query=query_of(
            min_position=min_position,
            at=at,
            known_at=known_at,
            known_position=known_position,
            status=status,
            product=product,
            due_before=due_before,
        ),
    )


def consultants_table(
    *,
    min_position: int | None = None,
    at: Instant | None = None,
    known_at: Instant | None = None,
    known_position: int | None = None,
    product: str | None = None,
    certified: Literal["true", "false"] | None = None,
    partner_id: str | None = None,
    q: str | None = None,
) -> FileRequest:
    """Everybody who was ever linked to a partner, by product: certified since when, or what is missing for
    it. As a table: the whole list, in CSV (RFC 4180).

    `GET /compliance/v1/consultants.csv`
    """
    return FileRequest(
        method="GET",
        path=path_of("/compliance/v1/consultants.csv"),
        query=query_of(
            min_position=min_position,
            at=at,
            known_at=known_at,
            known_position=known_position,
            product=product,
            certified=certified,
            partner_id=partner_id,
            q=q,
        ),
    )


def consultants_of_partner_table(
    partner_id: str,
    *,
    min_position: int | None = None,
    at: Instant | None = None,
    known_at: Instant | None = None,
    known_position: int | None = None,
    product: str | None = None,
    certified: Literal["true", "false"] | None = None,
) -> FileRequest:
    """Everybody who is linked to the partner, by product: certified since when, or what is missing for it.
    As a table: the whole list, in CSV (RFC 4180).

    `GET /compliance/v1/partners/{partner_id}/consultants.csv`
    """
    return FileRequest(
        method="GET",
        path=path_of("/compliance/v1/partners/{partner_id}/consultants.csv", partner_id=partner_id),
        query=query_of(
            min_position=min_position,
            at=at,
            known_at=known_at,
            known_position=known_position,
            product=product,
            certified=certified,
        ),
    )


def maintenance_table(
    *,
    min_position: int | None = None,
    at: Instant | None = None,
    known_at: Instant | None = None,
    known_position: int | None = None,
    due_before: str | None = None,
    portal_change_id: str | None = None,
    product: str | None = None,
    partner_id: str | None = None,
) -> FileRequest:
    """The maintenance that people owe (R25): announced, not complete, and nothing newer makes them free of
    it. As a table: the whole list, in CSV (RFC 4180).

    `GET /compliance/v1/maintenance.csv`
    """
    return FileRequest(
        method="GET",
        path=path_of("/compliance/v1/maintenance.csv"),
        query=query_of(
            min_position=min_position,
            at=at,
            known_at=known_at,
            known_position=known_position,
            due_before=due_before,
            portal_change_id=portal_change_id,
            product=product,
            partner_id=partner_id,
        ),
    )
