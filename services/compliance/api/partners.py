"""Questions about one partner: how it stands, what it may do."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final, Literal

import msgspec
from fastapi import APIRouter, Request
from starlette.responses import Response

from services.compliance.api.openapi import question_docs
from services.compliance.api.query_params import Id, question_of
from services.compliance.api.service import Service, service_of
from services.compliance.claims.claim_recorder import Claim
from services.compliance.historical_answers.partners import (
    AuthorisationAnswer,
    EveryProductAnswer,
    every_product_answer,
    never_mentioned,
)
from services.compliance.historical_answers.questions import (
    AsOfQuestion,
    PartnerAuthorisation,
    PartnerCompliance,
    PartnerProducts,
)
from services.compliance.policy.mends import Mends
from services.compliance.policy.reason import Reason
from services.compliance.read_model.answer_json import ComplianceAnswer, compliance_answer, mends_of, with_mends
from services.compliance.read_model.current_standings import PresentPartner, StoredSegment, present, present_and_future
from services.compliance.read_model.near_people import NOBODY_NEAR, decode_people, nearest_now
from services.compliance.read_model.nearest_cache import KeptNearest
from services.web.media_types import JSON
from services.web.scopes import Scope, caller_of, requires
from services.web.sold_products import Product
from shared.events.compliance_events import Status

router: Final = APIRouter(tags=["partners"])

_SEGMENTS_MAX: Final = 8
"""Segments that a live answer compares; if more follow without a change, the log answers."""


class _Shown(msgspec.Struct, frozen=True):
    """What an authorisation shows of a standing."""

    status: Status
    sell_new: bool
    maintain_existing: bool
    reasons: tuple[Reason, ...]


class _Claimed(msgspec.Struct, frozen=True):
    """What a claim holds of an answer."""

    allowed: bool
    at: datetime
    position: int
    policy_id: str


@router.get(
    "/compliance/v1/partners/{partner_id}/compliance/{product}", **question_docs(PartnerCompliance, ComplianceAnswer)
)
@requires(Scope.READ)
async def compliance(request: Request, partner_id: Id, product: Product) -> Response:
    """How the partner stands for the product: headcount, status, windows, suspensions, and why."""
    question = question_of(request, PartnerCompliance, partner_id=partner_id, product=product)
    service = service_of(request)
    if question.live:
        kept = service.nearest.get(partner_id, product)
        partner, segment = await service.wait_for_position(
            question, lambda connection: present(connection, partner_id, product, kept)
        )
        if segment is None:
            raise never_mentioned(partner_id)
        if segment.body:
            body = with_mends(segment.body, *await _mends(service, partner, product, segment, kept))
            return Response(compliance_answer(partner_id, partner.name, product, partner.moment, body), media_type=JSON)
    return await service.derive(request, question, partner_id)


@router.get(
    "/compliance/v1/partners/{partner_id}/authorisations/{product}",
    **question_docs(PartnerAuthorisation, AuthorisationAnswer),
)
@requires(Scope.READ)
async def authorisation(request: Request, partner_id: Id, product: Product) -> Response:
    """Whether the partner may sell the product to new customers (R12, R19), or maintain existing ones (R20)."""
    question = question_of(request, PartnerAuthorisation, partner_id=partner_id, product=product)
    service = service_of(request)
    if question.live:
        kept = {product: service.nearest.get(partner_id, product)}
        partner, parts = await _parts(service, partner_id, kept, question, _SEGMENTS_MAX)
        answer = _authorisation(partner, parts[product], product, question.customer)
        if answer is not None:
            found, changes_at = await _mends(service, partner, product, parts[product][0], kept[product])
            change = min((at for at in (answer.next_change_at, changes_at) if at is not None), default=None)
            answer = msgspec.structs.replace(answer, mends=found, next_change_at=change)
            _claim(request, question, answer)
            return Response(msgspec.json.encode(answer), media_type=JSON)
    response = await service.derive(request, question, partner_id)
    if response.status_code == 200:
        _claim(request, question, _decode_claimed(response.body))
    return response


def _claim(request: Request, question: PartnerAuthorisation, answer: "AuthorisationAnswer | _Claimed") -> None:
    """Has it recorded what is answered."""
    service = service_of(request)
    service.claims.record(
        Claim(
            partner_id=question.partner_id,
            product=question.product,
            customer=question.customer,
            allowed=answer.allowed,
            at=answer.at,
            position=answer.position,
            policy_id=answer.policy_id,
            engine=service.parameters.version,
            actor=caller_of(request).name,
        )
    )


def _authorisation(
    partner: PresentPartner, segments: list[StoredSegment], product: str, customer: Literal["new", "existing"]
) -> AuthorisationAnswer | None:
    """Without what would mend it. None if the stored segments do not show when it changes next."""
    if not segments[0].body:
        return None
    now, next_change_at = _decode(b"{" + segments[0].body), segments[0].valid_to
    certain = next_change_at is None
    for segment in segments[1:]:
        if not segment.body:
            return None
        if certain := _decode(b"{" + segment.body) != now:
            break
        next_change_at, certain = segment.valid_to, segment.valid_to is None
    if not certain:
        return None
    return AuthorisationAnswer(
        **partner.moment.members,
        partner_id=partner.partner_id,
        name=partner.name,
        product=product,
        customer=customer,
        allowed=now.sell_new if customer == "new" else now.maintain_existing,
        status=now.status,
        reasons=now.reasons,
        mends=None,
        next_change_at=partner.moment.next_change(next_change_at),
    )


@router.get("/compliance/v1/partners/{partner_id}", **question_docs(PartnerProducts, EveryProductAnswer))
@requires(Scope.READ)
async def every_product(request: Request, partner_id: Id) -> Response:
    """How the partner stands for each product that is sold."""
    question = question_of(request, PartnerProducts, partner_id=partner_id)
    service = service_of(request)
    if question.live:
        kept = {product: service.nearest.get(partner_id, product) for product in service.parameters.products}
        partner, parts = await _parts(service, partner_id, kept, question, 1)
        if all(found[0].body for found in parts.values()):
            mends = {
                product: await _mends(service, partner, product, found[0], kept[product])
                for product, found in parts.items()
            }
            bodies = {product: with_mends(found[0].body, *mends[product]) for product, found in parts.items()}
            changes = (found[0].valid_to for found in parts.values())
            change = partner.moment.next_change(*changes, *(changes_at for _, changes_at in mends.values()))
            answer = every_product_answer(partner_id, partner.name, partner.moment, bodies, change)
            return Response(answer, media_type=JSON)
    return await service.derive(request, question, partner_id)


async def _mends(
    service: Service, partner: PresentPartner, product: str, segment: StoredSegment, kept: KeptNearest | None
) -> tuple[Mends | None, datetime | None]:
    """What would mend the segment, and when somebody else is nearest.

    The people were selected with the segment, and what they did comes from the facts up to the same position. `kept`:
    what was kept when the segment was selected, which says whether it holds.
    """
    if segment.status == "compliant":
        return None, None
    found, moment = NOBODY_NEAR, partner.moment
    if segment.kept and kept is not None:
        found = kept.named({} if segment.names is None else msgspec.json.decode(segment.names))
    elif people := decode_people(segment.people):
        async with service.connection() as connection:
            found = await nearest_now(connection, people, product, moment.at, moment.position)
        keep = KeptNearest(segment.table, moment.position, moment.at, found.changes_at, found.nearest)
        service.nearest.keep(partner.partner_id, product, keep)
    return mends_of(segment.body, found.nearest), found.changes_at


async def _parts(
    service: Service, partner_id: str, kept: Mapping[str, KeptNearest | None], question: AsOfQuestion, segments_max: int
) -> tuple[PresentPartner, dict[str, list[StoredSegment]]]:
    """The first segments from the moment on, of each product kept or not. Raises `NeverMentioned`."""
    partner, parts = await service.wait_for_position(
        question, lambda connection: present_and_future(connection, partner_id, kept, segments_max)
    )
    if not any(parts.values()):
        raise never_mentioned(partner_id)
    return partner, parts


_decode: Final = msgspec.json.Decoder(_Shown).decode
_decode_claimed: Final = msgspec.json.Decoder(_Claimed).decode
