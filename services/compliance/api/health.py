"""Liveness and readiness."""

from typing import Final

import msgspec
from fastapi import APIRouter, Request
from starlette.responses import Response

from services.compliance.api.openapi import LIST_PROBLEMS, response_docs
from services.compliance.api.problems import NotReady
from services.compliance.api.service import service_of
from services.compliance.readiness import Readiness, check_readiness
from services.web.scopes import open_to_all

router: Final = APIRouter(tags=["health"])


@router.get("/compliance/healthz")
@open_to_all
async def alive() -> dict[str, str]:
    """The process answers."""
    return {"status": "alive"}


@router.get("/compliance/readyz", responses=response_docs(Readiness, problems=LIST_PROBLEMS))
@open_to_all
async def ready(request: Request) -> Response:
    """The database answers and the projection and deliveries get on; how far the projection is behind the log.

    503 with the reason where no follower runs, where it is stuck or further behind than half a minute, where the read
    model is of another policy, where messages are due that no dispatcher delivers, and where claims are lost.
    """
    service = service_of(request)
    async with service.owners_connection() as connection:
        readiness, faults = await check_readiness(
            connection, service.parameters, sandbox=service.sandbox, webhooks=service.webhooks is not None
        )
    if service.claims.fault is not None:
        faults.append(service.claims.fault)
    if faults:
        raise NotReady(" ".join(faults))
    readiness = msgspec.structs.replace(
        readiness, claims_waiting=service.claims.waiting, claims_dropped=service.claims.dropped
    )
    return Response(msgspec.json.encode(readiness), media_type="application/json")
