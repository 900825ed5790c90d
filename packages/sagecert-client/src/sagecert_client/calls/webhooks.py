"""Calls about webhooks. Written by `python -m tests.client.generator --write`; do not edit."""

from typing import Any, Literal

from sagecert_client.request import (
    JSON,
    OMITTED,
    FileRequest,
    Omitted,
    PagedRequest,
    Request,
    body_of,
    headers_of,
    optional_body_of,
    path_of,
    query_of,
    recording,
)
from sagecert_client.types import compliance as compliance_types


def register(
    *,
    url: str,
    description: str | Omitted = OMITTED,
    filter: compliance_types.FilterBody | Omitted | None = OMITTED,
    start: Literal["now", "origin"] | dict[str, Any] | Omitted = OMITTED,
    batch_max: int | Omitted = OMITTED,
    heartbeat_seconds: int | Omitted | None = OMITTED,
    ed25519: bool | Omitted = OMITTED,
    idempotency_key: str | None = None,
) -> Request[compliance_types.RegisteredAnswer]:
    """Registers an endpoint, which is told every compliance event of its filter, in order, from `start` on.

    `POST /compliance/v1/webhook-endpoints`
    """
    return Request(
        method="POST",
        path=path_of("/compliance/v1/webhook-endpoints"),
        body=body_of(
            url=url,
            description=description,
            filter=filter,
            start=start,
            batch_max=batch_max,
            heartbeat_seconds=heartbeat_seconds,
            ed25519=ed25519,
        ),
        headers={**JSON, **recording(idempotency_key=idempotency_key)},
    )


def endpoints(
    *, after: str | None = None, limit: int | None = None
) -> PagedRequest[compliance_types.EndpointsAnswer, compliance_types.EndpointAnswer]:
    """The endpoints in order of their ids.

    `GET /compliance/v1/webhook-endpoints`
    """
    return PagedRequest(
        method="GET",
        path=path_of("/compliance/v1/webhook-endpoints"),
        query=query_of(after=after, limit=limit),
        items="endpoints",
    )


def endpoint(endpoint_id: str, *, if_match: str | None = None) -> Request[compliance_types.EndpointAnswer]:
    """An endpoint with its health. Its `ETag` names the settings, secrets and state, not the health.

    `GET /compliance/v1/webhook-endpoints/{endpoint_id}`
    """
    return Request(
        method="GET",
        path=path_of("/compliance/v1/webhook-endpoints/{endpoint_id}", endpoint_id=endpoint_id),
        headers=headers_of(if_match=if_match),
    )


def change(
    endpoint_id: str,
    *,
    url: str | Omitted = OMITTED,
    description: str | Omitted = OMITTED,
    filter: compliance_types.FilterBody | Omitted | None = OMITTED,
    state: Literal["active", "paused"] | Omitted = OMITTED,
    batch_max: int | Omitted = OMITTED,
    heartbeat_seconds: int | Omitted | None = OMITTED,
    if_match: str | None = None,
) -> Request[compliance_types.EndpointAnswer]:
    """Changes what the body names; a member that is named is replaced whole.

    `PATCH /compliance/v1/webhook-endpoints/{endpoint_id}`
    """
    return Request(
        method="PATCH",
        path=path_of("/compliance/v1/webhook-endpoints/{endpoint_id}", endpoint_id=endpoint_id),
        body=body_of(
            url=url,
            description=description,
            filter=filter,
            state=state,
            batch_max=batch_max,
            heartbeat_seconds=heartbeat_seconds,
        ),
        headers={**JSON, **headers_of(if_match=if_match)},
    )


def delete(endpoint_id: str, *, if_match: str | None = None) -> Request[None]:
    """Forgets the endpoint and everything about it.

    `DELETE /compliance/v1/webhook-endpoints/{endpoint_id}`
    """
    return Request(
        method="DELETE",
        path=path_of("/compliance/v1/webhook-endpoints/{endpoint_id}", endpoint_id=endpoint_id),
        headers=headers_of(if_match=if_match),
    )


def rotate_secret(endpoint_id: str, *, if_match: str | None = None) -> Request[compliance_types.RotatedAnswer]:
    """Makes a new secret, and a new key pair where there is one; the present ones sign too for 24 more
    hours.

    `POST /compliance/v1/webhook-endpoints/{endpoint_id}/secret-rotations`
    """
    return Request(
        method="POST",
        path=path_of("/compliance/v1/webhook-endpoints/{endpoint_id}/secret-rotations", endpoint_id=endpoint_id),
        body=optional_body_of(),
        headers={**JSON, **headers_of(if_match=if_match)},
    )


def replay(
    endpoint_id: str, *, from_: Literal["origin"] | dict[str, Any], if_match: str | None = None
) -> Request[compliance_types.EndpointAnswer]:
    """Tells everything once more from there, with the same ids, in a new epoch; then goes on with what
    comes.

    `POST /compliance/v1/webhook-endpoints/{endpoint_id}/replays`
    """
    return Request(
        method="POST",
        path=path_of("/compliance/v1/webhook-endpoints/{endpoint_id}/replays", endpoint_id=endpoint_id),
        body=body_of(from_=from_),
        headers={**JSON, **headers_of(if_match=if_match)},
    )


