"""Calls about events. Written by `python -m tests.client.generator --write`; do not edit."""

from collections.abc import Sequence
from typing import Literal

from sagecert_client.request import FeedRequest, FileRequest, Instant, PagedRequest, Request, path_of, query_of
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
) -> FeedRequest[compliance_types.CloudEvent]:
    """The events after a position, in order, at most `limit`; waits up to `timeout` seconds while there are
    none.

    `GET /compliance/v1/events`
    """
    return FeedRequest(
        method="GET",
        path=path_of("/compliance/v1/events"),
        query=query_of(
            min_position=min_position,
            at=at,
            known_at=known_at,
            known_position=known_position,
            after=after,
            limit=limit,
            timeout=timeout,
            type=type,
            partner_id=partner_id,
            product=product,
        ),
    )


def event(event_id: str) -> Request[compliance_types.CloudEvent]:
    """The event of this id, as it was published.

    `GET /compliance/v1/events/{event_id}`
    """
    return Request(method="GET", path=path_of("/compliance/v1/events/{event_id}", event_id=event_id))


def recorded_events(
    *,
    min_position: int | None = None,
    recorded_from: str | None = None,
    type: Sequence[str] | None = None,
    partner_id: Sequence[str] | None = None,
    limit: int | None = None,
    after: int | None = None,
) -> PagedRequest[compliance_types.RecordedEventsAnswer, compliance_types.CloudEvent]:
    """The events recorded since an instant, newest first. To miss none, follow the feed
    `/compliance/v1/events`.

    `GET /compliance/v1/recorded-events`
    """
    return PagedRequest(
        method="GET",
        path=path_of("/compliance/v1/recorded-events"),
        query=query_of(
            min_position=min_position,
            recorded_from=recorded_from,
            type=type,
            partner_id=partner_id,
            limit=limit,
            after=after,
        ),
        items="events",
    )


def events_of_fact(
    fact_id: str, *, min_position: int | None = None, after: int | None = None, limit: int | None = None
) -> PagedRequest[compliance_types.EventsOfFactAnswer, compliance_types.CloudEvent]:
    """The events derived from the fact and those appended with it, in order; none where it changed nothing.

    `GET /compliance/v1/facts/{fact_id}/events`
    """
    return PagedRequest(
        method="GET",
        path=path_of("/compliance/v1/facts/{fact_id}/events", fact_id=fact_id),
        query=query_of(min_position=min_position, after=after, limit=limit),
        items="events",
    )


def recorded_events_table(
    *,
    min_position: int | None = None,
    recorded_from: str | None = None,
    type: Sequence[str] | None = None,
    partner_id: Sequence[str] | None = None,
) -> FileRequest:
    """The events recorded since an instant, newest first. To miss none, follow the feed
    `/compliance/v1/events`. As a table: the whole list, in CSV (RFC 4180).

    `GET /compliance/v1/recorded-events.csv`
    """
    return FileRequest(
        method="GET",
        path=path_of("/compliance/v1/recorded-events.csv"),
        query=query_of(min_position=min_position, recorded_from=recorded_from, type=type, partner_id=partner_id),
    )


def events_of_fact_table(fact_id: str, *, min_position: int | None = None) -> FileRequest:
    """The events derived from the fact and those appended with it, in order; none where it changed nothing.
    As a table: the whole list, in CSV (RFC 4180).

    `GET /compliance/v1/facts/{fact_id}/events.csv`
    """
    return FileRequest(
        method="GET",
        path=path_of("/compliance/v1/facts/{fact_id}/events.csv", fact_id=fact_id),
        query=query_of(min_position=min_position),
    )
