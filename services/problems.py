"""Problem details for HTTP APIs (RFC 9457), in the one shape that every part of the system answers with."""

from collections.abc import Mapping
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


def problem_response(problem: Problem, headers: Mapping[str, str] | None = None) -> Response:
    """The problem as an answer; text that cannot be written as UTF-8 is escaped, never an error."""
    detail = problem.detail.encode("utf-8", "backslashreplace").decode()
    body = msgspec.json.encode(msgspec.structs.replace(problem, detail=detail))
    return Response(body, problem.status, headers, MEDIA_TYPE)
