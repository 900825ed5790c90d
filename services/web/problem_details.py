"""Problem details for HTTP APIs (RFC 9457): the one shape of every refusal and failure of the system."""

import logging
from collections.abc import Iterable, Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final, NamedTuple

import msgspec
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from services.web.field_errors import Fields, field_errors, fields_of_route
from services.web.input_parsing import body_error
from services.web.refusal import (
    EngineNotInstalled,
    FieldError,
    IdempotencyKeyMissing,
    IdempotencyKeyReused,
    Malformed,
    NoDatabase,
    Refusal,
    TooLarge,
    TooManyReaders,
    UnknownProduct,
)
from shared.events.envelope import Fact
from shared.events.facts import TOPIC_OF

MEDIA_TYPE: Final = "application/problem+json"
TYPE_PREFIX: Final = "urn:sagecert:problem:"
RETRY_AFTER_SECONDS: Final = 1

_log: Final = logging.getLogger(__name__)


class ProblemType(NamedTuple):
    """A type of problem: status, last part of its `type`, title. `passes`: a 503 that passes by itself."""

    status: int
    name: str
    title: str
    passes: bool = True


ProblemTable = Mapping[type[Refusal], ProblemType]
"""How each refusal of a service is answered."""

MALFORMED: Final = ProblemType(422, "malformed-request", "The request is malformed")
DATABASE_UNAVAILABLE: Final = ProblemType(503, "database-unavailable", "The database does not answer")
KNOWN_IN_THE_FUTURE: Final = ProblemType(422, "known-in-the-future", "What will be known then is not known yet")

SHARED: Final[ProblemTable] = {
    Malformed: MALFORMED,
    TooLarge: ProblemType(413, "too-large", "Too large"),
    UnknownProduct: ProblemType(422, "unknown-product", "Not a product that is sold"),
    IdempotencyKeyMissing: ProblemType(422, "idempotency-key-missing", "The idempotency key is missing or malformed"),
    IdempotencyKeyReused: ProblemType(422, "idempotency-key-reused", "The idempotency key stands for other content"),
    NoDatabase: DATABASE_UNAVAILABLE,
    EngineNotInstalled: ProblemType(503, "engine-not-installed", "Another engine is installed"),
    TooManyReaders: ProblemType(503, "too-many-readers", "Too many streams and long polls"),
}
"""The refusals of both services."""


