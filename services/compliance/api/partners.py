"""Questions about one partner: how it stands, what it may do."""

from datetime import datetime
from itertools import pairwise
from typing import Final, Literal

import msgspec
from fastapi import APIRouter, Request
from starlette.responses import Response

from services.compliance.api.documented import answers_with, asks
from services.compliance.api.moment import Answer, Moment
from services.compliance.api.problems import NeverMentioned
from services.compliance.api.question import AuthorisationQuestion, Id, Question, question_of
from services.compliance.api.service import Service, service_of
from services.compliance.api.standings import Part, as_of, parts_from, present, present_and_future
from services.compliance.policy.standing import Reason, Status
from services.compliance.read_model.answer import ComplianceAnswer, StandingBody, asked, compliance_answer
from services.products import Product
from shared.events.wire import instant_text

router: Final = APIRouter(tags=["partners"])

JSON: Final = "application/json"


class AuthorisationAnswer(Answer, frozen=True, kw_only=True):
    """Whether the partner may sell the product to new customers, or maintain existing ones."""

    partner_id: str
    product: str
    customer: Literal["new", "existing"]
    allowed: bool
    status: Status
    reasons: tuple[Reason, ...]
    next_change_at: datetime | None


class ProductStanding(StandingBody, frozen=True, kw_only=True):
    """How the partner stands for one product."""

    product: str


class EveryProductAnswer(Answer, frozen=True, kw_only=True):
    """How the partner stands for each product. `next_change_at`: when the first of them changes."""

    partner_id: str
    products: tuple[ProductStanding, ...]
    next_change_at: datetime | None


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
    if question.live:
        moment, body = await service.look(question, lambda connection: present(connection, partner_id, product))
    else:
        known = await service.look(question, lambda connection: as_of(connection, partner_id, question))
        moment = known.moment
        body = next((part.body for part in parts_from(known, partner_id, product, service.parameters)), None)
    if body is None:
        raise _never_mentioned(partner_id)
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
    moment, parts = await _parts(service, partner_id, service.parameters.products, question)
    products = ",".join(f'{{"product":"{product}",{found[0].body.decode()}' for product, found in parts.items())
    change = min((found[0].valid_to for found in parts.values() if found[0].valid_to is not None), default=None)
    next_change_at = "null" if change is None else f'"{instant_text(change)}"'
    front = f'{{"partner_id":"{partner_id}",{asked(*moment)}'
    return Response(f'{front},"products":[{products}],"next_change_at":{next_change_at}}}', media_type=JSON)


async def _parts(
    service: Service, partner_id: str, products: tuple[str, ...], question: Question
) -> tuple[Moment, dict[str, list[Part]]]:
    """The stretches from the moment on, of each product. Raises `NeverMentioned`."""
    if question.live:
        moment, parts = await service.look(
            question, lambda connection: present_and_future(connection, partner_id, products)
        )
    else:
        known = await service.look(question, lambda connection: as_of(connection, partner_id, question))
        moment = known.moment
        parts = {product: parts_from(known, partner_id, product, service.parameters) for product in products}
    if not any(parts.values()):
        raise _never_mentioned(partner_id)
    return moment, parts


_decode: Final = msgspec.json.Decoder(_Told).decode


def _never_mentioned(partner_id: str) -> NeverMentioned:
    return NeverMentioned(f"No fact known by then mentions the partner {partner_id}.", "partner_id")
