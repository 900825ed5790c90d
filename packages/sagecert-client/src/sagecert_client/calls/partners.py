"""Calls about partners. Written by `python -m tests.client.generator --write`; do not edit."""

from typing import Any, Literal

from sagecert_client.request import (
    JSON,
    OMITTED,
    FileRequest,
    Instant,
    Omitted,
    PagedRequest,
    Request,
    body_of,
    headers_of,
    optional_body_of,
    path_of,
    query_of,
    recording,
)
from sagecert_client.types import certification as certification_types
from sagecert_client.types import compliance as compliance_types


def enrol_partner(
    *,
    partner_id: str,
    kind: Literal["VAR", "DEVELOPER"],
    programme: str,
    effective_at: Instant | Omitted | None = OMITTED,
    name: str | Omitted | None = OMITTED,
    idempotency_key: str | None = None,
    x_correlation_id: str | None = None,
) -> Request[certification_types.Recorded]:
    """A partner enrolled, or enrolled again (R11).

    `POST /certification/v1/partners`
    """
    return Request(
        method="POST",
        path=path_of("/certification/v1/partners"),
        body=body_of(effective_at=effective_at, partner_id=partner_id, kind=kind, programme=programme, name=name),
        headers={**JSON, **recording(idempotency_key=idempotency_key, x_correlation_id=x_correlation_id)},
    )


def change_kind(
    partner_id: str,
    *,
    kind: Literal["VAR", "DEVELOPER"],
    effective_at: Instant | Omitted | None = OMITTED,
    idempotency_key: str | None = None,
    x_correlation_id: str | None = None,
) -> Request[certification_types.Recorded]:
    """A partner became a VAR or developer-only (R22).

    `POST /certification/v1/partners/{partner_id}/kind-changes`
    """
    return Request(
        method="POST",
        path=path_of("/certification/v1/partners/{partner_id}/kind-changes", partner_id=partner_id),
        body=body_of(effective_at=effective_at, kind=kind),
        headers={**JSON, **recording(idempotency_key=idempotency_key, x_correlation_id=x_correlation_id)},
    )


def change_programme(
    partner_id: str,
    *,
    programme: str,
    effective_at: Instant | Omitted | None = OMITTED,
    idempotency_key: str | None = None,
    x_correlation_id: str | None = None,
) -> Request[certification_types.Recorded]:
    """A partner changed or left its programme (R11, R28).

    `POST /certification/v1/partners/{partner_id}/programme-changes`
    """
    return Request(
        method="POST",
        path=path_of("/certification/v1/partners/{partner_id}/programme-changes", partner_id=partner_id),
        body=body_of(effective_at=effective_at, programme=programme),
        headers={**JSON, **recording(idempotency_key=idempotency_key, x_correlation_id=x_correlation_id)},
    )


def close_partner(
    partner_id: str,
    *,
    effective_at: Instant | Omitted | None = OMITTED,
    idempotency_key: str | None = None,
    x_correlation_id: str | None = None,
) -> Request[certification_types.Recorded]:
    """A partner went out of business (R28, R29).

    `POST /certification/v1/partners/{partner_id}/closure`
    """
    return Request(
        method="POST",
        path=path_of("/certification/v1/partners/{partner_id}/closure", partner_id=partner_id),
        body=optional_body_of(effective_at=effective_at),
        headers={**JSON, **recording(idempotency_key=idempotency_key, x_correlation_id=x_correlation_id)},
    )


def merge_partner(
    partner_id: str,
    *,
    into: str,
    effective_at: Instant | Omitted | None = OMITTED,
    idempotency_key: str | None = None,
    x_correlation_id: str | None = None,
) -> Request[certification_types.Recorded]:
    """A partner was merged into another (R28, R29).

    `POST /certification/v1/partners/{partner_id}/merger`
    """
    return Request(
        method="POST",
        path=path_of("/certification/v1/partners/{partner_id}/merger", partner_id=partner_id),
        body=body_of(effective_at=effective_at, into=into),
        headers={**JSON, **recording(idempotency_key=idempotency_key, x_correlation_id=x_correlation_id)},
    )


