"""What was answered to whom about a partner, for auditors."""

from typing import Annotated, Final

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from services.compliance.api.openapi import query_parameters, response_docs
from services.compliance.api.query_params import AskedPosition, AsOfQuery, WrittenId, question_of
from services.compliance.api.service import service_of
from services.compliance.historical_answers.claims import ClaimItem, ClaimsAnswer
from services.compliance.historical_answers.queries import PartnerClaims
from services.web.input_parsing import WHOLE_NUMBER
from services.web.list_tables import list_of
from services.web.scopes import Scope, requires

router: Final = APIRouter(tags=["audit"])

LIMIT_MAX: Final = 200
"""Claims of a page: each that is not correct is derived by itself."""


class ClaimsQuestion(BaseModel):
    """Which claims."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    partner_id: WrittenId = Field(description="Those about this partner.")
    after: AskedPosition = Field(default=0, description="`next` of the page before.")
    limit: Annotated[int, Field(ge=1, le=LIMIT_MAX), WHOLE_NUMBER] = Field(default=50, description="How many at most.")


@router.get("/audit/v1/claims", openapi_extra=query_parameters(ClaimsQuestion), responses=response_docs(ClaimsAnswer))
@requires(Scope.AUDIT)
@list_of("claims", ClaimItem, rows_max=LIMIT_MAX)
async def claims(request: Request) -> Response:
    """The authorisation answers that were given about the partner, in order, each with a verdict.

    `correct`: right by what is known now; `justified`: right only by what was known then; `wrong`: not even that.
    Answers that differ in nothing but the second of a minute are one claim.
    """
    question = question_of(request, ClaimsQuestion)
    moment = AsOfQuery()
    derived = PartnerClaims(
        moment=moment.moment, partner_id=question.partner_id, after=question.after, limit=question.limit
    )
    return await service_of(request).derive(request, moment, question.partner_id, derived)
