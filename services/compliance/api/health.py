"""Liveness and readiness."""

from typing import Final

import msgspec
from fastapi import APIRouter, Request
from starlette.responses import Response

from services.compliance.api.openapi import LIST_PROBLEMS, response_docs
from services.compliance.api.problems import NotReady
from services.compliance.api.service import service_of
from services.compliance.readiness import Readiness
from services.web.scopes import open_to_all
from services.web.shared_check import DID_NOT_ANSWER

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

    503 with the reason: no follower runs; the follower is stuck or further behind than half a minute; the read model is
    of another policy; messages are due that no dispatcher delivers; claims are lost; or the database does not answer in
    time.
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
