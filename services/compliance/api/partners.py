"""Questions about one partner: how it stands, what it may do."""

from itertools import pairwise
from typing import Final

import msgspec
from fastapi import APIRouter, Request
from starlette.responses import Response

from services.compliance.answering.moment import Moment
from services.compliance.answering.partners import (
    AuthorisationAnswer,
    EveryProductAnswer,
    every_product_answer,
    never_mentioned,
)
from services.compliance.answering.questions import PartnerAuthorisation, PartnerCompliance, PartnerProducts
from services.compliance.api.documented import answers_with, asks
from services.compliance.api.question import AuthorisationQuestion, Id, Question, question_of
from services.compliance.api.service import Service, service_of
from services.compliance.api.standings import Part, present, present_and_future
from services.compliance.policy.standing import Reason, Status
from services.compliance.read_model.answer import ComplianceAnswer, compliance_answer
from services.products import Product

router: Final = APIRouter(tags=["partners"])

JSON: Final = "application/json"


class _Told(msgspec.Struct, frozen=True):
    """What an authorisation tells of a standing."""

    status: Status
    sell_new: bool
    maintain_existing: bool
    reasons: tuple[Reason, ...]


@router.get(
    "/compliance/v1/partners/{partner_id}/compliance/{product}",
    openapi_extra=asks(Question),
    responses=answers_with(ComplianceAnswer),
)
async def compliance(request: Request, partner_id: Id, product: Product) -> Response:
    """How the partner stands for the product: headcount, status, windows, suspensions, and why."""
    question = question_of(request, Question)
    service = service_of(request)
    service.sold(product)
    if not question.live:
        derived = PartnerCompliance(moment=question.moment, partner_id=partner_id, product=product)
        return await service.derive(request, question, partner_id, derived)
    moment, body = await service.look(question, lambda connection: present(connection, partner_id, product))
    if body is None:
        raise never_mentioned(partner_id)
    return Response(compliance_answer(partner_id, product, *moment, body), media_type=JSON)


@router.get(
    "/compliance/v1/partners/{partner_id}/authorisations/{product}",
    openapi_extra=asks(AuthorisationQuestion),
    responses=answers_with(AuthorisationAnswer),
)
async def authorisation(request: Request, partner_id: Id, product: Product) -> Response:
    """Whether the partner may sell the product to new customers (R12, R19), or maintain existing ones (R20)."""
    question = question_of(request, AuthorisationQuestion)
    service = service_of(request)
    service.sold(product)
    if not question.live:
        derived = PartnerAuthorisation(
            moment=question.moment, partner_id=partner_id, product=product, customer=question.customer
        )
        return await service.derive(request, question, partner_id, derived)
    moment, parts = await _parts(service, partner_id, (product,), question)
    told = [(part.valid_to, _decode(b"{" + part.body)) for part in parts[product]]
    now = told[0][1]
    answer = AuthorisationAnswer(
        **moment._asdict(),
        partner_id=partner_id,
        product=product,
        customer=question.customer,
        allowed=now.sell_new if question.customer == "new" else now.maintain_existing,
        status=now.status,
        reasons=now.reasons,
        next_change_at=next((until for (until, _), (_, then) in pairwise(told) if then != now), None),
    )
    return Response(msgspec.json.encode(answer), media_type=JSON)


@router.get(
    "/compliance/v1/partners/{partner_id}", openapi_extra=asks(Question), responses=answers_with(EveryProductAnswer)
)
async def every_product(request: Request, partner_id: Id) -> Response:
    """How the partner stands for each product that is sold."""
    question = question_of(request, Question)
    service = service_of(request)
    if not question.live:
        derived = PartnerProducts(moment=question.moment, partner_id=partner_id)
        return await service.derive(request, question, partner_id, derived)
    moment, parts = await _parts(service, partner_id, service.parameters.products, question)
    bodies = {product: found[0].body for product, found in parts.items()}
    change = min((found[0].valid_to for found in parts.values() if found[0].valid_to is not None), default=None)
    return Response(every_product_answer(partner_id, moment, bodies, change), media_type=JSON)


async def _parts(
    service: Service, partner_id: str, products: tuple[str, ...], question: Question
) -> tuple[Moment, dict[str, list[Part]]]:
    """The stretches from the moment on, of each product. Raises `NeverMentioned`."""
    moment, parts = await service.look(
        question, lambda connection: present_and_future(connection, partner_id, products)
    )
    if not any(parts.values()):
        raise never_mentioned(partner_id)
    return moment, parts


_decode: Final = msgspec.json.Decoder(_Told).decode
