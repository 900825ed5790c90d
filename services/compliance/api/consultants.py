"""Questions about one person: certified or not, portal user or not."""

from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from services.compliance.answering.consultants import ConsultantAnswer
from services.compliance.answering.questions import ConsultantCertification
from services.compliance.api.documented import answers_with, asks
from services.compliance.api.question import Id, Question, question_of
from services.compliance.api.service import service_of
from services.products import Product

router: Final = APIRouter(tags=["consultants"])


@router.get(
    "/compliance/v1/consultants/{consultant_id}/certifications/{product}",
    openapi_extra=asks(Question),
    responses=answers_with(ConsultantAnswer),
)
async def certification(request: Request, consultant_id: Id, product: Product) -> Response:
    """Whether the person is certified for the product (R4) and may use the portal for it (R1)."""
    question = question_of(request, Question)
    service = service_of(request)
    service.sold(product)
    derived = ConsultantCertification(moment=question.moment, consultant_id=consultant_id, product=product)
    return await service.derive(request, question, consultant_id, derived)
