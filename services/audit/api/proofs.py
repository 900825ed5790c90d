"""Proofs that stand alone: a fact is in the sealed log."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from services.audit.api.logs import MUTABLE, NOTE, service_of
from services.web.scopes import Scope, requires

FactId = Annotated[str, Path(pattern=r"^[\x21-\x7e]{1,64}$", examples=["ACC1010"])]
_RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    **NOTE,
    404: {"description": "No fact of this id was ever recorded."},
}

router: Final = APIRouter(tags=["Sealed logs"])


@router.get("/certification/v1/facts/{fact_id}/proof", responses=_RESPONSES, response_class=Response)
@requires(Scope.READ)
async def fact_proof(fact_id: FactId, request: Request) -> Response:
    """The inclusion of a fact in the log of facts, as a `.tlog-proof` (C2SP): its index, hashes and a checkpoint."""
    text = await service_of(request).proof(fact_id)
    headers = {**MUTABLE, "Content-Disposition": f'attachment; filename="{fact_id}.tlog-proof"'}
    return Response(text, headers=headers, media_type="text/plain")
