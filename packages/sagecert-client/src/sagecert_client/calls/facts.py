"""Calls about facts. Written by `python -m tests.client.generator --write`; do not edit."""

from collections.abc import Sequence
from typing import Any, Literal

from sagecert_client.request import (
    JSON,
    OMITTED,
    FeedRequest,
    FileRequest,
    Instant,
    Omitted,
    PagedRequest,
    Request,
    body_of,
    path_of,
    query_of,
    recording,
)
from sagecert_client.types import certification as certification_types
from sagecert_client.types import compliance as compliance_types


def void_fact(
    fact_id: str,
    *,
    reason: str,
    effective_at: Instant | Omitted | None = OMITTED,
    idempotency_key: str | None = None,
    x_correlation_id: str | None = None,
) -> Request[certification_types.Recorded]:
    """A fact was recorded in error and counts nowhere any more (R33).

    `POST /certification/v1/facts/{fact_id}/void`
    """
    return Request(
        method="POST",
        path=path_of("/certification/v1/facts/{fact_id}/void", fact_id=fact_id),
        body=body_of(effective_at=effective_at, reason=reason),
        headers={**JSON, **recording(idempotency_key=idempotency_key, x_correlation_id=x_correlation_id)},
    )


def fact(fact_id: str) -> Request[certification_types.FactAnswer]:
    """The fact of this id.

    `GET /certification/v1/facts/{fact_id}`
    """
    return Request(method="GET", path=path_of("/certification/v1/facts/{fact_id}", fact_id=fact_id))


def fact_by_key(*, idempotency_key: str) -> Request[certification_types.FactAnswer]:
    """The fact that this caller recorded under this key.

    `GET /certification/v1/facts`
    """
    return Request(
        method="GET", path=path_of("/certification/v1/facts"), query=query_of(idempotency_key=idempotency_key)
    )


def erase_free_text(fact_id: str) -> Request[None]:
    """Erases what the fact said in free text, if it is still there; the hash in the fact tells nothing any
    more.

    `DELETE /certification/v1/facts/{fact_id}/free-text`
    """
    return Request(method="DELETE", path=path_of("/certification/v1/facts/{fact_id}/free-text", fact_id=fact_id))


def held_facts(
    *, after: int | None = None, limit: int | None = None
) -> PagedRequest[certification_types.HeldFacts, certification_types.HeldFact]:
    """The facts that wait at present, what each waits for, and since when; longest first.

    `GET /certification/v1/held-facts`
    """
    return PagedRequest(
        method="GET",
        path=path_of("/certification/v1/held-facts"),
        query=query_of(after=after, limit=limit),
        items="held_facts",
    )


def recorded_facts(
    *,
    consultant_id: str | None = None,
    partner_id: str | None = None,
    correlation_id: str | None = None,
    causation_id: str | None = None,
    type: Sequence[str] | None = None,
    after: int | None = None,
    limit: int | None = None,
) -> PagedRequest[certification_types.RecordedFacts, certification_types.RecordedFact]:
    """The facts as recorded, newest first, with what voided each. Free text is with the single fact.

    `GET /certification/v1/recorded-facts`
    """
    return PagedRequest(
        method="GET",
        path=path_of("/certification/v1/recorded-facts"),
        query=query_of(
            consultant_id=consultant_id,
            partner_id=partner_id,
            correlation_id=correlation_id,
            causation_id=causation_id,
            type=type,
            after=after,
            limit=limit,
        ),
        items="facts",
    )


def events(
    *,
    after: int | Literal["now"] | None = None,
    limit: int | None = None,
    timeout: float | None = None,
    type: Sequence[str] | None = None,
    partner_id: Sequence[str] | None = None,
    product: Sequence[str] | None = None,
) -> FeedRequest[dict[str, Any]]:
    """The facts after a position, at most `limit`; positions have no gaps and none is ever filled in later.

    `GET /certification/v1/events`
    """
    return FeedRequest(
        method="GET",
        path=path_of("/certification/v1/events"),
        query=query_of(after=after, limit=limit, timeout=timeout, type=type, partner_id=partner_id, product=product),
    )


def held_facts_table() -> FileRequest:
    """The facts that wait at present, what each waits for, and since when; longest first. As a table: the
    whole list, in CSV (RFC 4180).

    `GET /certification/v1/held-facts.csv`
    """
    return FileRequest(method="GET", path=path_of("/certification/v1/held-facts.csv"))


