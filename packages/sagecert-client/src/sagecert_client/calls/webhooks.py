"""Calls about webhooks. Written by `python -m tests.client.generator --write`; do not edit."""

from typing import Any, Literal

from sagecert_client.request import OMITTED, Omitted, PagedRequest, Request
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
    """Registers an endpoint. It gets every compliance event that passes its filter, in order, from `start` on."""
    return Request.of("POST /compliance/v1/webhook-endpoints", locals(), body="needed", headers=("idempotency_key",))


def endpoints(
    *, after: str | None = None, limit: int | None = None
) -> PagedRequest[compliance_types.EndpointsAnswer, compliance_types.EndpointAnswer]:
    """The endpoints in order of their ids."""
    return PagedRequest.of("GET /compliance/v1/webhook-endpoints", locals(), items="endpoints")


def endpoint(endpoint_id: str, *, if_match: str | None = None) -> Request[compliance_types.EndpointAnswer]:
    """An endpoint with its health. Its `ETag` names the settings, secrets and state, not the health."""
    return Request.of("GET /compliance/v1/webhook-endpoints/{endpoint_id}", locals(), headers=("if_match",))


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
    """Changes what the body names; a member that is named is replaced whole."""
    return Request.of(
        "PATCH /compliance/v1/webhook-endpoints/{endpoint_id}", locals(), body="needed", headers=("if_match",)
    )


def delete(endpoint_id: str, *, if_match: str | None = None) -> Request[None]:
    """Deletes the endpoint and everything about it."""
    return Request.of("DELETE /compliance/v1/webhook-endpoints/{endpoint_id}", locals(), headers=("if_match",))


def rotate_secret(endpoint_id: str, *, if_match: str | None = None) -> Request[compliance_types.RotatedAnswer]:
    """Creates a new secret, and a new key pair if there is one; the present ones also sign for another 24 hours."""
    return Request.of(
        "POST /compliance/v1/webhook-endpoints/{endpoint_id}/secret-rotations",
        locals(),
        body="optional",
        headers=("if_match",),
    )


def replay(
    endpoint_id: str, *, from_: Literal["origin"] | dict[str, Any], if_match: str | None = None
) -> Request[compliance_types.EndpointAnswer]:
    """Sends every event from a place on again, with the same ids, in a new epoch; then continues with later events."""
    return Request.of(
        "POST /compliance/v1/webhook-endpoints/{endpoint_id}/replays", locals(), body="needed", headers=("if_match",)
    )


def try_endpoint(endpoint_id: str) -> Request[compliance_types.SentAnswer]:
    """Sends one signed test message, also to an endpoint that is paused or disabled, and returns the outcome."""
    return Request.of("POST /compliance/v1/webhook-endpoints/{endpoint_id}/tests", locals(), body="optional")


def resend(endpoint_id: str, *, event_id: str) -> Request[compliance_types.SentAnswer]:
    """Sends again, at once and under the same id, an event that the endpoint already got. Returns the outcome."""
    return Request.of("POST /compliance/v1/webhook-endpoints/{endpoint_id}/resends", locals(), body="needed")


def retry(endpoint_id: str, *, if_match: str | None = None) -> Request[compliance_types.EndpointAnswer]:
    """Retries a failed message at once; if it fails again, the wait is as long as it would have been."""
    return Request.of(
        "POST /compliance/v1/webhook-endpoints/{endpoint_id}/retries", locals(), body="optional", headers=("if_match",)
    )


def run_dry(
    endpoint_id: str,
    *,
    from_: Literal["origin"] | dict[str, Any] | Omitted | None = OMITTED,
    limit: int | Omitted = OMITTED,
) -> Request[compliance_types.DryRunAnswer]:
    """What a replay from there would send first, or (without `from`) the next messages; nothing is sent or changed."""
    return Request.of("POST /compliance/v1/webhook-endpoints/{endpoint_id}/dry-runs", locals(), body="optional")


def attempts(
    endpoint_id: str, *, after: int | None = None, limit: int | None = None
) -> PagedRequest[compliance_types.AttemptsAnswer, compliance_types.Attempt]:
    """The latest requests to the endpoint and their replies, the newest first."""
    return PagedRequest.of("GET /compliance/v1/webhook-endpoints/{endpoint_id}/attempts", locals(), items="attempts")


def parked(
    endpoint_id: str, *, after: str | None = None, limit: int | None = None
) -> PagedRequest[compliance_types.ParkedAnswer, compliance_types.Parked]:
    """The messages that this endpoint alone rejected for a day, and the later ones of their partners."""
    return PagedRequest.of("GET /compliance/v1/webhook-endpoints/{endpoint_id}/parked", locals(), items="parked")


def release(
    endpoint_id: str, *, partner_id: str | Omitted | None = OMITTED, if_match: str | None = None
) -> Request[compliance_types.ReleaseAnswer]:
    """Sends parked messages before all others and in order: those of one partner, or all."""
    return Request.of(
        "POST /compliance/v1/webhook-endpoints/{endpoint_id}/releases", locals(), body="optional", headers=("if_match",)
    )
