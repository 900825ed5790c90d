"""Liveness and readiness."""

from pathlib import Path
from typing import Any, Final

from fastapi import APIRouter, Request
from pydantic import BaseModel

from services.audit.api.logs import service_of
from services.audit.api.problems import NotReady
from services.web.problem_details import MEDIA_TYPE
from services.web.scopes import open_to_all
from services.web.statements import statements

router: Final = APIRouter(tags=["Health"])

_READINESS: Final = statements(str(Path(__file__).parents[1] / "readiness.py"))["readiness"]
_RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    503: {"description": "The sealer does not get on, or the database is away.", "content": {MEDIA_TYPE: {}}}
}


class Alive(BaseModel):
    """The process answers."""

    status: str = "alive"


class Readiness(BaseModel):
    """How many facts and compliance events are recorded, and how many of them are sealed."""

    facts: int
    facts_sealed: int
    events: int
    events_sealed: int


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
        row = await connection.fetchrow(_READINESS)
    assert row is not None
    if row["trouble"] is not None:
        raise NotReady(row["trouble"])
    if not row["sealers"]:
        raise NotReady("No sealer was heard of for 10 seconds: start one (`sagecert audit seal`).")
    return Readiness(**{name: row[name] for name in Readiness.model_fields})
