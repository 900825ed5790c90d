"""Why a partner stands as it does, for auditors."""

from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from services.compliance.api.openapi import query_parameters, response_docs
from services.compliance.api.query_params import AsOfQuery, Id, question_of
from services.compliance.api.service import service_of
from services.compliance.historical_answers.explanation_page import CONTENT_SECURITY_POLICY
from services.compliance.historical_answers.explanations import ExplanationAnswer
from services.compliance.historical_answers.queries import PartnerExplanation
from services.web.media_types import HTML, prefers_html
from services.web.products import Product
from services.web.scopes import Scope, requires

router: Final = APIRouter(tags=["audit"])

_RESPONSES: Final = response_docs(ExplanationAnswer)
_RESPONSES[200]["content"][HTML] = {"schema": {"type": "string"}}


@router.get(
    "/audit/v1/explanations/partners/{partner_id}/{product}",
    openapi_extra=query_parameters(AsOfQuery),
    responses=_RESPONSES,
)
@requires(Scope.AUDIT)
async def explain_partner(request: Request, partner_id: Id, product: Product) -> Response:
    """Why the partner has this status for the product: each rule in words, with the arithmetic of each deadline.

    Who counts, who was lost and why, what is missing, what would mend it, and the facts. A caller that prefers
    `text/html` gets a page to print.
    """
    question = question_of(request, AsOfQuery)
    service = service_of(request)
    service.require_sold(product)
    page = prefers_html(request.headers)
    derived = PartnerExplanation(moment=question.moment, partner_id=partner_id, product=product, page=page)
    response = await service.derive(request, question, partner_id, derived)
    if page:
        response.headers["content-type"] = f"{HTML}; charset=utf-8"
        response.headers["content-security-policy"] = CONTENT_SECURITY_POLICY
    response.headers["vary"] = "Accept"
    return response
