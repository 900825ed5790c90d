"""Calls about audit. Written by `python -m tests.client.generator --write`; do not edit."""

from sagecert_client.request import (
    JSON,
    OMITTED,
    FileRequest,
    Instant,
    Omitted,
    PagedRequest,
    Request,
    body_of,
    path_of,
    query_of,
)
from sagecert_client.types import compliance as compliance_types


def explain_partner(
    partner_id: str,
    product: str,
    *,
    min_position: int | None = None,
    at: Instant | None = None,
    known_at: Instant | None = None,
    known_position: int | None = None,
) -> Request[compliance_types.ExplanationAnswer]:
    """Why the partner has this status for the product: each rule in words, with the arithmetic of each
    deadline.

    `GET /audit/v1/explanations/partners/{partner_id}/{product}`
    """
    return Request(
        method="GET",
        path=path_of("/audit/v1/explanations/partners/{partner_id}/{product}", partner_id=partner_id, product=product),
        query=query_of(min_position=min_position, at=at, known_at=known_at, known_position=known_position),
    )


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
    """What was learned between two instants that changed how the partner stands at `at`, and by which
    facts.

    `GET /audit/v1/partners/{partner_id}/changes`
    """
    return PagedRequest(
        method="GET",
        path=path_of("/audit/v1/partners/{partner_id}/changes", partner_id=partner_id),
        query=query_of(
            min_position=min_position, at=at, known_from=known_from, known_to=known_to, after=after, limit=limit
        ),
        items="changes",
    )


def claims(
    *, partner_id: str, after: int | None = None, limit: int | None = None
) -> PagedRequest[compliance_types.ClaimsAnswer, compliance_types.ClaimItem]:
    """The authorisation answers that were given about the partner, in order, each with a verdict.

    `GET /audit/v1/claims`
    """
    return PagedRequest(
        method="GET",
        path=path_of("/audit/v1/claims"),
        query=query_of(partner_id=partner_id, after=after, limit=limit),
        items="claims",
    )


def list_what_ifs() -> Request[compliance_types.WhatIfsAnswer]:
    """The what-ifs of this process: those that wait, the one that runs, and the last results.

    `GET /audit/v1/what-ifs`
    """
    return Request(method="GET", path=path_of("/audit/v1/what-ifs"))


def ask_what_if(
    *,
    window_days: int | Omitted | None = OMITTED,
    minimum: compliance_types.MinimumBody | Omitted | None = OMITTED,
    programmes: list[str] | Omitted | None = OMITTED,
    from_: Instant | Omitted | None = OMITTED,
    at: Instant | Omitted | None = OMITTED,
    known_at: Instant | Omitted | None = OMITTED,
) -> Request[compliance_types.WhatIfAnswer]:
    """Replays every partner under another policy, in the background, and changes nothing. One runs at a
    time.

    `POST /audit/v1/what-ifs`
    """
    return Request(
        method="POST",
        path=path_of("/audit/v1/what-ifs"),
        body=body_of(
            window_days=window_days, minimum=minimum, programmes=programmes, from_=from_, at=at, known_at=known_at
        ),
        headers=JSON,
    )


def show_what_if(
    what_if_id: str, *, after: int | None = None, limit: int | None = None
) -> PagedRequest[compliance_types.WhatIfAnswer, compliance_types.WhatIfDifference]:
    """How far it has come, and a page of the differences, by partner and product.

    `GET /audit/v1/what-ifs/{what_if_id}`
    """
    return PagedRequest(
        method="GET",
        path=path_of("/audit/v1/what-ifs/{what_if_id}", what_if_id=what_if_id),
        query=query_of(after=after, limit=limit),
        items="differences",
    )


def cancel_what_if(what_if_id: str) -> Request[None]:
    """Ends it, wherever it is, and forgets its result.

    `DELETE /audit/v1/what-ifs/{what_if_id}`
    """
    return Request(method="DELETE", path=path_of("/audit/v1/what-ifs/{what_if_id}", what_if_id=what_if_id))


def partner_changes_table(
    partner_id: str,
    *,
    min_position: int | None = None,
    at: Instant | None = None,
    known_from: Instant | None = None,
    known_to: Instant | None = None,
) -> FileRequest:
    """What was learned between two instants that changed how the partner stands at `at`, and by which
    facts. As a table: the whole list, in CSV (RFC 4180).

    `GET /audit/v1/partners/{partner_id}/changes.csv`
    """
    return FileRequest(
        method="GET",
        path=path_of("/audit/v1/partners/{partner_id}/changes.csv", partner_id=partner_id),
        query=query_of(min_position=min_position, at=at, known_from=known_from, known_to=known_to),
    )


def claims_table(*, partner_id: str) -> FileRequest:
    """The authorisation answers that were given about the partner, in order, each with a verdict. As a
    table: the whole list, in CSV (RFC 4180).

    `GET /audit/v1/claims.csv`
    """
    return FileRequest(method="GET", path=path_of("/audit/v1/claims.csv"), query=query_of(partner_id=partner_id))


def list_what_ifs_table() -> FileRequest:
    """The what-ifs of this process: those that wait, the one that runs, and the last results. As a table:
    the whole list, in CSV (RFC 4180).

    `GET /audit/v1/what-ifs.csv`
    """
    return FileRequest(method="GET", path=path_of("/audit/v1/what-ifs.csv"))


def show_what_if_table(what_if_id: str) -> FileRequest:
    """How far it has come, and a page of the differences, by partner and product. As a table: the whole
    list, in CSV (RFC 4180).

    `GET /audit/v1/what-ifs/{what_if_id}/differences.csv`
    """
    return FileRequest(
        method="GET", path=path_of("/audit/v1/what-ifs/{what_if_id}/differences.csv", what_if_id=what_if_id)
    )
