"""The problem type of each refusal of the audit trail, in one table."""

from typing import Final

from fastapi import FastAPI, Request
from starlette.responses import Response

from services.audit.refusals import NoSuchFact, NoSuchTile, NotSealed, NotWhatWasSealed, TooManyExports
from services.audit.sealed_log import EntryMissing
from services.audit.tiles import TileMissing
from services.web import problem_details
from services.web.database_connections import AWAY
from services.web.problem_details import SHARED, ProblemTable, ProblemType, answer_to
from services.web.refusal import Refusal


class NotReady(Refusal):
    """The sealer makes no progress."""


PROBLEMS: Final[ProblemTable] = {
    **SHARED,
    NotSealed: ProblemType(503, "not-sealed", "Not sealed yet"),
    TooManyExports: ProblemType(503, "too-many-exports", "Too many exports at once"),
    NotReady: ProblemType(503, "not-ready", "Not ready"),
    NotWhatWasSealed: ProblemType(503, "log-altered", "The log is not what was sealed", passes=False),
    NoSuchTile: ProblemType(404, "no-such-tile", "No such tile"),
    NoSuchFact: ProblemType(404, "not-found", "Not found"),
}


def install(app: FastAPI) -> None:
    """Answers refusals, malformed requests, failures and a database that is away with problems."""
    problem_details.install(app, PROBLEMS, AWAY)
    app.add_exception_handler(EntryMissing, _altered)
    app.add_exception_handler(TileMissing, _altered)


async def _altered(_: Request, error: Exception) -> Response:
    return answer_to(NotWhatWasSealed(f"The log is not what was sealed: {error}."), PROBLEMS)
