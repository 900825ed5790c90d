"""What was learned about a partner, and what was answered to whom about it, for auditors."""

from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from services.compliance.api.openapi import question_docs
from services.compliance.api.query_params import Id, derived, question_of
from services.compliance.api.service import service_of
from services.compliance.historical_answers.claims import ClaimItem, ClaimsAnswer
from services.compliance.historical_answers.partner_changes import LearnedChange, PartnerChangesAnswer
from services.compliance.historical_answers.questions import CLAIMS_MAX, PartnerChanges, PartnerClaims
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
    return await derived(request, PartnerChanges, partner_id, partner_id=partner_id)


@router.get("/audit/v1/claims", **question_docs(PartnerClaims, ClaimsAnswer))
@requires(Scope.AUDIT)
@list_of("claims", ClaimItem, rows_max=CLAIMS_MAX)
async def claims(request: Request) -> Response:
    """The authorisation answers that were given about the partner, in order, each with a verdict.

    `correct`: right by what is known now; `justified`: right only by what was known then; `wrong`: neither.
    Answers within one minute that are otherwise equal are one claim.
    """
    question = question_of(request, PartnerClaims)
    return await service_of(request).derive(request, question, question.partner_id)
