"""Calls about policy. Written by `python -m tests.client.generator --write`; do not edit."""

from sagecert_client.request import JSON, OMITTED, Instant, Omitted, Request, body_of, path_of, query_of, recording
from sagecert_client.types import certification as certification_types
from sagecert_client.types import compliance as compliance_types


def revise_policy(
    *,
    policy_id: str,
    reason: str,
    effective_at: Instant | Omitted | None = OMITTED,
    window_days: int | Omitted | None = OMITTED,
    minimum: certification_types.Minimum | Omitted | None = OMITTED,
    programmes: list[str] | Omitted | None = OMITTED,
    reminder_days: list[int] | Omitted | None = OMITTED,
    idempotency_key: str | None = None,
    x_correlation_id: str | None = None,
) -> Request[certification_types.Recorded]:
    """The policy changes from an instant on, now or later (R39). After a void the id is free again (R33).

    `POST /certification/v1/policy-revisions`
    """
    return Request(
        method="POST",
        path=path_of("/certification/v1/policy-revisions"),
        body=body_of(
            effective_at=effective_at,
            policy_id=policy_id,
            window_days=window_days,
            minimum=minimum,
            programmes=programmes,
            reminder_days=reminder_days,
            reason=reason,
        ),
        headers={**JSON, **recording(idempotency_key=idempotency_key, x_correlation_id=x_correlation_id)},
    )


def policy(
    *,
    min_position: int | None = None,
    at: Instant | None = None,
    known_at: Instant | None = None,
    known_position: int | None = None,
) -> Request[compliance_types.PolicyAnswer]:
    """The policy in force at `at`, which may lie in the future, as known at `known_at` (R39).

    `GET /compliance/v1/policy`
    """
    return Request(
        method="GET",
        path=path_of("/compliance/v1/policy"),
        query=query_of(min_position=min_position, at=at, known_at=known_at, known_position=known_position),
    )
