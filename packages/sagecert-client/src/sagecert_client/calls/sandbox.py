"""Calls about sandbox. Written by `python -m tests.client.generator --write`; do not edit."""

from sagecert_client.request import OMITTED, Instant, Omitted, Request
from sagecert_client.types import sandbox as sandbox_types


def clock() -> Request[sandbox_types.ClockAnswer]:
    """What the clock shows."""
    return Request.of("GET /sandbox/v1/clock", locals())


def set_clock(*, now: Instant, running: bool | Omitted = OMITTED) -> Request[sandbox_types.ClockAnswer]:
    """Sets the clock forward; answers once every timer due by then has fired and every projection is current."""
    return Request.of("PUT /sandbox/v1/clock", locals(), body="needed")


def reset(*, now: Instant, running: bool | Omitted = OMITTED) -> Request[sandbox_types.ClockAnswer]:
    """Empties everything and sets the clock: the only way back in time."""
    return Request.of("POST /sandbox/v1/reset", locals(), body="needed")
