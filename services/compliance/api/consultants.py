"""Questions about one person: certified or not, portal user or not."""

from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from services.compliance.api.openapi import query_parameters, response_docs
from services.compliance.api.query_params import AsOfQuery, Id, question_of
from services.compliance.api.service import service_of
from services.compliance.historical_answers.consultants import ConsultantAnswer
from services.compliance.historical_answers.queries import ConsultantCertification
from services.web.products import Product
from services.web.scopes import Scope, requires

router: Final = APIRouter(tags=["consultants"])


@router.get(
    "/compliance/v1/consultants/{consultant_id}/certifications/{product}",
    openapi_extra=query_parameters(AsOfQuery),
    responses=response_docs(ConsultantAnswer),
)
@requires(Scope.READ)
async def certification(request: Request, consultant_id: Id, product: Product) -> Response:
    """Whether the person is certified for the product (R4) and may use the portal for it (R1)."""
    question = question_of(request, AsOfQuery)
    service = service_of(request)
    service.require_sold(product)
    derived = ConsultantCertification(moment=question.moment, consultant_id=consultant_id, product=product)
    return await service.derive(request, question, consultant_id, derived)
