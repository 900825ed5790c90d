"""Calls about policy. Written by `python -m tests.client.generator --write`; do not edit."""

from sagecert_client.request import OMITTED, RECORDING, Instant, Omitted, Request
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
    """The policy changes from an instant on, now or later (R39). After a void the id is free again (R33)."""
    return Request.of("POST /certification/v1/policy-revisions", locals(), body="needed", headers=RECORDING)


def policy(
    *,
    min_position: int | None = None,
    at: Instant | None = None,
    known_at: Instant | None = None,
    known_position: int | None = None,
    coming: int | None = None,
) -> Request[compliance_types.PolicyAnswer]:
    """The policy in force at `at`, which may lie in the future, as known at `known_at` (R39)."""
    return Request.of("GET /compliance/v1/policy", locals())
