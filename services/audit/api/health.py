"""Liveness and readiness."""

from typing import Any, Final

from fastapi import APIRouter, Request
from pydantic import BaseModel

from services.audit.api.logs import service_of
from services.audit.api.problems import NotReady
from services.audit.readiness import Readiness, check_readiness
from services.web.problem_details import MEDIA_TYPE
from services.web.scopes import open_to_all

router: Final = APIRouter(tags=["Health"])

_RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    503: {"description": "The sealer does not get on, or the database is away.", "content": {MEDIA_TYPE: {}}}
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
    """A sealer gets on; 503 with the reason if none does."""
    async with service_of(request).connection() as connection:
        readiness, fault = await check_readiness(connection)
    if fault is not None:
        raise NotReady(fault)
    return readiness
