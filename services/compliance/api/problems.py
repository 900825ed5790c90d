"""Why a question is not answered or a call refused: one table says how each exception is answered."""

import logging
from collections.abc import Mapping
from typing import Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from services.compliance.answering.pool import AnswersAway, TakesTooLong, TooManyQuestions
from services.compliance.database import DATABASE_AWAY
from services.compliance.refusals import InvalidQuery, KnownInTheFuture, NeverMentioned, Refusal
from services.compliance.webhooks.refusals import (
    IdempotencyKeyReused,
    NoSuchEndpoint,
    OtherRevision,
    SecretLost,
    StartOutOfRange,
    TooManySecrets,
)
from services.web.event_broadcast import TooManyReaders as NoPlaceToRead
from services.web.event_feed import Malformed
from services.web.problem_details import FAILED, TYPE_PREFIX, Problem, problem_response
from services.web.products import NotSold
from services.web.request_body import body_error

RETRY_AFTER_SECONDS: Final = 1

_log: Final = logging.getLogger(__name__)


class UnknownProduct(Refusal):
    """No such product is sold (R2)."""

    rule = "R2"


class NotAppliedYet(Refusal):
    """The facts up to `min_position` are not applied within the time that a caller waits."""


class TooManyReaders(Refusal):
    """As many streams and long polls are open as may be, in all or of this caller."""


class NotReady(Refusal):
    """The follower or the dispatcher does not get on."""


class NoDatabase(Refusal):
    """The database does not answer."""


class NotDeliverable(Refusal):
    """Nothing can be sent to the URL, or nothing may."""


class IdempotencyKeyMissing(Refusal):
    """An Idempotency-Key header is given twice, or is not 1 to 255 visible ASCII characters (R34)."""

    rule = "R34"


class WebhooksOff(Refusal):
    """There is no key to seal secrets with, and so there are no webhooks."""


ANSWERS: Final[Mapping[type[Refusal], tuple[int, str, str]]] = {
    NeverMentioned: (404, "never-mentioned", "Never mentioned in any fact"),
    UnknownProduct: (422, "unknown-product", "Not a product that is sold"),
    InvalidQuery: (422, "malformed-request", "The request is malformed"),
    KnownInTheFuture: (422, "known-in-the-future", "What will be known then is not known yet"),
    NotAppliedYet: (503, "not-applied-yet", "Not applied yet"),
    NotReady: (503, "not-ready", "Not ready"),
    NoDatabase: (503, "database-unavailable", "The database does not answer"),
    AnswersAway: (503, "database-unavailable", "The database does not answer"),
    TooManyReaders: (503, "too-many-readers", "Too many streams and long polls"),
    TooManyQuestions: (503, "too-many-questions", "Too many questions wait"),
    TakesTooLong: (503, "takes-too-long", "The answer takes too long"),
    StartOutOfRange: (422, "malformed-request", "The request is malformed"),
    NoSuchEndpoint: (404, "no-such-endpoint", "No such webhook endpoint"),
    OtherRevision: (412, "precondition-failed", "It is not what was expected"),
    IdempotencyKeyMissing: (422, "idempotency-key-missing", "The idempotency key is missing or malformed"),
    IdempotencyKeyReused: (422, "idempotency-key-reused", "The idempotency key stands for other content"),
    NotDeliverable: (422, "unacceptable-url", "Nothing may be sent to this URL"),
    TooManySecrets: (409, "too-many-secrets", "Too many secrets sign at once"),
    SecretLost: (409, "secret-lost", "No key opens the secret of this endpoint"),
    WebhooksOff: (503, "webhooks-off", "Webhooks are off"),
}
"""Exception to status, last part of the problem's type, and title."""


def install(app: FastAPI) -> None:
    """Lets every refusal and every malformed request be answered with a problem."""
    app.add_exception_handler(Refusal, _refused)
    app.add_exception_handler(RequestValidationError, _malformed)
    app.add_exception_handler(Malformed, _malformed_filter)
    app.add_exception_handler(NoPlaceToRead, _no_place_to_read)
    app.add_exception_handler(NotSold, _not_sold)
    app.add_exception_handler(HTTPException, _no_such_resource)
    app.add_exception_handler(Exception, _failed)
    for away in DATABASE_AWAY:
        app.add_exception_handler(away, _no_database)


def answer_to(problem: Refusal) -> Response:
    """The answer that the table prescribes."""
    status, kind, title = ANSWERS[type(problem)]
    again = status == 503 and not isinstance(problem, WebhooksOff)
    headers = {"Retry-After": str(RETRY_AFTER_SECONDS)} if again else None
    return problem_response(
        Problem(TYPE_PREFIX + kind, title, status, problem.detail, problem.rule, problem.parameter), headers
    )


async def _refused(_: Request, problem: Exception) -> Response:
    assert isinstance(problem, Refusal)
    return answer_to(problem)


async def _no_database(_: Request, __: Exception) -> Response:
    return answer_to(NoDatabase("The database does not answer at the moment."))


async def _malformed(_: Request, problem: Exception) -> Response:
    assert isinstance(problem, RequestValidationError)
    if fault := body_error(problem):
        return answer_to(InvalidQuery(fault))
    first = problem.errors()[0]
    where, *names = first["loc"]
    name = ".".join(str(part) for part in names)[:200].encode("utf-8", "backslashreplace").decode()
    if first["type"] == "extra_forbidden":
        return answer_to(InvalidQuery(f"There is no field {name!r} here.", name))
    what = "field" if where == "body" else f"{where} parameter"
    why = first["msg"].removeprefix("Value error, ")
    return answer_to(InvalidQuery(f"The {what} {name!r} is not acceptable: {why}.", name))


async def _malformed_filter(_: Request, problem: Exception) -> Response:
    assert isinstance(problem, Malformed)
    return answer_to(InvalidQuery(problem.detail, problem.parameter))


async def _no_place_to_read(_: Request, problem: Exception) -> Response:
    assert isinstance(problem, NoPlaceToRead)
    return answer_to(TooManyReaders(problem.detail))


async def _not_sold(_: Request, problem: Exception) -> Response:
    assert isinstance(problem, NotSold)
    return answer_to(UnknownProduct(problem.detail, problem.parameter))


async def _failed(request: Request, problem: Exception) -> Response:
    """A fault of the service: logged whole, answered without a word of it."""
    _log.error("%s %s failed", request.method, request.scope["path"], exc_info=problem)
    return problem_response(FAILED)


async def _no_such_resource(request: Request, problem: Exception) -> Response:
    assert isinstance(problem, HTTPException)
    if fault := body_error(problem):
        return answer_to(InvalidQuery(fault))
    detail = f"{request.method} {request.url.path}: {problem.detail}."
    return problem_response(Problem("about:blank", str(problem.detail), problem.status_code, detail), problem.headers)