def recorded_facts_table(
    *,
    consultant_id: str | None = None,
    partner_id: str | None = None,
    correlation_id: str | None = None,
    causation_id: str | None = None,
    type: Sequence[str] | None = None,
) -> FileRequest:
    """The facts as recorded, newest first, with what voided each. Free text is with the single fact. As a
    table: the whole list, in CSV (RFC 4180).

    `GET /certification/v1/recorded-facts.csv`
    """
    return FileRequest(
        method="GET",
        path=path_of("/certification/v1/recorded-facts.csv"),
        query=query_of(
            consultant_id=consultant_id,
            partner_id=partner_id,
            correlation_id=correlation_id,
            causation_id=causation_id,
            type=type,
        ),
    )


def facts_without_effect(
    *,
    min_position: int | None = None,
    at: Instant | None = None,
    known_at: Instant | None = None,
    known_position: int | None = None,
    limit: int | None = None,
    partner_id: str | None = None,
    consultant_id: str | None = None,
    reason: Literal[
        "already_certified",
        "already_enrolled",
        "already_left",
        "already_linked",
        "already_passed",
        "already_revoked",
        "corrected_later",
        "course_already_completed",
        "departure_before_link",
        "due_before_announcement",
        "kind_unknown",
        "link_ended",
        "link_moved",
        "minor_change",
        "not_in_programme",
        "not_linked",
        "not_obliged",
        "nothing_to_end",
        "nothing_to_revoke",
        "overruled",
        "partner_closed",
        "partner_merged_away",
        "partner_not_enrolled",
        "policy_unchanged",
        "programme_not_eligible",
        "revoked_at_once",
        "same_kind",
        "score_unchanged",
        "takes_effect_later",
        "terms_unchanged",
        "voided",
        "waits_for_assessment",
        "waits_for_pass",
        "waits_for_portal_change",
        "waits_for_registration",
        "waits_for_score",
    ]
    | None = None,
    after: str | None = None,
) -> PagedRequest[compliance_types.FactsWithoutEffectAnswer, compliance_types.FactItem]:
    """Reported facts that changed nothing by `at`, in log order, each with the reason and its rule.

    `GET /compliance/v1/facts-without-effect`
    """
    return PagedRequest(
        method="GET",
        path=path_of("/compliance/v1/facts-without-effect"),
        query=query_of(
            min_position=min_position,
            at=at,
            known_at=known_at,
            known_position=known_position,
            limit=limit,
            partner_id=partner_id,
            consultant_id=consultant_id,
            reason=reason,
            after=after,
        ),
        items="facts",
    )


def facts_without_effect_table(
    *,
    min_position: int | None = None,
    at: Instant | None = None,
    known_at: Instant | None = None,
    known_position: int | None = None,
    partner_id: str | None = None,
    consultant_id: str | None = None,
    reason: Literal[
        "already_certified",
        "already_enrolled",
        "already_left",
        "already_linked",
        "already_passed",
        "already_revoked",
        "corrected_later",
        "course_already_completed",
        "departure_before_link",
        "due_before_announcement",
        "kind_unknown",
        "link_ended",
        "link_moved",
        "minor_change",
        "not_in_programme",
        "not_linked",
        "not_obliged",
        "nothing_to_end",
        "nothing_to_revoke",
        "overruled",
        "partner_closed",
        "partner_merged_away",
        "partner_not_enrolled",
        "policy_unchanged",
        "programme_not_eligible",
        "revoked_at_once",
        "same_kind",
        "score_unchanged",
        "takes_effect_later",
        "terms_unchanged",
        "voided",
        "waits_for_assessment",
        "waits_for_pass",
        "waits_for_portal_change",
        "waits_for_registration",
        "waits_for_score",
    ]
    | None = None,
) -> FileRequest:
    """Reported facts that changed nothing by `at`, in log order, each with the reason and its rule. As a
    table: the whole list, in CSV (RFC 4180).

    `GET /compliance/v1/facts-without-effect.csv`
    """
    return FileRequest(
        method="GET",
        path=path_of("/compliance/v1/facts-without-effect.csv"),
        query=query_of(
            min_position=min_position,
            at=at,
            known_at=known_at,
            known_position=known_position,
            partner_id=partner_id,
            consultant_id=consultant_id,
            reason=reason,
        ),
    )
