"""Calls about events. Written by `python -m tests.client.generator --write`; do not edit."""

from collections.abc import Sequence
from typing import Literal

from sagecert_client.request import FeedRequest, Instant, PagedRequest, Request
from sagecert_client.types import compliance as compliance_types


def events(
    *,
    min_position: int | None = None,
    at: Instant | None = None,
    known_at: Instant | None = None,
    known_position: int | None = None,
    after: int | Literal["now"] | None = None,
    limit: int | None = None,
    timeout: float | None = None,
    type: Sequence[str] | None = None,
    partner_id: Sequence[str] | None = None,
    product: Sequence[str] | None = None,
    history: Literal["false"] | None = None,
) -> FeedRequest[compliance_types.CloudEvent]:
    """The events after a position, in order, at most `limit`; waits up to `timeout` seconds while there are none."""
    return FeedRequest.of("GET /compliance/v1/events", locals())


def event(event_id: str) -> Request[compliance_types.CloudEvent]:
    """The event of this id, as it was published."""
    return Request.of("GET /compliance/v1/events/{event_id}", locals())


def event_counts(
    *,
    min_position: int | None = None,
    recorded_from: Sequence[str] | None = None,
    type: Sequence[str] | None = None,
    newest: int | None = None,
) -> Request[compliance_types.EventCountsAnswer]:
    """How many events were recorded since some instants, by type, each up to ten thousand; and the newest of them."""
    return Request.of("GET /compliance/v1/recorded-events/counts", locals())


def recorded_events(
    *,
    min_position: int | None = None,
    recorded_from: str | None = None,
    type: Sequence[str] | None = None,
    partner_id: Sequence[str] | None = None,
    limit: int | None = None,
    after: int | None = None,
) -> PagedRequest[compliance_types.RecordedEventsAnswer, compliance_types.CloudEvent]:
    """The events recorded since an instant, newest first. To miss none, follow the feed `/compliance/v1/events`."""
    return PagedRequest.of("GET /compliance/v1/recorded-events", locals(), items="events")


def events_of_fact(
    fact_id: str, *, min_position: int | None = None, after: int | None = None, limit: int | None = None
) -> PagedRequest[compliance_types.EventsOfFactAnswer, compliance_types.CloudEvent]:
    """The events derived from the fact and those appended with it, in order; none where it changed nothing."""
    return PagedRequest.of("GET /compliance/v1/facts/{fact_id}/events", locals(), items="events")
