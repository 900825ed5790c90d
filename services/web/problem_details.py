"""Problem details for HTTP APIs (RFC 9457), in the one shape that every part of the system answers with."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

import msgspec
from starlette.responses import Response

MEDIA_TYPE: Final = "application/problem+json"
TYPE_PREFIX: Final = "urn:sagecert:problem:"


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is wrong. `rule`: the id of the rule that refused. `parameter`: the part of the request that is meant.

    `fact_id`: the recorded fact that stands in the way (R34); `score`: what it says, where it is a score.
    """

    type: str
    title: str
    status: int
    detail: str
    rule: str | None = None
    parameter: str | None = None
    fact_id: str | None = None
    score: str | None = None


FAILED: Final = Problem(TYPE_PREFIX + "internal-error", "The service failed", 500, "The fault is logged.")
"""The answer to a call that met a fault of the service."""


HOST_UNCLEAR: Final = Problem(
    TYPE_PREFIX + "invalid-http",
    "The request is not valid HTTP",
    400,
    "A request has exactly one Host header (RFC 9112, section 3.2).",
)


def malformed(detail: str, parameter: str | None = None) -> Problem:
    """The request does not say what it must, in the form in which it must."""
    title = "The request is malformed"
    return Problem(TYPE_PREFIX + "malformed-request", title, 422, detail, parameter=parameter)


def unexplained(status: int, detail: str) -> Problem:
    """A problem of which the status says everything."""
    return Problem("about:blank", HTTPStatus(status).phrase, status, detail)


def problem_body(problem: Problem) -> bytes:
    """The problem as JSON; text that cannot be written as UTF-8 is escaped, never an error."""
    detail = problem.detail.encode("utf-8", "backslashreplace").decode()
    parameter = problem.parameter and problem.parameter.encode("utf-8", "backslashreplace").decode()
    return msgspec.json.encode(msgspec.structs.replace(problem, detail=detail, parameter=parameter))


def problem_response(problem: Problem, headers: Mapping[str, str] | None = None) -> Response:
    """The problem as an answer."""
    return Response(problem_body(problem), problem.status, headers, MEDIA_TYPE)
