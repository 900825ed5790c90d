"""Calls about sandbox. Written by `python -m tests.client.generator --write`; do not edit."""

from sagecert_client.request import JSON, OMITTED, Instant, Omitted, Request, body_of, path_of
from sagecert_client.types import sandbox as sandbox_types


def clock() -> Request[sandbox_types.ClockAnswer]:
    """What the clock shows.

    `GET /sandbox/v1/clock`
    """
    return Request(method="GET", path=path_of("/sandbox/v1/clock"))


def set_clock(*, now: Instant, running: bool | Omitted = OMITTED) -> Request[sandbox_types.ClockAnswer]:
    """Sets the clock forward; answers once every timer due by then has fired and every projection is
    current.

    `PUT /sandbox/v1/clock`
    """
    return Request(
        method="PUT", path=path_of("/sandbox/v1/clock"), body=body_of(now=now, running=running), headers=JSON
    )


def reset(*, now: Instant, running: bool | Omitted = OMITTED) -> Request[sandbox_types.ClockAnswer]:
    """Empties everything and sets the clock: the only way back in time.

    `POST /sandbox/v1/reset`
    """
    return Request(
        method="POST", path=path_of("/sandbox/v1/reset"), body=body_of(now=now, running=running), headers=JSON
    )
