"""Which processes run, and which versions."""

from typing import Final

import msgspec
from fastapi import APIRouter, Request
from starlette.responses import Response

from services.compliance.api.openapi import LIST_PROBLEMS, response_docs
from services.compliance.api.query_params import question_of
from services.compliance.api.service import service_of
from services.compliance.historical_answers.queries import Question
from services.compliance.processes import Process, ProcessesAnswer, read_processes
from services.web.lists_as_csv import list_of
from services.web.scopes import Scope, requires

router: Final = APIRouter(tags=["health"])


@router.get("/compliance/v1/processes", responses=response_docs(ProcessesAnswer, problems=LIST_PROBLEMS))
@requires(Scope.READ)
@list_of("processes", Process, pages=False)
async def processes(request: Request) -> Response:
    """The followers and dispatchers with a heartbeat within the last hour, and the versions of this service.

    `readyz` says whether all is well; this names the processes.
    """
    question_of(request, Question)
    service = service_of(request)
    async with service.owners_connection() as connection:
        answer = await read_processes(connection, service.parameters.version)
    return Response(msgspec.json.encode(answer), media_type="application/json")
