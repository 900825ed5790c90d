"""What was learned about a partner, for auditors."""

from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from services.compliance.api.openapi import question_docs
from services.compliance.api.query_params import Id, question_of
from services.compliance.api.service import service_of
from services.compliance.historical_answers.partner_changes import LearnedChange, PartnerChangesAnswer
from services.compliance.historical_answers.queries import PartnerChanges
from services.web.lists_as_csv import list_of
from services.web.scopes import Scope, requires

router: Final = APIRouter(tags=["audit"])


@router.get("/audit/v1/partners/{partner_id}/changes", **question_docs(PartnerChanges, PartnerChangesAnswer))
@requires(Scope.AUDIT)
@list_of("changes", LearnedChange)
async def partner_changes(request: Request, partner_id: Id) -> Response:
    """What was learned between two instants that changed how the partner stands at `at`, and by which facts.

    Each change names the facts of one call, and the members of the answer that they changed. `next` is null on the
    last page.
    """
    question = question_of(request, PartnerChanges, partner_id=partner_id)
    return await service_of(request).derive(request, question, partner_id)
