"""Exports of the audit trail as a stream."""

from collections.abc import AsyncIterator
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from services.audit import export
from services.audit.api.logs import MUTABLE, service_of
from services.audit.refusals import TooManyExports
from services.audit.sealed_log import LogName
from services.audit.sealed_log_answers import EXPORTS_MAX, EXPORTS_PER_CALLER_MAX
from services.web.bounded_places import PlacedStream
from services.web.fair_places import caller_name
from services.web.feed_events import POSITION_MAX
from services.web.input_parsing import WHOLE_NUMBER
from services.web.scopes import Scope, requires

TYPE: Final = "application/gzip"

PartnerId = Annotated[str | None, Query(pattern=r"^[A-Za-z0-9_\-]{1,64}$", description="Only what concerns it.")]
Until = Annotated[
    int | None, Query(ge=1, le=POSITION_MAX, description="Up to a checkpoint that covers this position."), WHOLE_NUMBER
]
_RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "The archive.", "content": {TYPE: {"schema": {"type": "string", "format": "binary"}}}},
    503: {"description": "Not sealed so far, or the database is away."},
}

router: Final = APIRouter(tags=["Exports"])


@router.get("/audit/v1/exports", responses=_RESPONSES, response_class=Response)
@requires(Scope.AUDIT)
async def export_everything(request: Request, partner_id: PartnerId = None, until: Until = None) -> Response:
    """Everything sealed, or everything about one partner with proofs, in one file that anyone can verify offline."""
    service = service_of(request)
    give_back = service.exports.take(caller_name.get())
    if give_back is None:
        raise TooManyExports(
            f"{EXPORTS_MAX} exports are made at once, {EXPORTS_PER_CALLER_MAX} of one caller: ask again later."
        )
    try:
        async with service.connection() as connection:
            prepared = await export.prepare(connection, service.settings, partner_id, until)
    except BaseException:
        give_back()
        raise

    async def archive() -> AsyncIterator[bytes]:
        async with service.connection() as connection:
            async for part in export.stream(connection, service.settings, prepared):
                if part:
                    yield part

    name = f"sagecert-{partner_id or LogName.FACTS}-{prepared.facts.size}.tar.gz"
    headers = {**MUTABLE, "Content-Disposition": f'attachment; filename="{name}"'}
    return PlacedStream(archive(), give_back, headers=headers, media_type=TYPE)
