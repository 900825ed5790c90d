"""Answers about a partner at another moment than the present, from the facts routed to it, with the same bytes."""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

import msgspec

from services.compliance.database import Connection
from services.compliance.historical_answers.as_of import Answer, AsOf, partner_as_of
from services.compliance.historical_answers.queries import PartnerAuthorisation, PartnerCompliance, PartnerProducts
from services.compliance.policy.answers_from_facts import partner_forecast, partner_segment
from services.compliance.policy.forecast import ForecastSegment
from services.compliance.policy.parameters import Parameters
from services.compliance.policy.reason import Reason
from services.compliance.read_model.answer_json import (
    StandingBody,
    as_of_members,
    body_of,
    compliance_answer,
    partner_members,
)
from services.compliance.read_model.names import partner_name
from services.compliance.refusals import NeverMentioned
from shared.events.compliance_events import Status
from shared.events.envelope import Fact
from shared.events.wire import instant_text


class AuthorisationAnswer(Answer, frozen=True, kw_only=True):
    """Whether the partner may sell the product to new customers, or maintain existing ones.

    `name`: of the partner, as it is called now; null where it is unknown or erased.
    """

    partner_id: str
    name: str | None
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
    """How the partner stands for each product. `next_change_at`: when the first of them changes.

    `name`: of the partner, as it is called now; null where it is unknown or erased.
    """

    partner_id: str
    name: str | None
    products: tuple[ProductStanding, ...]
    next_change_at: datetime | None


async def compliance(connection: Connection, question: PartnerCompliance, parameters: Parameters) -> bytes:
    """How the partner stands for the product. Raises `NeverMentioned`."""
    moment, facts = await partner_as_of(connection, question.partner_id, question.moment, parameters)
    segment = _segment(facts, question.partner_id, question.product, moment.at, parameters)
    name = await partner_name(connection, question.partner_id)
    return compliance_answer(question.partner_id, name, question.product, moment, _body(segment))


async def authorisation(connection: Connection, question: PartnerAuthorisation, parameters: Parameters) -> bytes:
    """Whether the partner may serve such customers. Raises `NeverMentioned`."""
    moment, facts = await partner_as_of(connection, question.partner_id, question.moment, parameters)
    segments = partner_forecast(facts, question.partner_id, question.product, moment.at, parameters)
    now = next(segments, None)
    if now is None:
        raise never_mentioned(question.partner_id)
    changes = (segment.valid_from for segment in segments if _shown(segment) != _shown(now))
    standing = now.standing
    answer = AuthorisationAnswer(
        **moment.members,
        partner_id=question.partner_id,
        name=await partner_name(connection, question.partner_id),
        product=question.product,
        customer=question.customer,
        allowed=standing.sell_new if question.customer == "new" else standing.maintain_existing,
        status=standing.status,
        reasons=now.reasons,
        next_change_at=moment.next_change(next(changes, None)),
    )
    return msgspec.json.encode(answer)


async def every_product(connection: Connection, question: PartnerProducts, parameters: Parameters) -> bytes:
    """How the partner stands for each product that is sold. Raises `NeverMentioned`."""
    moment, facts = await partner_as_of(connection, question.partner_id, question.moment, parameters)
    partner_id, products = question.partner_id, parameters.products
    found = {product: _segment(facts, partner_id, product, moment.at, parameters) for product in products}
    bodies = {product: _body(segment) for product, segment in found.items()}
    changes = [segment.next_change_at for segment in found.values()]
    name = await partner_name(connection, partner_id)
    return every_product_answer(partner_id, name, moment, bodies, moment.next_change(*changes))


def every_product_answer(
    partner_id: str, name: str | None, moment: AsOf, bodies: Mapping[str, bytes], next_change_at: datetime | None
) -> bytes:
    """The whole answer about every product from the stored bytes of each."""
    products = b",".join(b'{"product":"%b",%b' % (product.encode(), body) for product, body in bodies.items())
    change = "null" if next_change_at is None else f'"{instant_text(next_change_at)}"'
    front = f'{as_of_members(moment)},"products":['
    return (
        b"{%b,%b" % (partner_members(partner_id, name), front.encode())
        + products
        + f'],"next_change_at":{change}}}'.encode()
    )


def never_mentioned(partner_id: str) -> NeverMentioned:
    """No fact known by then mentions the partner."""
    return NeverMentioned(f"No fact known by then mentions the partner {partner_id}.", "partner_id")


def _segment(facts: list[Fact], partner_id: str, product: str, at: datetime, parameters: Parameters) -> ForecastSegment:
    """The segment that contains `at`. Raises `NeverMentioned`."""
    segment = partner_segment(facts, partner_id, product, at, parameters)
    if segment is None:
        raise never_mentioned(partner_id)
    return segment


def _body(segment: ForecastSegment) -> bytes:
    return body_of(segment.standing, segment.reasons, segment.next_change_at)


def _shown(segment: ForecastSegment) -> tuple[object, ...]:
    """The members that an authorisation shows."""
    standing = segment.standing
    return standing.status, standing.sell_new, standing.maintain_existing, segment.reasons