def try_endpoint(endpoint_id: str) -> Request[compliance_types.SentAnswer]:
    """Sends one signed test message, also to an endpoint that is paused or disabled, and says what became
    of it.

    `POST /compliance/v1/webhook-endpoints/{endpoint_id}/tests`
    """
    return Request(
        method="POST",
        path=path_of("/compliance/v1/webhook-endpoints/{endpoint_id}/tests", endpoint_id=endpoint_id),
        body=optional_body_of(),
        headers=JSON,
    )


def resend(endpoint_id: str, *, event_id: str) -> Request[compliance_types.SentAnswer]:
    """Sends one event that the endpoint was told once more, at once and under its id, and says what became
    of it.

    `POST /compliance/v1/webhook-endpoints/{endpoint_id}/resends`
    """
    return Request(
        method="POST",
        path=path_of("/compliance/v1/webhook-endpoints/{endpoint_id}/resends", endpoint_id=endpoint_id),
        body=body_of(event_id=event_id),
        headers=JSON,
    )


def retry(endpoint_id: str, *, if_match: str | None = None) -> Request[compliance_types.EndpointAnswer]:
    """Tries what failed at once, instead of after the wait; a further failure waits as long as it would
    have.

    `POST /compliance/v1/webhook-endpoints/{endpoint_id}/retries`
    """
    return Request(
        method="POST",
        path=path_of("/compliance/v1/webhook-endpoints/{endpoint_id}/retries", endpoint_id=endpoint_id),
        body=optional_body_of(),
        headers={**JSON, **headers_of(if_match=if_match)},
    )


def run_dry(
    endpoint_id: str,
    *,
    from_: Literal["origin"] | dict[str, Any] | Omitted | None = OMITTED,
    limit: int | Omitted = OMITTED,
) -> Request[compliance_types.DryRunAnswer]:
    """What a replay from there would send first, or (without `from`) what comes next; nothing is sent or
    changed.

    `POST /compliance/v1/webhook-endpoints/{endpoint_id}/dry-runs`
    """
    return Request(
        method="POST",
        path=path_of("/compliance/v1/webhook-endpoints/{endpoint_id}/dry-runs", endpoint_id=endpoint_id),
        body=optional_body_of(from_=from_, limit=limit),
        headers=JSON,
    )


def attempts(
    endpoint_id: str, *, after: int | None = None, limit: int | None = None
) -> PagedRequest[compliance_types.AttemptsAnswer, compliance_types.Attempt]:
    """The latest requests to the endpoint, the newest first, with what was answered.

    `GET /compliance/v1/webhook-endpoints/{endpoint_id}/attempts`
    """
    return PagedRequest(
        method="GET",
        path=path_of("/compliance/v1/webhook-endpoints/{endpoint_id}/attempts", endpoint_id=endpoint_id),
        query=query_of(after=after, limit=limit),
        items="attempts",
    )


def parked(
    endpoint_id: str, *, after: str | None = None, limit: int | None = None
) -> PagedRequest[compliance_types.ParkedAnswer, compliance_types.Parked]:
    """The messages that this endpoint alone rejected for a day, and the later ones of their partners.

    `GET /compliance/v1/webhook-endpoints/{endpoint_id}/parked`
    """
    return PagedRequest(
        method="GET",
        path=path_of("/compliance/v1/webhook-endpoints/{endpoint_id}/parked", endpoint_id=endpoint_id),
        query=query_of(after=after, limit=limit),
        items="parked",
    )


def release(
    endpoint_id: str, *, partner_id: str | Omitted | None = OMITTED, if_match: str | None = None
) -> Request[compliance_types.ReleaseAnswer]:
    """Has parked messages sent, ahead of everything else and in order: those of one partner, or all.

    `POST /compliance/v1/webhook-endpoints/{endpoint_id}/releases`
    """
    return Request(
        method="POST",
        path=path_of("/compliance/v1/webhook-endpoints/{endpoint_id}/releases", endpoint_id=endpoint_id),
        body=optional_body_of(partner_id=partner_id),
        headers={**JSON, **headers_of(if_match=if_match)},
    )


def endpoints_table() -> FileRequest:
    """The endpoints in order of their ids. As a table: the whole list, in CSV (RFC 4180).

    `GET /compliance/v1/webhook-endpoints.csv`
    """
    return FileRequest(method="GET", path=path_of("/compliance/v1/webhook-endpoints.csv"))


def attempts_table(endpoint_id: str) -> FileRequest:
    """The latest requests to the endpoint, the newest first, with what was answered. As a table: the whole
    list, in CSV (RFC 4180).

    `GET /compliance/v1/webhook-endpoints/{endpoint_id}/attempts.csv`
    """
    return FileRequest(
        method="GET",
        path=path_of("/compliance/v1/webhook-endpoints/{endpoint_id}/attempts.csv", endpoint_id=endpoint_id),
    )


def parked_table(endpoint_id: str) -> FileRequest:
    """The messages that this endpoint alone rejected for a day, and the later ones of their partners. As a
    table: the whole list, in CSV (RFC 4180).

    `GET /compliance/v1/webhook-endpoints/{endpoint_id}/parked.csv`
    """
    return FileRequest(
        method="GET", path=path_of("/compliance/v1/webhook-endpoints/{endpoint_id}/parked.csv", endpoint_id=endpoint_id)
    )
