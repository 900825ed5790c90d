"""What was answered to whom about a partner, for auditors."""

from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from services.compliance.api.openapi import question_docs
from services.compliance.api.query_params import question_of
from services.compliance.api.service import service_of
from services.compliance.historical_answers.claims import ClaimItem, ClaimsAnswer
from services.compliance.historical_answers.queries import CLAIMS_MAX, PartnerClaims
from services.web.lists_as_csv import list_of
from services.web.scopes import Scope, requires

router: Final = APIRouter(tags=["audit"])


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
