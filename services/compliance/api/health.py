"""Whether the service lives, and whether it can answer."""

from datetime import datetime
from typing import Final

import msgspec
from fastapi import APIRouter, Request
from starlette.responses import Response

from services.compliance.api.documented import LIST_PROBLEMS, answers_with
from services.compliance.api.service import service_of

router: Final = APIRouter(tags=["health"])

_LAG: Final = """
    SELECT coalesce((SELECT max(notification_id) FROM certification.stored_events), 0) AS head,
        p.position, p.known_through, p.sequence, p.held_by
    FROM progress p
"""


class Readiness(msgspec.Struct, frozen=True):
    """`facts_behind`: how many facts the projection has still to apply. `known_through`: how far its knowledge goes."""

    status: str
    position: int
    facts_behind: int
    known_through: datetime
    events: int
    held_by: str


@router.get("/compliance/healthz")
async def alive() -> dict[str, str]:
    """The process answers."""
    return {"status": "alive"}


@router.get("/compliance/readyz", responses=answers_with(Readiness, problems=LIST_PROBLEMS))
async def ready(request: Request) -> Response:
    """The database answers; how far the projection is behind the log. 503 while the database is away."""
    row = await service_of(request).pool.fetchrow(_LAG)
    assert row is not None, "progress has one row"
    readiness = Readiness(
        status="ready",
        position=row["position"],
        facts_behind=row["head"] - row["position"],
        known_through=row["known_through"],
        events=row["sequence"],
        held_by=row["held_by"],
    )
    return Response(msgspec.json.encode(readiness), media_type="application/json")
