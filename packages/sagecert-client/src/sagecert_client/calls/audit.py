"""Calls about audit. Written by `python -m tests.client.generator --write`; do not edit."""

from typing import Literal

from sagecert_client.request import OMITTED, Instant, ListRequest, Omitted, PagedRequest, Request
from sagecert_client.types import compliance as compliance_types


def explain_partner(
    partner_id: str,
    product: str,
    *,
    min_position: int | None = None,
    at: Instant | None = None,
    known_at: Instant | None = None,
    known_position: int | None = None,
    proofs: Literal["inline", "none"] | None = None,
) -> Request[compliance_types.ExplanationAnswer]:
    """Why the partner has this status for the product: each rule in words, with the arithmetic of each deadline."""
    return Request.of("GET /audit/v1/explanations/partners/{partner_id}/{product}", locals())


def partner_changes(
    partner_id: str,
    *,
    min_position: int | None = None,
    at: Instant | None = None,
    known_from: Instant | None = None,
    known_to: Instant | None = None,
    after: int | None = None,
    limit: int | None = None,
) -> PagedRequest[compliance_types.PartnerChangesAnswer, compliance_types.LearnedChange]:
    """What was learned between two instants that changed how the partner stands at `at`, and by which facts."""
    return PagedRequest.of("GET /audit/v1/partners/{partner_id}/changes", locals(), items="changes")


def claims(
    *, partner_id: str, after: int | None = None, limit: int | None = None
) -> PagedRequest[compliance_types.ClaimsAnswer, compliance_types.ClaimItem]:
    """The authorisation answers that were given about the partner, in order, each with a verdict."""
    return PagedRequest.of("GET /audit/v1/claims", locals(), items="claims")


def list_what_ifs() -> ListRequest[compliance_types.WhatIfsAnswer]:
    """Those that wait, the one that runs, and the last results."""
    return ListRequest.of("GET /audit/v1/what-ifs", locals())


def ask_what_if(
    *,
    window_days: int | Omitted | None = OMITTED,
    minimum: compliance_types.MinimumBody | Omitted | None = OMITTED,
    programmes: list[str] | Omitted | None = OMITTED,
    from_: Instant | Omitted | None = OMITTED,
    at: Instant | Omitted | None = OMITTED,
    known_at: Instant | Omitted | None = OMITTED,
) -> Request[compliance_types.WhatIfAnswer]:
    """Replays every partner under another policy, in the background, and changes nothing. One runs at a time."""
    return Request.of("POST /audit/v1/what-ifs", locals(), body="needed")


def show_what_if(
    what_if_id: str, *, after: int | None = None, limit: int | None = None, timeout: float | None = None
) -> PagedRequest[compliance_types.WhatIfAnswer, compliance_types.WhatIfDifference]:
    """The progress of a what-if, and a page of its differences, by partner and product."""
    return PagedRequest.of(
        "GET /audit/v1/what-ifs/{what_if_id}", locals(), items="differences", table_suffix="/differences.csv"
    )


def cancel_what_if(what_if_id: str) -> Request[None]:
    """Cancels the what-if and deletes its result."""
    return Request.of("DELETE /audit/v1/what-ifs/{what_if_id}", locals())
