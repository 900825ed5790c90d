"""Calls about exams. Written by `python -m tests.client.generator --write`; do not edit."""

from sagecert_client.request import (
    JSON,
    OMITTED,
    Instant,
    Omitted,
    Request,
    body_of,
    headers_of,
    path_of,
    query_of,
    recording,
)
from sagecert_client.types import certification as certification_types


def register(
    *,
    registration_id: str,
    consultant_id: str,
    product: str,
    effective_at: Instant | Omitted | None = OMITTED,
    portal_change_id: str | Omitted | None = OMITTED,
    idempotency_key: str | None = None,
    x_correlation_id: str | None = None,
) -> Request[certification_types.Recorded]:
    """A consultant was registered for an exam and has two attempts (R5).

    `POST /certification/v1/exam-registrations`
    """
    return Request(
        method="POST",
        path=path_of("/certification/v1/exam-registrations"),
        body=body_of(
            effective_at=effective_at,
            registration_id=registration_id,
            consultant_id=consultant_id,
            product=product,
            portal_change_id=portal_change_id,
        ),
        headers={**JSON, **recording(idempotency_key=idempotency_key, x_correlation_id=x_correlation_id)},
    )


def score_attempt(
    registration_id: str,
    *,
    attempt: int,
    score: str,
    effective_at: Instant | Omitted | None = OMITTED,
    idempotency_key: str | None = None,
    x_correlation_id: str | None = None,
) -> Request[certification_types.Recorded]:
    """An attempt was scored; held while its registration is not recorded, or voided (R33, R35).

    `POST /certification/v1/exam-registrations/{registration_id}/attempts`
    """
    return Request(
        method="POST",
        path=path_of(
            "/certification/v1/exam-registrations/{registration_id}/attempts", registration_id=registration_id
        ),
        body=body_of(effective_at=effective_at, attempt=attempt, score=score),
        headers={**JSON, **recording(idempotency_key=idempotency_key, x_correlation_id=x_correlation_id)},
    )


def correct_score(
    registration_id: str,
    attempt: int,
    *,
    score: str,
    reason: str,
    effective_at: Instant | Omitted | None = OMITTED,
    idempotency_key: str | None = None,
    x_correlation_id: str | None = None,
) -> Request[certification_types.Recorded]:
    """The score of an attempt was wrong; held while its attempt is not recorded, or voided (R32, R33, R35).

    `POST /certification/v1/exam-registrations/{registration_id}/attempts/{attempt}/corrections`
    """
    return Request(
        method="POST",
        path=path_of(
            "/certification/v1/exam-registrations/{registration_id}/attempts/{attempt}/corrections",
            registration_id=registration_id,
            attempt=attempt,
        ),
        body=body_of(effective_at=effective_at, score=score, reason=reason),
        headers={**JSON, **recording(idempotency_key=idempotency_key, x_correlation_id=x_correlation_id)},
    )


def state_score(
    registration_id: str,
    attempt: int,
    *,
    score: str,
    scored_at: Instant | Omitted | None = OMITTED,
    reason: str | Omitted | None = OMITTED,
    x_correlation_id: str | None = None,
) -> Request[certification_types.ScoreAnswer]:
    """The attempt has this score: it is recorded, or corrected from now on, or nothing is done (R32).

    `PUT /certification/v1/exam-registrations/{registration_id}/attempts/{attempt}`
    """
    return Request(
        method="PUT",
        path=path_of(
            "/certification/v1/exam-registrations/{registration_id}/attempts/{attempt}",
            registration_id=registration_id,
            attempt=attempt,
        ),
        body=body_of(score=score, scored_at=scored_at, reason=reason),
        headers={**JSON, **headers_of(x_correlation_id=x_correlation_id)},
    )


def registration(
    registration_id: str, *, at: Instant | None = None, known_at: Instant | None = None
) -> Request[certification_types.RegistrationAnswer]:
    """How far a registration has come, as of any instant; both default to now. 404 while it is voided
    (R33).

    `GET /certification/v1/exam-registrations/{registration_id}`
    """
    return Request(
        method="GET",
        path=path_of("/certification/v1/exam-registrations/{registration_id}", registration_id=registration_id),
        query=query_of(at=at, known_at=known_at),
    )
