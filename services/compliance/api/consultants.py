"""Questions about one person: certified or not, portal user or not."""

from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from services.compliance.api.openapi import question_docs
from services.compliance.api.query_params import Id, derived
from services.compliance.historical_answers.consultants import ConsultantAnswer, ConsultantCertificationsAnswer
from services.compliance.historical_answers.questions import ConsultantCertification, ConsultantCertifications
from services.web.scopes import Scope, requires
from services.web.sold_products import Product

router: Final = APIRouter(tags=["consultants"])


@router.get(
    "/compliance/v1/consultants/{consultant_id}/certifications",
    **question_docs(ConsultantCertifications, ConsultantCertificationsAnswer),
)
@requires(Scope.READ)
async def certifications(request: Request, consultant_id: Id) -> Response:
    """For each product: whether the person is certified (R4), may use the portal (R1), and what it lacks for it."""
    return await derived(request, ConsultantCertifications, consultant_id, consultant_id=consultant_id)


@router.get(
    "/compliance/v1/consultants/{consultant_id}/certifications/{product}",
    **question_docs(ConsultantCertification, ConsultantAnswer),
)
@requires(Scope.READ)
async def certification(request: Request, consultant_id: Id, product: Product) -> Response:
    """Whether the person is certified for the product (R4) and may use the portal for it (R1)."""
    return await derived(request, ConsultantCertification, consultant_id, consultant_id=consultant_id, product=product)
