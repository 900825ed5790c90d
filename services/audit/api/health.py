"""Liveness and readiness."""

from typing import Any, Final

from fastapi import APIRouter, Request
from pydantic import BaseModel

from services.audit.api.logs import service_of
from services.audit.api.problems import NotReady
from services.audit.readiness import Readiness
from services.web.readiness_check import DID_NOT_ANSWER
from services.web.scopes import open_to_all

router: Final = APIRouter(tags=["Health"])

_RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    503: {"description": "The sealer makes no progress, or the database is away."}
}


class Alive(BaseModel):
    """The process answers."""

    status: str = "alive"


@router.get("/audit/healthz")
@open_to_all
async def alive() -> Alive:
    """The process answers."""
    return Alive()


@router.get("/audit/readyz", responses=_RESPONSES)
@open_to_all
async def ready(request: Request) -> Readiness:
    """A sealer makes progress; 503 with the reason if none does, or the database does not answer in time."""
    found = await service_of(request).readiness.outcome()
    if found is None:
        raise NotReady(DID_NOT_ANSWER)
    readiness, fault = found
    if fault is not None:
        raise NotReady(fault)
    return readiness
