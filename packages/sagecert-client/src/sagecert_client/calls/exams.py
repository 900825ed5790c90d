"""Calls about exams. Written by `python -m tests.client.generator --write`; do not edit."""

from sagecert_client.request import OMITTED, RECORDING, Instant, Omitted, PagedRequest, Request
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
    """A consultant was registered for an exam and has two attempts (R5)."""
    return Request.of("POST /certification/v1/exam-registrations", locals(), body="needed", headers=RECORDING)


def registrations(
    *,
    consultant_id: str,
    at: Instant | None = None,
    known_at: Instant | None = None,
    after: int | None = None,
    limit: int | None = None,
) -> PagedRequest[certification_types.RegistrationsAnswer, certification_types.RegistrationAnswer]:
    """How far each registration of a person has come, as of any instant; both default to now. Latest recorded
    first.
    """
    return PagedRequest.of("GET /certification/v1/exam-registrations", locals(), items="registrations")


def score_attempt(
    registration_id: str,
    *,
    attempt: int,
    score: str,
    effective_at: Instant | Omitted | None = OMITTED,
    idempotency_key: str | None = None,
    x_correlation_id: str | None = None,
) -> Request[certification_types.Recorded]:
    """An attempt was scored; held while its registration is not recorded, or voided (R33, R35)."""
    return Request.of(
        "POST /certification/v1/exam-registrations/{registration_id}/attempts",
        locals(),
        body="needed",
        headers=RECORDING,
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
    """The score of an attempt was wrong; held while its attempt is not recorded, or voided (R32, R33, R35)."""
    return Request.of(
        "POST /certification/v1/exam-registrations/{registration_id}/attempts/{attempt}/corrections",
        locals(),
        body="needed",
        headers=RECORDING,
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
    """States the score of the attempt: it is recorded, corrected from now on, or known already (R32)."""
    return Request.of(
        "PUT /certification/v1/exam-registrations/{registration_id}/attempts/{attempt}",
        locals(),
        body="needed",
        headers=("x_correlation_id",),
    )


def registration(
    registration_id: str, *, at: Instant | None = None, known_at: Instant | None = None
) -> Request[certification_types.RegistrationAnswer]:
    """How far a registration has come, as of any instant; both default to now. 404 while it is voided (R33)."""
    return Request.of("GET /certification/v1/exam-registrations/{registration_id}", locals())
