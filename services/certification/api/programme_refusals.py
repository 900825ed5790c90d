"""The refusal of a programme, with the programmes that enrol at present (R11, R39)."""

from typing import Final

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from starlette.responses import Response

from services.certification.domain.refusals import Unavailable
from services.certification.event_store.store import EventStore
from services.web.field_errors import fields_of_route
from services.web.problem_details import MEDIA_TYPE, SHARED, problem_body, problem_of, refusal_of
from shared.events.facts import ELIGIBLE_PROGRAMMES

AT_FIRST: Final = " and ".join(ELIGIBLE_PROGRAMMES)
"""As a refusal names them before it is known which policy is in force."""

_UNKNOWN: Final = "those of the policy in force"


async def name_eligible(body: bytes, store: EventStore) -> bytes:
    """The body of a problem, with the programmes that enrol now where it names those that did at first."""
    if AT_FIRST.encode() not in body:
        return body
    try:
        named = " and ".join(await store.programmes_in_force() or ELIGIBLE_PROGRAMMES)
    except Unavailable:
        named = _UNKNOWN
    return body.replace(AT_FIRST.encode(), named.encode())


async def malformed_request(request: Request, error: Exception) -> Response:
    """The answer to a malformed request."""
    assert isinstance(error, RequestValidationError)
    problem = problem_of(refusal_of(error, fields_of_route(request.scope.get("route"))), SHARED)
    body = await name_eligible(problem_body(problem), request.app.state.service.reader)
    return Response(body, problem.status, media_type=MEDIA_TYPE)
