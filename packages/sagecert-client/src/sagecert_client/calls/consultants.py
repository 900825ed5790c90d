"""Calls about consultants. Written by `python -m tests.client.generator --write`; do not edit."""

from sagecert_client.request import JSON, OMITTED, Instant, Omitted, Request, body_of, path_of, query_of, recording
from sagecert_client.types import certification as certification_types
from sagecert_client.types import compliance as compliance_types


def complete_course(
    *,
    consultant_id: str,
    product: str,
    effective_at: Instant | Omitted | None = OMITTED,
    portal_change_id: str | Omitted | None = OMITTED,
    idempotency_key: str | None = None,
    x_correlation_id: str | None = None,
) -> Request[certification_types.Recorded]:
    """A consultant completed the course, or the training for a portal change (R4, R25).

    `POST /certification/v1/course-completions`
    """
    return Request(
        method="POST",
        path=path_of("/certification/v1/course-completions"),
        body=body_of(
            effective_at=effective_at, consultant_id=consultant_id, product=product, portal_change_id=portal_change_id
        ),
        headers={**JSON, **recording(idempotency_key=idempotency_key, x_correlation_id=x_correlation_id)},
    )


def recognise_certification(
    *,
    consultant_id: str,
    product: str,
    effective_at: Instant | Omitted | None = OMITTED,
    evidence: str | Omitted | None = OMITTED,
    idempotency_key: str | None = None,
    x_correlation_id: str | None = None,
) -> Request[certification_types.Recorded]:
    """Sage recognises a consultant as certified.

    `POST /certification/v1/recognised-certifications`
    """
    return Request(
        method="POST",
        path=path_of("/certification/v1/recognised-certifications"),
        body=body_of(effective_at=effective_at, consultant_id=consultant_id, product=product, evidence=evidence),
        headers={**JSON, **recording(idempotency_key=idempotency_key, x_correlation_id=x_correlation_id)},
    )


def revoke_certification(
    *,
    consultant_id: str,
    product: str,
    reason: str,
    effective_at: Instant | Omitted | None = OMITTED,
    idempotency_key: str | None = None,
    x_correlation_id: str | None = None,
) -> Request[certification_types.Recorded]:
    """Sage ended a consultant's certification (R37).

    `POST /certification/v1/certification-revocations`
    """
    return Request(
        method="POST",
        path=path_of("/certification/v1/certification-revocations"),
        body=body_of(effective_at=effective_at, consultant_id=consultant_id, product=product, reason=reason),
        headers={**JSON, **recording(idempotency_key=idempotency_key, x_correlation_id=x_correlation_id)},
    )


def profile(consultant_id: str) -> Request[certification_types.ProfileAnswer]:
    """The profile; 404 where there is none, or none any more.

    `GET /certification/v1/consultants/{consultant_id}/profile`
    """
    return Request(
        method="GET", path=path_of("/certification/v1/consultants/{consultant_id}/profile", consultant_id=consultant_id)
    )


def keep_profile(consultant_id: str, *, name: str, email: str) -> Request[certification_types.ProfileAnswer]:
    """Keeps the profile in place of an earlier one. Never part of a fact.

    `PUT /certification/v1/consultants/{consultant_id}/profile`
    """
    return Request(
        method="PUT",
        path=path_of("/certification/v1/consultants/{consultant_id}/profile", consultant_id=consultant_id),
        body=body_of(name=name, email=email),
        headers=JSON,
    )


def erase_profile(consultant_id: str) -> Request[None]:
    """Erases the profile, if there is one.

    `DELETE /certification/v1/consultants/{consultant_id}/profile`
    """
    return Request(
        method="DELETE",
        path=path_of("/certification/v1/consultants/{consultant_id}/profile", consultant_id=consultant_id),
    )


def certification(
    consultant_id: str,
    product: str,
    *,
    min_position: int | None = None,
    at: Instant | None = None,
    known_at: Instant | None = None,
    known_position: int | None = None,
) -> Request[compliance_types.ConsultantAnswer]:
    """Whether the person is certified for the product (R4) and may use the portal for it (R1).

    `GET /compliance/v1/consultants/{consultant_id}/certifications/{product}`
    """
    return Request(
        method="GET",
        path=path_of(
            "/compliance/v1/consultants/{consultant_id}/certifications/{product}",
            consultant_id=consultant_id,
            product=product,
        ),
        query=query_of(min_position=min_position, at=at, known_at=known_at, known_position=known_position),
    )
