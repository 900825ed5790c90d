"""Exports of the audit trail as a stream."""

from collections.abc import AsyncIterator
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from starlette.responses import Response, StreamingResponse

from services.audit import export
from services.audit.api.logs import MUTABLE, service_of
from services.audit.refusals import TooManyExports
from services.audit.sealed_log import LogName
from services.web.event_broadcast import POSITION_MAX
from services.web.input_parsing import WHOLE_NUMBER
from services.web.problem_details import MEDIA_TYPE
from services.web.scopes import Scope, requires

AT_ONCE_MAX: Final = 2
"""Exports at once; each holds a connection."""
TYPE: Final = "application/gzip"

PartnerId = Annotated[str | None, Query(pattern=r"^[A-Za-z0-9_\-]{1,64}$", description="Only what concerns it.")]
Until = Annotated[
    int | None, Query(ge=1, le=POSITION_MAX, description="Up to a checkpoint that covers this position."), WHOLE_NUMBER
]
_RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "The archive.", "content": {TYPE: {"schema": {"type": "string", "format": "binary"}}}},
    503: {"description": "Not sealed so far, or the database is away.", "content": {MEDIA_TYPE: {}}},
}

router: Final = APIRouter(tags=["Exports"])


@router.get("/audit/v1/exports", responses=_RESPONSES, response_class=Response)
@requires(Scope.AUDIT)
async def export_everything(request: Request, partner_id: PartnerId = None, until: Until = None) -> Response:
    """Everything sealed in one file that a stranger verifies offline, or what concerns one partner, with proofs."""
    service = service_of(request)
    if service.exports >= AT_ONCE_MAX:
        raise TooManyExports(f"{AT_ONCE_MAX} exports are being made: ask again when one is done.")
    async with service.connection() as connection:
        now = await connection.fetchval("SELECT clock_timestamp()")
        prepared = await export.prepare(connection, service.settings, partner_id, until, now)

    async def archive() -> AsyncIterator[bytes]:
        service.exports += 1
        try:
            async with service.connection() as connection:
                async for part in export.stream(connection, service.settings, prepared):
                    if part:
                        yield part
        finally:
            service.exports -= 1

    name = f"sagecert-{partner_id or LogName.FACTS}-{prepared.facts.size}.tar.gz"
    headers = {**MUTABLE, "Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(archive(), headers=headers, media_type=TYPE)
