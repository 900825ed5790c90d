"""How each refusal is answered (RFC 9457): one table."""

import logging
from collections.abc import Mapping
from typing import Final, NamedTuple

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from services.certification.domain.refusals import (
    AlreadyVoided,
    AnotherScoreRecorded,
    DatedInTheFuture,
    DueBeforeAnnouncement,
    IdempotencyKeyMissing,
    IdempotencyKeyReused,
    KnownInTheFuture,
    Malformed,
    MergedIntoItself,
    NoSuchAttempt,
    NoSuchScore,
    NotFound,
    NotReady,
    NotVoidable,
    OtherContentRecorded,
    Overloaded,
    Refusal,
    TooManyReaders,
    Unavailable,
    UnknownProduct,
)
from services.web.event_broadcast import TooManyReaders as NoPlaceToRead
from services.web.event_feed import Malformed as MalformedFeed
from services.web.problem_details import FAILED, TYPE_PREFIX, Problem, problem_response
from services.web.products import NotSold
from services.web.request_body import body_error

RETRY_AFTER_SECONDS: Final = 1

_log: Final = logging.getLogger(__name__)


class Kind(NamedTuple):
    """A kind of problem: status, last part of its `type`, title."""

    status: int
    name: str
    title: str


KINDS: Final[Mapping[type[Refusal], Kind]] = {
    Malformed: Kind(422, "malformed-request", "The request is malformed"),
    IdempotencyKeyMissing: Kind(422, "idempotency-key-missing", "The idempotency key is missing or malformed"),
    IdempotencyKeyReused: Kind(422, "idempotency-key-reused", "The idempotency key stands for other content"),
    UnknownProduct: Kind(422, "unknown-product", "Not a product that is sold"),
    NoSuchAttempt: Kind(422, "no-such-attempt", "No such attempt"),
    NoSuchScore: Kind(422, "no-such-score", "No such score"),
    DatedInTheFuture: Kind(422, "dated-in-the-future", "Corrections and voids are not dated in the future"),
    MergedIntoItself: Kind(422, "merged-into-itself", "A partner cannot be merged into itself"),
    DueBeforeAnnouncement: Kind(422, "due-before-announcement", "Due before its announcement"),
    NotVoidable: Kind(422, "not-voidable", "This fact cannot be voided"),
    KnownInTheFuture: Kind(422, "known-in-the-future", "What will be known then is not known yet"),
    AnotherScoreRecorded: Kind(409, "another-score-recorded", "The attempt has another score"),
    OtherContentRecorded: Kind(409, "other-content-recorded", "The id stands for other content"),
    AlreadyVoided: Kind(409, "already-voided", "The fact is already voided"),
    NotFound: Kind(404, "not-found", "Not found"),
    Unavailable: Kind(503, "database-unavailable", "The database does not answer"),
    TooManyReaders: Kind(503, "too-many-readers", "Too many streams and long polls"),
    NotReady: Kind(503, "not-ready", "Facts cannot be recorded at present"),
    Overloaded: Kind(503, "overloaded", "More calls wait than are let in"),
}


def install(app: FastAPI) -> None:
    """Lets everything that is not answered as asked be answered with a problem."""
    app.add_exception_handler(Refusal, _refused)
    app.add_exception_handler(RequestValidationError, _malformed)
    app.add_exception_handler(MalformedFeed, _malformed_feed)
    app.add_exception_handler(NoPlaceToRead, _no_place_to_read)
    app.add_exception_handler(NotSold, _not_sold)
    app.add_exception_handler(HTTPException, _no_such_resource)
    app.add_exception_handler(Exception, failed)


def answer_to(refusal: Refusal, parameter: str | None = None) -> Response:
    """The answer that the table prescribes."""
    kind = KINDS[type(refusal)]
    headers = {"Retry-After": str(RETRY_AFTER_SECONDS)} if kind.status == 503 else None
    problem = Problem(
        TYPE_PREFIX + kind.name,
        kind.title,
        kind.status,
        refusal.detail,
        refusal.rule,
        parameter,
        refusal.fact_id,
        refusal.score,
    )
    return problem_response(problem, headers)


async def _refused(_: Request, refusal: Exception) -> Response:
    assert isinstance(refusal, Refusal)
    return answer_to(refusal)


async def _malformed(_: Request, error: Exception) -> Response:
    """Names the part that is meant and what is wrong with it; never repeats what was sent as its value."""
    assert isinstance(error, RequestValidationError)
    if fault := body_error(error):
        return answer_to(Malformed(fault))
    first = error.errors()[0]
    where, *names = first["loc"]
    name = ".".join(str(part) for part in names)[:200]
    if where == "header" and name.lower() == "idempotency-key":
        return answer_to(IdempotencyKeyMissing("Send one Idempotency-Key, of 1 to 255 visible ASCII characters."), name)
    what = "field" if where == "body" else f"{where} parameter"
    if first["type"] == "extra_forbidden":
        detail = f"There is no {what} {name!r} here."
    else:
        detail = f"The {what} {name!r} is not acceptable: {first['msg'].removeprefix('Value error, ')}."
    return answer_to(Malformed(detail), name or None)


async def _malformed_feed(_: Request, error: Exception) -> Response:
    assert isinstance(error, MalformedFeed)
    return answer_to(Malformed(error.detail), error.parameter)


async def _no_place_to_read(_: Request, error: Exception) -> Response:
    assert isinstance(error, NoPlaceToRead)
    return answer_to(TooManyReaders(error.detail))


async def _not_sold(_: Request, error: Exception) -> Response:
    assert isinstance(error, NotSold)
    return answer_to(UnknownProduct(error.detail), error.parameter)


async def _no_such_resource(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if fault := body_error(error):
        return answer_to(Malformed(fault))
    detail = f"{request.method} {request.scope['path']}: {error.detail}."
    return problem_response(Problem("about:blank", str(error.detail), error.status_code, detail), error.headers)


async def failed(request: Request, error: Exception) -> Response:
    """A fault of the service: logged whole, answered without a word of it."""
    _log.error("%s %s failed", request.method, request.scope["path"], exc_info=error)
    return problem_response(FAILED)
