"""Calls about partners. Written by `python -m tests.client.generator --write`; do not edit."""

from typing import Any, Literal

from sagecert_client.request import OMITTED, RECORDING, Instant, ListRequest, Omitted, PagedRequest, Request
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
    """A partner enrolled, or enrolled again (R11)."""
    return Request.of("POST /certification/v1/partners", locals(), body="needed", headers=RECORDING)


def change_kind(
    partner_id: str,
    *,
    kind: Literal["VAR", "DEVELOPER"],
    effective_at: Instant | Omitted | None = OMITTED,
    idempotency_key: str | None = None,
    x_correlation_id: str | None = None,
) -> Request[certification_types.Recorded]:
    """A partner became a VAR or developer-only (R22)."""
    return Request.of(
        "POST /certification/v1/partners/{partner_id}/kind-changes", locals(), body="needed", headers=RECORDING
    )


def change_programme(
    partner_id: str,
    *,
    programme: str,
    effective_at: Instant | Omitted | None = OMITTED,
    idempotency_key: str | None = None,
    x_correlation_id: str | None = None,
) -> Request[certification_types.Recorded]:
    """A partner changed or left its programme (R11, R28)."""
    return Request.of(
        "POST /certification/v1/partners/{partner_id}/programme-changes", locals(), body="needed", headers=RECORDING
    )


def close_partner(
    partner_id: str,
    *,
    effective_at: Instant | Omitted | None = OMITTED,
    idempotency_key: str | None = None,
    x_correlation_id: str | None = None,
) -> Request[certification_types.Recorded]:
    """A partner went out of business (R28, R29)."""
    return Request.of(
        "POST /certification/v1/partners/{partner_id}/closure", locals(), body="optional", headers=RECORDING
    )


def merge_partner(
    partner_id: str,
    *,
    into: str,
    effective_at: Instant | Omitted | None = OMITTED,
    idempotency_key: str | None = None,
    x_correlation_id: str | None = None,
) -> Request[certification_types.Recorded]:
    """A partner was merged into another (R28, R29)."""
    return Request.of("POST /certification/v1/partners/{partner_id}/merger", locals(), body="needed", headers=RECORDING)


def link_consultant(
    partner_id: str,
    *,
    consultant_id: str,
    effective_at: Instant | Omitted | None = OMITTED,
    idempotency_key: str | None = None,
    x_correlation_id: str | None = None,
) -> Request[certification_types.Recorded]:
    """A consultant works for a partner (R23); the partner need not be enrolled yet."""
    return Request.of(
        "POST /certification/v1/partners/{partner_id}/consultants", locals(), body="needed", headers=RECORDING
    )


def state_consultants(
    partner_id: str,
    *,
    consultant_ids: list[str],
    as_of: Instant | Omitted | None = OMITTED,
    dry_run: bool | Omitted = OMITTED,
    x_correlation_id: str | None = None,
) -> Request[certification_types.ConsultantsAnswer]:
    """Exactly these people are linked to the partner at `as_of`: links and departures are recorded where they
    differ.
    """
    return Request.of(
        "PUT /certification/v1/partners/{partner_id}/consultants",
        locals(),
        body="needed",
        headers=("x_correlation_id",),
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
    """A consultant left a partner; the fact changes nothing if the consultant is not linked."""
    return Request.of(
        "POST /certification/v1/partners/{partner_id}/departures", locals(), body="needed", headers=RECORDING
    )


def partner_profile(partner_id: str) -> Request[certification_types.PartnerProfile]:
    """The profile; 404 if there is none, or it was erased."""
    return Request.of("GET /certification/v1/partners/{partner_id}/profile", locals())


def keep_partner_profile(partner_id: str, *, name: str) -> Request[certification_types.PartnerProfile]:
    """Keeps the profile in place of an earlier one, or of the name that came with an enrolment."""
    return Request.of("PUT /certification/v1/partners/{partner_id}/profile", locals(), body="needed")


def erase_partner_profile(partner_id: str) -> Request[None]:
    """Erases the profile, if there is one. A repeated enrolment with its name is then refused (422)."""
    return Request.of("DELETE /certification/v1/partners/{partner_id}/profile", locals())


def compliance(
    partner_id: str,
    product: str,
    *,
    min_position: int | None = None,
    at: Instant | None = None,
    known_at: Instant | None = None,
    known_position: int | None = None,
) -> Request[compliance_types.ComplianceAnswer]:
    """How the partner stands for the product: headcount, status, windows, suspensions, and why."""
    return Request.of("GET /compliance/v1/partners/{partner_id}/compliance/{product}", locals())


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
    """Whether the partner may sell the product to new customers (R12, R19), or maintain existing ones (R20)."""
    return Request.of("GET /compliance/v1/partners/{partner_id}/authorisations/{product}", locals())


def every_product(
    partner_id: str,
    *,
    min_position: int | None = None,
    at: Instant | None = None,
    known_at: Instant | None = None,
    known_position: int | None = None,
) -> Request[compliance_types.EveryProductAnswer]:
    """How the partner stands for each product that is sold."""
    return Request.of("GET /compliance/v1/partners/{partner_id}", locals())


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
    """Every fact, notice, window and suspension of the partner up to `at`, in the order in which they were true."""
    return PagedRequest.of("GET /compliance/v1/partners/{partner_id}/timeline", locals(), items="entries")


def standings(
    partner_id: str,
    *,
    min_position: int | None = None,
    at: Instant | None = None,
    known_at: Instant | None = None,
    known_position: int | None = None,
    limit: int | None = None,
) -> ListRequest[compliance_types.StandingsAnswer]:
    """Status, headcount and minimum of each product over time, and when each person was linked and counted."""
    return ListRequest.of("GET /compliance/v1/partners/{partner_id}/standings", locals())


def comparison(
    partner_id: str,
    *,
    min_position: int | None = None,
    at: Instant | None = None,
    known_at: Instant | None = None,
    known_position: int | None = None,
    happened: int | None = None,
) -> Request[compliance_types.PartnerComparisonAnswer]:
    """How the partner stands at a moment, at the same instant as known now, and now; and what happened since."""
    return Request.of("GET /compliance/v1/partners/{partner_id}/comparison", locals())