class RecordedFact(msgspec.Struct, frozen=True, omit_defaults=True):
    """A fact as it is recorded. Where it is one of the same batch, the instant of its recording is not known yet."""

    fact_id: str
    type: str
    effective_at: datetime
    data: dict[str, Any]
    recorded_at: datetime | None = None


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is wrong. `rule`: the id of the rule that refused. `parameter`: the part of the request that is meant.

    `recorded`: the recorded fact that stands in the way (R34); `fact_id`: its id; `score`: what it says, where it is a
    score. `errors`: every part of a malformed request that is not acceptable.
    """

    type: str
    title: str
    status: int
    detail: str
    rule: str | None = None
    parameter: str | None = None
    fact_id: str | None = None
    score: str | None = None
    errors: tuple[FieldError, ...] = ()
    recorded: RecordedFact | None = None


FAILED: Final = Problem(TYPE_PREFIX + "internal-error", "The service failed", 500, "The fault is logged.")
"""The answer to a call that met a fault of the service."""


SCOPE_MISSING: Final = Problem(
    TYPE_PREFIX + "insufficient-scope", "The key does not allow this", 403, "The key does not have the scope."
)
"""RFC 6750, section 3.1."""

HOST_UNCLEAR: Final = Problem(
    TYPE_PREFIX + "invalid-http",
    "The request is not valid HTTP",
    400,
    "A request has exactly one Host header (RFC 9112, section 3.2).",
)


def malformed(detail: str, parameter: str | None = None) -> Problem:
    """The request is incomplete or has a wrong form."""
    return Problem(TYPE_PREFIX + MALFORMED.name, MALFORMED.title, MALFORMED.status, detail, parameter=parameter)


def unexplained(status: int, detail: str) -> Problem:
    """A problem that its status explains."""
    return Problem("about:blank", HTTPStatus(status).phrase, status, detail)


def problem_body(problem: Problem) -> bytes:
    """The problem as JSON; text that cannot be written as UTF-8 is escaped, never an error."""
    detail = problem.detail.encode("utf-8", "backslashreplace").decode()
    parameter = problem.parameter and problem.parameter.encode("utf-8", "backslashreplace").decode()
    return msgspec.json.encode(msgspec.structs.replace(problem, detail=detail, parameter=parameter))


def problem_response(problem: Problem, headers: Mapping[str, str] | None = None) -> Response:
    """The problem as an answer."""
    return Response(problem_body(problem), problem.status, headers, MEDIA_TYPE)


def install(app: FastAPI, table: ProblemTable, away: Iterable[type[Exception]] = ()) -> None:
    """Answers refusals, malformed requests and failures of the application with problems, refusals by the table.

    `away`: what is raised where the database does not answer.
    """

    async def refused(_: Request, refusal: Exception) -> Response:
        assert isinstance(refusal, Refusal)
        return answer_to(refusal, table)

    app.add_exception_handler(Refusal, refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _no_such_resource)
    app.add_exception_handler(Exception, failed)
    for kind in away:
        app.add_exception_handler(kind, no_database)


def answer_to(refusal: Refusal, table: ProblemTable) -> Response:
    """The answer that the table prescribes."""
    kind = table[type(refusal)]
    headers = {"Retry-After": str(RETRY_AFTER_SECONDS)} if kind.status == 503 and kind.passes else None
    return problem_response(problem_of(refusal, table), headers)


def problem_of(refusal: Refusal, table: ProblemTable) -> Problem:
    """The problem that the table prescribes."""
    kind, recorded = table[type(refusal)], refusal.recorded
    return Problem(
        TYPE_PREFIX + kind.name,
        kind.title,
        kind.status,
        refusal.detail,
        refusal.rule,
        refusal.parameter,
        None if recorded is None else recorded.fact_id,
        getattr(recorded.data, "score", None) if recorded is not None else None,
        refusal.errors,
        None if recorded is None else _recorded_fact(recorded),
    )


def _recorded_fact(fact: Fact) -> RecordedFact:
    recorded_at = fact.recorded_at if fact.position else None
    data = msgspec.to_builtins(fact.data)
    return RecordedFact(fact.fact_id, TOPIC_OF[type(fact.data)], fact.effective_at, data, recorded_at)


async def failed(request: Request, error: Exception) -> Response:
    """Logs a fault of the service whole, and answers without a word of it."""
    _log.error("%s %s failed", request.method, request.scope["path"], exc_info=error)
    return problem_response(FAILED)


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return answer_to(refusal_of(error, fields_of_route(request.scope.get("route"))), SHARED)


def refusal_of(error: RequestValidationError, fields: Fields) -> Refusal:
    """The refusal of a malformed request: the part that is meant, and what is wrong with it, never the value sent.

    `fields`: of the call, for what was expected and for examples.
    """
    if fault := body_error(error):
        return Malformed(fault)
    first = error.errors()[0]
    errors = tuple(field_errors(error.errors(), fields))
    where, *names = first["loc"]
    name = ".".join(str(part) for part in names)[:200]
    if where == "header" and name.lower() == "idempotency-key":
        return IdempotencyKeyMissing(
            "Send one Idempotency-Key, of 1 to 255 visible ASCII characters.", name, errors=errors
        )
    what = "field" if where == "body" else f"{where} parameter"
    if first["type"] == "extra_forbidden":
        return Malformed(f"There is no {what} {name!r} here.", name or None, errors=errors)
    why = first["msg"].removeprefix("Value error, ")
    return Malformed(f"The {what} {name!r} is not acceptable: {why}.", name or None, errors=errors)


async def no_database(_: Request, __: Exception) -> Response:
    """The answer if the database does not answer."""
    return answer_to(NoDatabase("The database does not answer at the moment."), SHARED)


async def _no_such_resource(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if fault := body_error(error):
        return answer_to(Malformed(fault), SHARED)
    detail = f"{request.method} {request.scope['path']}: {error.detail}."
    return problem_response(Problem("about:blank", str(error.detail), error.status_code, detail), error.headers)