def link_consultant(
    partner_id: str,
    *,
    consultant_id: str,
    effective_at: Instant | Omitted | None = OMITTED,
    idempotency_key: str | None = None,
    x_correlation_id: str | None = None,
) -> Request[certification_types.Recorded]:
    """A consultant works for a partner (R23); the partner need not be enrolled yet.

    `POST /certification/v1/partners/{partner_id}/consultants`
    """
    return Request(
        method="POST",
        path=path_of("/certification/v1/partners/{partner_id}/consultants", partner_id=partner_id),
        body=body_of(effective_at=effective_at, consultant_id=consultant_id),
        headers={**JSON, **recording(idempotency_key=idempotency_key, x_correlation_id=x_correlation_id)},
    )


def state_consultants(
    partner_id: str,
    *,
    consultant_ids: list[str],
    as_of: Instant | Omitted | None = OMITTED,
    dry_run: bool | Omitted = OMITTED,
    x_correlation_id: str | None = None,
) -> Request[certification_types.ConsultantsAnswer]:
    """Exactly these people are linked to the partner at `as_of`: links and departures are recorded where
    they differ.

    `PUT /certification/v1/partners/{partner_id}/consultants`
    """
    return Request(
        method="PUT",
        path=path_of("/certification/v1/partners/{partner_id}/consultants", partner_id=partner_id),
        body=body_of(consultant_ids=consultant_ids, as_of=as_of, dry_run=dry_run),
        headers={**JSON, **headers_of(x_correlation_id=x_correlation_id)},
    )


def record_departure(
    partner_id: str,
    *,
    consultant_id: str,
    effective_at: Instant | Omitted | None = OMITTED,
    reason: str | Omitted | None = OMITTED,
    idempotency_key: str | None = None,
    x_correlation_id: str | None = None,
) -> Request[certification_types.Recorded]:
    """A consultant left a partner; of somebody who is not linked it is recorded and changes nothing.

    `POST /certification/v1/partners/{partner_id}/departures`
    """
    return Request(
        method="POST",
        path=path_of("/certification/v1/partners/{partner_id}/departures", partner_id=partner_id),
        body=body_of(effective_at=effective_at, consultant_id=consultant_id, reason=reason),
        headers={**JSON, **recording(idempotency_key=idempotency_key, x_correlation_id=x_correlation_id)},
    )


def partner_profile(partner_id: str) -> Request[certification_types.PartnerProfile]:
    """The profile; 404 where there is none, or none any more.

    `GET /certification/v1/partners/{partner_id}/profile`
    """
    return Request(method="GET", path=path_of("/certification/v1/partners/{partner_id}/profile", partner_id=partner_id))


def keep_partner_profile(partner_id: str, *, name: str) -> Request[certification_types.PartnerProfile]:
    """Keeps the profile in place of an earlier one, or of the name that came with an enrolment.

    `PUT /certification/v1/partners/{partner_id}/profile`
    """
    return Request(
        method="PUT",
        path=path_of("/certification/v1/partners/{partner_id}/profile", partner_id=partner_id),
        body=body_of(name=name),
        headers=JSON,
    )


def erase_partner_profile(partner_id: str) -> Request[None]:
    """Erases the profile, if there is one. A repeated enrolment with its name is then refused (422).

    `DELETE /certification/v1/partners/{partner_id}/profile`
    """
    return Request(
        method="DELETE", path=path_of("/certification/v1/partners/{partner_id}/profile", partner_id=partner_id)
    )


def compliance(
    partner_id: str,
    product: str,
    *,
    min_position: int | None = None,
    at: Instant | None = None,
    known_at: Instant | None = None,
    known_position: int | None = None,
) -> Request[compliance_types.ComplianceAnswer]:
    """How the partner stands for the product: headcount, status, windows, suspensions, and why.

    `GET /compliance/v1/partners/{partner_id}/compliance/{product}`
    """
    return Request(
        method="GET",
        path=path_of(
            "/compliance/v1/partners/{partner_id}/compliance/{product}", partner_id=partner_id, product=product
        ),
        query=query_of(min_position=min_position, at=at, known_at=known_at, known_position=known_position),
    )


