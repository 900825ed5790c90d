"""Calls about consultants. Written by `python -m tests.client.generator --write`; do not edit."""

from sagecert_client.request import OMITTED, RECORDING, Instant, Omitted, Request
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
    """A consultant completed the course, or the training for a portal change (R4, R25)."""
    return Request.of("POST /certification/v1/course-completions", locals(), body="needed", headers=RECORDING)


def recognise_certification(
    *,
    consultant_id: str,
    product: str,
    effective_at: Instant | Omitted | None = OMITTED,
    evidence: str | Omitted | None = OMITTED,
    idempotency_key: str | None = None,
    x_correlation_id: str | None = None,
) -> Request[certification_types.Recorded]:
    """Sage recognises a consultant as certified."""
    return Request.of("POST /certification/v1/recognised-certifications", locals(), body="needed", headers=RECORDING)


def revoke_certification(
    *,
    consultant_id: str,
    product: str,
    reason: str,
    effective_at: Instant | Omitted | None = OMITTED,
    idempotency_key: str | None = None,
    x_correlation_id: str | None = None,
) -> Request[certification_types.Recorded]:
    """Sage ended a consultant's certification (R37)."""
    return Request.of("POST /certification/v1/certification-revocations", locals(), body="needed", headers=RECORDING)


def profile(consultant_id: str) -> Request[certification_types.ProfileAnswer]:
    """The profile; 404 if there is none, or it was erased."""
    return Request.of("GET /certification/v1/consultants/{consultant_id}/profile", locals())


def keep_profile(consultant_id: str, *, name: str, email: str) -> Request[certification_types.ProfileAnswer]:
    """Keeps the profile in place of an earlier one. Never part of a fact."""
    return Request.of("PUT /certification/v1/consultants/{consultant_id}/profile", locals(), body="needed")


def erase_profile(consultant_id: str) -> Request[None]:
    """Erases the profile, if there is one."""
    return Request.of("DELETE /certification/v1/consultants/{consultant_id}/profile", locals())


def certifications(
    consultant_id: str,
    *,
    min_position: int | None = None,
    at: Instant | None = None,
    known_at: Instant | None = None,
    known_position: int | None = None,
) -> Request[compliance_types.ConsultantCertificationsAnswer]:
    """For each product: whether the person is certified (R4), may use the portal (R1), and what it lacks for it."""
    return Request.of("GET /compliance/v1/consultants/{consultant_id}/certifications", locals())


def certification(
    consultant_id: str,
    product: str,
    *,
    min_position: int | None = None,
    at: Instant | None = None,
    known_at: Instant | None = None,
    known_position: int | None = None,
) -> Request[compliance_types.ConsultantAnswer]:
    """Whether the person is certified for the product (R4) and may use the portal for it (R1)."""
    return Request.of("GET /compliance/v1/consultants/{consultant_id}/certifications/{product}", locals())
