"""Liveness and readiness; which processes run, and which versions."""

from typing import Final

import msgspec
from fastapi import APIRouter, Request
from starlette.responses import Response

from services.compliance.api.openapi import LIST_PROBLEMS, response_docs
from services.compliance.api.problems import NotReady
from services.compliance.api.query_params import question_of
from services.compliance.api.service import service_of
from services.compliance.historical_answers.questions import Question
from services.compliance.processes import Process, ProcessesAnswer, read_processes
from services.compliance.read_model.current_standings import present_moment
from services.compliance.readiness import Readiness
from services.web.lists_as_csv import list_of
from services.web.readiness_check import DID_NOT_ANSWER
from services.web.scopes import Scope, open_to_all, requires

router: Final = APIRouter(tags=["health"])


@router.get("/compliance/healthz")
@open_to_all
async def alive() -> dict[str, str]:
    """The process answers."""
    return {"status": "alive"}


@router.get("/compliance/readyz", responses=response_docs(Readiness, problems=LIST_PROBLEMS))
@open_to_all
async def ready(request: Request) -> Response:
    """The database answers and the projection and deliveries make progress; how far the projection is behind the log.

    It is 503 in these cases, and says why. No follower runs. The follower is stuck, or further behind than half a
    minute. The read model is of another engine. Messages are due that no dispatcher delivers. Claims are lost. The
    database does not answer in time.
    """
    service = service_of(request)
    found = await service.readiness.outcome()
    if found is None:
        raise NotReady(DID_NOT_ANSWER)
    readiness, faults = found
    if service.claims.fault is not None:
        faults = [*faults, service.claims.fault]
    if faults:
        raise NotReady(" ".join(faults))
    readiness = msgspec.structs.replace(
        readiness, claims_waiting=service.claims.waiting, claims_dropped=service.claims.dropped
    )
    return Response(msgspec.json.encode(readiness), media_type="application/json")


@router.get("/compliance/v1/processes", responses=response_docs(ProcessesAnswer, problems=LIST_PROBLEMS))
@requires(Scope.READ)
@list_of("processes", Process, pages=False)
async def processes(request: Request) -> Response:
    """The followers and dispatchers with a heartbeat within the last hour, the versions, and the policy.

    `readyz` says whether all is well; this names the processes.
    """
    question_of(request, Question)
    service = service_of(request)
    async with service.connection() as connection:
        _, moment = await present_moment(connection)
    async with service.owners_connection() as connection:
        answer = await read_processes(connection, moment.policy_id, service.parameters)
    return Response(msgspec.json.encode(answer), media_type="application/json")