def authorisation(
    partner_id: str,
    product: str,
    *,
    customer: Literal["new", "existing"],
    min_position: int | None = None,
    at: Instant | None = None,
    known_at: Instant | None = None,
    known_position: int | None = None,
) -> Request[compliance_types.AuthorisationAnswer]:
    """Whether the partner may sell the product to new customers (R12, R19), or maintain existing ones
    (R20).

    `GET /compliance/v1/partners/{partner_id}/authorisations/{product}`
    """
    return Request(
        method="GET",
        path=path_of(
            "/compliance/v1/partners/{partner_id}/authorisations/{product}", partner_id=partner_id, product=product
        ),
        query=query_of(
            min_position=min_position, at=at, known_at=known_at, known_position=known_position, customer=customer
        ),
    )


def every_product(
    partner_id: str,
    *,
    min_position: int | None = None,
    at: Instant | None = None,
    known_at: Instant | None = None,
    known_position: int | None = None,
) -> Request[compliance_types.EveryProductAnswer]:
    """How the partner stands for each product that is sold.

    `GET /compliance/v1/partners/{partner_id}`
    """
    return Request(
        method="GET",
        path=path_of("/compliance/v1/partners/{partner_id}", partner_id=partner_id),
        query=query_of(min_position=min_position, at=at, known_at=known_at, known_position=known_position),
    )


def timeline(
    partner_id: str,
    *,
    min_position: int | None = None,
    at: Instant | None = None,
    known_at: Instant | None = None,
    known_position: int | None = None,
    limit: int | None = None,
    after: str | None = None,
) -> PagedRequest[compliance_types.TimelineAnswer, dict[str, Any]]:
    """Every fact, notice, window and suspension of the partner up to `at`, by the instant at which it was
    true.

    `GET /compliance/v1/partners/{partner_id}/timeline`
    """
    return PagedRequest(
        method="GET",
        path=path_of("/compliance/v1/partners/{partner_id}/timeline", partner_id=partner_id),
        query=query_of(
            min_position=min_position, at=at, known_at=known_at, known_position=known_position, limit=limit, after=after
        ),
        items="entries",
    )


def standings(
    partner_id: str,
    *,
    min_position: int | None = None,
    at: Instant | None = None,
    known_at: Instant | None = None,
    known_position: int | None = None,
    limit: int | None = None,
) -> Request[compliance_types.StandingsAnswer]:
    """Status, headcount and minimum of each product over time, and when each person was linked and counted.

    `GET /compliance/v1/partners/{partner_id}/standings`
    """
    return Request(
        method="GET",
        path=path_of("/compliance/v1/partners/{partner_id}/standings", partner_id=partner_id),
        query=query_of(min_position=min_position, at=at, known_at=known_at, known_position=known_position, limit=limit),
    )


def timeline_table(
    partner_id: str,
    *,
    min_position: int | None = None,
    at: Instant | None = None,
    known_at: Instant | None = None,
    known_position: int | None = None,
) -> FileRequest:
    """Every fact, notice, window and suspension of the partner up to `at`, by the instant at which it was
    true. As a table: the whole list, in CSV (RFC 4180).

    `GET /compliance/v1/partners/{partner_id}/timeline.csv`
    """
    return FileRequest(
        method="GET",
        path=path_of("/compliance/v1/partners/{partner_id}/timeline.csv", partner_id=partner_id),
        query=query_of(min_position=min_position, at=at, known_at=known_at, known_position=known_position),
    )


def standings_table(
    partner_id: str,
    *,
    min_position: int | None = None,
    at: Instant | None = None,
    known_at: Instant | None = None,
    known_position: int | None = None,
) -> FileRequest:
    """Status, headcount and minimum of each product over time, and when each person was linked and counted.
    As a table: the whole list, in CSV (RFC 4180).

    `GET /compliance/v1/partners/{partner_id}/standings.csv`
    """
    return FileRequest(
        method="GET",
        path=path_of("/compliance/v1/partners/{partner_id}/standings.csv", partner_id=partner_id),
        query=query_of(min_position=min_position, at=at, known_at=known_at, known_position=known_position),
    )
