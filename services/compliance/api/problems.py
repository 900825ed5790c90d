"""How each refusal of the compliance service is answered: one table."""

from typing import Final

from fastapi import FastAPI, Request
from starlette.responses import Response

from services.compliance.database import DATABASE_AWAY
from services.compliance.historical_answers.pool import AnswersAway, TakesTooLong, TooManyQuestions
from services.compliance.refusals import InvalidQuery, KnownInTheFuture, NeverMentioned, NeverRecordedSo
from services.compliance.webhooks.refusals import (
    NoSuchEndpoint,
    NoSuchEvent,
    NotActive,
    NotResendable,
    OtherRevision,
    SecretLost,
    StartOutOfRange,
    TooManySecrets,
)
from services.compliance.what_ifs.runs import NoSuchWhatIf, TooManyWhatIfs
from services.web import problem_details
from services.web.problem_details import (
    DATABASE_UNAVAILABLE,
    KNOWN_IN_THE_FUTURE,
    MALFORMED,
    SHARED,
    ProblemTable,
    ProblemType,
    answer_to,
)
from services.web.refusal import Refusal


class NotAppliedYet(Refusal):
    """The facts up to `min_position` are not applied within the time that a caller waits."""


class NotReady(Refusal):
    """The follower or the dispatcher does not get on."""


class NoDatabase(Refusal):
    """The database does not answer."""


class NotDeliverable(Refusal):
    """Nothing can be sent to the URL, or nothing may."""


class WebhooksOff(Refusal):
    """There is no key to seal secrets with, and so there are no webhooks."""


PROBLEMS: Final[ProblemTable] = {
    **SHARED,
    NeverMentioned: ProblemType(404, "never-mentioned", "Never mentioned in any fact"),
    InvalidQuery: MALFORMED,
    KnownInTheFuture: KNOWN_IN_THE_FUTURE,
    NeverRecordedSo: ProblemType(422, "never-recorded-so", "No recorded fact says this"),
    NotAppliedYet: ProblemType(503, "not-applied-yet", "Not applied yet"),
    NotReady: ProblemType(503, "not-ready", "Not ready"),
    NoDatabase: DATABASE_UNAVAILABLE,
    AnswersAway: DATABASE_UNAVAILABLE,
    TooManyQuestions: ProblemType(503, "too-many-questions", "Too many questions wait"),
    TakesTooLong: ProblemType(503, "takes-too-long", "The answer takes too long"),
    TooManyWhatIfs: ProblemType(503, "too-many-what-ifs", "Too many what-ifs wait"),
    NoSuchWhatIf: ProblemType(404, "no-such-what-if", "No such what-if"),
    StartOutOfRange: MALFORMED,
    NoSuchEndpoint: ProblemType(404, "no-such-endpoint", "No such webhook endpoint"),
    NoSuchEvent: ProblemType(404, "no-such-event", "No such compliance event"),
    NotResendable: ProblemType(409, "not-resendable", "This event is not sent once more"),
    NotActive: ProblemType(409, "not-active", "The endpoint is not active"),
    OtherRevision: ProblemType(412, "precondition-failed", "It is not what was expected"),
    NotDeliverable: ProblemType(422, "unacceptable-url", "Nothing may be sent to this URL"),
    TooManySecrets: ProblemType(409, "too-many-secrets", "Too many secrets sign at once"),
    SecretLost: ProblemType(409, "secret-lost", "No key opens the secret of this endpoint"),
    WebhooksOff: ProblemType(503, "webhooks-off", "Webhooks are off", passes=False),
}


def install(app: FastAPI) -> None:
    """Answers refusals, malformed requests, failures and a database that is away with problems."""
    problem_details.install(app, PROBLEMS)
    for away in DATABASE_AWAY:
        app.add_exception_handler(away, _no_database)


async def _no_database(_: Request, __: Exception) -> Response:
    return answer_to(NoDatabase("The database does not answer at the moment."), PROBLEMS)
