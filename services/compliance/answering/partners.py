"""Answers about a partner at another moment than the present, from the facts routed to it; the bytes are the same."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final, Literal, NamedTuple

import msgspec

from services.compliance.answering.as_of import AS_OF, Answer, AsOf, moment_and_rows
from services.compliance.answering.queries import AskedMoment, PartnerAuthorisation, PartnerCompliance, PartnerProducts
from services.compliance.database import Connection
from services.compliance.policy.answers import partner_forecast, partner_segment
from services.compliance.policy.forecast import ForecastSegment
from services.compliance.policy.parameters import Parameters
from services.compliance.policy.reason import Reason
from services.compliance.read_model.answer_json import StandingBody, asked, body_of, compliance_answer
from services.compliance.read_model.routing import ROUTES, routed_facts
from services.compliance.refusals import NeverMentioned
from shared.events.compliance_events import Status
from shared.events.envelope import Fact
from shared.events.wire import instant_text

_ROUTED: Final = f"""
    WITH RECURSIVE {AS_OF},
    through AS (SELECT m.position FROM moment m),
    asked AS (SELECT $1::text COLLATE "C" AS partner_id),
    {ROUTES}
    SELECT m.at, m.known_at, m.position, m.head, m.final, m.ahead,
        r.asked_id, r.notification_id, r.append_position, r.topic, r.state
    FROM moment m LEFT JOIN routed r ON true ORDER BY r.asked_id NULLS FIRST, r.notification_id
"""


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


class FactsAsOf(NamedTuple):
    """A moment, and the facts routed to the partner that were known then."""

    moment: AsOf
    facts: list[Fact]


async def compliance(connection: Connection, question: PartnerCompliance, parameters: Parameters) -> bytes:
    """How the partner stands for the product. Raises `NeverMentioned`."""
    known = await as_of(connection, question.partner_id, question.moment)
    segment = _stretch(known, question.partner_id, question.product, parameters)
    return compliance_answer(question.partner_id, question.product, *known.moment, body_of(segment))


async def authorisation(connection: Connection, question: PartnerAuthorisation, parameters: Parameters) -> bytes:
    """What the partner may do for such customers. Raises `NeverMentioned`."""
    known = await as_of(connection, question.partner_id, question.moment)
    segments = partner_forecast(known.facts, question.partner_id, question.product, known.moment.at, parameters)
    now = next(segments, None)
    if now is None:
        raise never_mentioned(question.partner_id)
    changes = (segment.valid_from for segment in segments if _shown(segment) != _shown(now))
    standing = now.standing
    answer = AuthorisationAnswer(
        **known.moment._asdict(),
        partner_id=question.partner_id,
        product=question.product,
        customer=question.customer,
        allowed=standing.sell_new if question.customer == "new" else standing.maintain_existing,
        status=standing.status,
        reasons=now.reasons,
        next_change_at=next(changes, None),
    )
    return msgspec.json.encode(answer)


async def every_product(connection: Connection, question: PartnerProducts, parameters: Parameters) -> bytes:
    """How the partner stands for each product that is sold. Raises `NeverMentioned`."""
    known = await as_of(connection, question.partner_id, question.moment)
    found = {product: _stretch(known, question.partner_id, product, parameters) for product in parameters.products}
    bodies = {product: body_of(segment) for product, segment in found.items()}
    changes = (segment.next_change_at for segment in found.values() if segment.next_change_at is not None)
    return every_product_answer(question.partner_id, known.moment, bodies, min(changes, default=None))


def every_product_answer(
    partner_id: str, moment: AsOf, bodies: Mapping[str, bytes], next_change_at: datetime | None
) -> bytes:
    """The whole answer about every product from the stored bytes of each."""
    products = b",".join(b'{"product":"%b",%b' % (product.encode(), body) for product, body in bodies.items())
    change = "null" if next_change_at is None else f'"{instant_text(next_change_at)}"'
    front = f'{{"partner_id":"{partner_id}",{asked(*moment)},"products":['
    return front.encode() + products + f'],"next_change_at":{change}}}'.encode()


def never_mentioned(partner_id: str) -> NeverMentioned:
    """No fact known by then mentions the partner."""
    return NeverMentioned(f"No fact known by then mentions the partner {partner_id}.", "partner_id")


async def as_of(connection: Connection, partner_id: str, moment: AskedMoment) -> FactsAsOf:
    """The moment asked about, and the facts routed to the partner by then."""
    _, (found, rows) = await moment_and_rows(connection, _ROUTED, partner_id, moment)
    routed = (row[6:] for row in rows if row["topic"] is not None)
    return FactsAsOf(found, routed_facts([partner_id], routed)[partner_id])


def _stretch(known: FactsAsOf, partner_id: str, product: str, parameters: Parameters) -> ForecastSegment:
    """The segment at the moment. Raises `NeverMentioned`."""
    segment = partner_segment(known.facts, partner_id, product, known.moment.at, parameters)
    if segment is None:
        raise never_mentioned(partner_id)
    return segment


def _shown(segment: ForecastSegment) -> tuple[object, ...]:
    """What an authorisation shows of it."""
    standing = segment.standing
    return standing.status, standing.sell_new, standing.maintain_existing, segment.reasons
