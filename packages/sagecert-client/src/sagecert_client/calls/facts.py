"""Calls about facts. Written by `python -m tests.client.generator --write`; do not edit."""

from collections.abc import Sequence
from typing import Any, Literal

from sagecert_client.request import OMITTED, RECORDING, FeedRequest, Instant, Omitted, PagedRequest, Request
from sagecert_client.types import certification as certification_types
from sagecert_client.types import compliance as compliance_types
from sagecert_client.types.reasons import NoEffect


def void_fact(
    fact_id: str,
    *,
    reason: str,
    effective_at: Instant | Omitted | None = OMITTED,
    idempotency_key: str | None = None,
    x_correlation_id: str | None = None,
) -> Request[certification_types.Recorded]:
    """A fact was recorded in error and counts nowhere any more (R33)."""
    return Request.of("POST /certification/v1/facts/{fact_id}/void", locals(), body="needed", headers=RECORDING)


def fact(fact_id: str) -> Request[certification_types.FactAnswer]:
    """The fact of this id."""
    return Request.of("GET /certification/v1/facts/{fact_id}", locals())


def fact_by_key(*, idempotency_key: str) -> Request[certification_types.FactAnswer]:
    """The fact that this caller recorded under this key."""
    return Request.of("GET /certification/v1/facts", locals())


def erase_free_text(fact_id: str) -> Request[None]:
    """Erases what the fact said in free text, if it is still there; the hash in the fact then reveals nothing."""
    return Request.of("DELETE /certification/v1/facts/{fact_id}/free-text", locals())


def held_facts(
    *, after: int | None = None, limit: int | None = None
) -> PagedRequest[certification_types.HeldFacts, certification_types.HeldFact]:
    """The facts that wait at present, what each waits for, and since when; longest first."""
    return PagedRequest.of("GET /certification/v1/held-facts", locals(), items="held_facts")


def recorded_facts(
    *,
    consultant_id: str | None = None,
    partner_id: str | None = None,
    correlation_id: str | None = None,
    causation_id: str | None = None,
    about: str | None = None,
    type: Sequence[str] | None = None,
    after: int | None = None,
    limit: int | None = None,
) -> PagedRequest[certification_types.RecordedFacts, certification_types.RecordedFact]:
    """The facts as recorded, newest first, with what voided each. Free text is with the single fact."""
    return PagedRequest.of("GET /certification/v1/recorded-facts", locals(), items="facts")


def events(
    *,
    after: int | Literal["now"] | None = None,
    limit: int | None = None,
    timeout: float | None = None,
    type: Sequence[str] | None = None,
    partner_id: Sequence[str] | None = None,
    product: Sequence[str] | None = None,
) -> FeedRequest[dict[str, Any]]:
    """The facts after a position, at most `limit`; positions have no gaps and none is ever filled in later."""
    return FeedRequest.of("GET /certification/v1/events", locals())


def facts_without_effect(
    *,
    min_position: int | None = None,
    at: Instant | None = None,
    known_at: Instant | None = None,
    known_position: int | None = None,
    limit: int | None = None,
    partner_id: str | None = None,
    consultant_id: str | None = None,
    reason: NoEffect | None = None,
    order: Literal["oldest", "newest"] | None = None,
    after: str | None = None,
) -> PagedRequest[compliance_types.FactsWithoutEffectAnswer, compliance_types.FactItem]:
    """Reported facts that changed nothing by `at`, each with the reason and its rule, in the order of the log."""
    return PagedRequest.of("GET /compliance/v1/facts-without-effect", locals(), items="facts")
