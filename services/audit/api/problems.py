"""How each refusal of the audit trail is answered: one table."""

from typing import Final

from fastapi import FastAPI, Request
from starlette.responses import Response

from services.audit.database import DATABASE_AWAY
from services.audit.refusals import NoSuchFact, NoSuchTile, NotSealed, NotWhatWasSealed, TooManyExports
from services.audit.sealed_log import EntryMissing
from services.audit.tiles import TileMissing
from services.web import problem_details
from services.web.problem_details import DATABASE_UNAVAILABLE, SHARED, ProblemTable, ProblemType, answer_to
from services.web.refusal import Refusal


class NoDatabase(Refusal):
    """The database does not answer."""


class NotReady(Refusal):
    """The sealer does not get on."""


PROBLEMS: Final[ProblemTable] = {
    **SHARED,
    NotSealed: ProblemType(503, "not-sealed", "Not sealed yet"),
    TooManyExports: ProblemType(503, "too-many-exports", "Too many exports at once"),
    NotReady: ProblemType(503, "not-ready", "Not ready"),
    NotWhatWasSealed: ProblemType(503, "log-altered", "The log is not what was sealed", passes=False),
    NoSuchTile: ProblemType(404, "no-such-tile", "No such tile"),
    NoSuchFact: ProblemType(404, "not-found", "Not found"),
    NoDatabase: DATABASE_UNAVAILABLE,
}


def install(app: FastAPI) -> None:
    """Answers refusals, malformed requests, failures and a database that is away with problems."""
    problem_details.install(app, PROBLEMS)
    app.add_exception_handler(EntryMissing, _altered)
    app.add_exception_handler(TileMissing, _altered)
    for away in DATABASE_AWAY:
        app.add_exception_handler(away, _no_database)


async def _altered(_: Request, error: Exception) -> Response:
    return answer_to(NotWhatWasSealed(f"The log is not what was sealed: {error}."), PROBLEMS)


async def _no_database(_: Request, __: Exception) -> Response:
    return answer_to(NoDatabase("The database does not answer at the moment."), PROBLEMS)
