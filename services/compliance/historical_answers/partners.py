"""Answers about a partner at another moment than the present, from the facts routed to it, with the same bytes."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Literal, NamedTuple

import msgspec

from services.compliance.database import Connection
from services.compliance.historical_answers.as_of import Answer, AsOf, partner_as_of
from services.compliance.historical_answers.questions import PartnerAuthorisation, PartnerCompliance, PartnerProducts
from services.compliance.policy.answers_from_facts import partner_known
from services.compliance.policy.forecast import ForecastSegment
from services.compliance.policy.mends import Mends, mends
from services.compliance.policy.near_people import linked_people
from services.compliance.policy.parameters import Parameters
from services.compliance.policy.partner_facts import PartnerFacts
from services.compliance.policy.reason import Reason
from services.compliance.read_model.answer_json import (
    MendedStanding,
    as_of_members,
    body_of,
    compliance_answer,
    partner_members,
    with_mends,
)
from services.compliance.read_model.names import partner_name
from services.compliance.read_model.near_people import NOBODY_NEAR, nearest_now
from services.compliance.refusals import NeverMentioned
from shared.events.compliance_events import Status
from shared.events.envelope import Fact
from shared.events.wire import instant_text


class AuthorisationAnswer(Answer, frozen=True, kw_only=True):
    """Whether the partner may sell the product to new customers, or maintain existing ones.

    `name`: of the partner, as it is called now; null if it is unknown or erased. `mends`: what would make it
    compliant; null if it is.
    """

    partner_id: str
    name: str | None
    product: str
    customer: Literal["new", "existing"]
    allowed: bool
    status: Status
    reasons: tuple[Reason, ...]
    mends: Mends | None
    next_change_at: datetime | None


class ProductStanding(MendedStanding, frozen=True, kw_only=True):
    """How the partner stands for one product."""

    product: str


class EveryProductAnswer(Answer, frozen=True, kw_only=True):
    """How the partner stands for each product. `next_change_at`: when the first of them changes.

    `name`: of the partner, as it is called now; null if it is unknown or erased.
    """

    partner_id: str
    name: str | None
    products: tuple[ProductStanding, ...]
    next_change_at: datetime | None


class _Known(NamedTuple):
    """The partner at the moment, for a product: the present segment, those that follow, and what would mend it."""

    now: ForecastSegment
    following: Iterator[ForecastSegment]
    mends: Mends | None
    changes_at: datetime | None

    @property
    def body(self) -> bytes:
        """The members of the answer."""
        now = self.now
        return with_mends(body_of(now.standing, now.reasons, now.next_change_at), self.mends, self.changes_at)


async def compliance(connection: Connection, question: PartnerCompliance, parameters: Parameters) -> bytes:
    """How the partner stands for the product. Raises `NeverMentioned`."""
    moment, facts = await partner_as_of(connection, question.partner_id, question.moment, parameters)
    product = question.product
    found = (await _known(connection, facts, question.partner_id, (product,), moment, parameters))[product]
    name = await partner_name(connection, question.partner_id)
    return compliance_answer(question.partner_id, name, question.product, moment, found.body)


async def authorisation(connection: Connection, question: PartnerAuthorisation, parameters: Parameters) -> bytes:
    """Whether the partner may serve such customers. Raises `NeverMentioned`."""
    moment, facts = await partner_as_of(connection, question.partner_id, question.moment, parameters)
    product = question.product
    found = (await _known(connection, facts, question.partner_id, (product,), moment, parameters))[product]
    now, standing = found.now, found.now.standing
    changes = (segment.valid_from for segment in found.following if _shown(segment) != _shown(now))
    answer = AuthorisationAnswer(
        **moment.members,
        partner_id=question.partner_id,
        name=await partner_name(connection, question.partner_id),
        product=question.product,
        customer=question.customer,
        allowed=standing.sell_new if question.customer == "new" else standing.maintain_existing,
        status=standing.status,
        reasons=now.reasons,
        mends=found.mends,
        next_change_at=moment.next_change(next(changes, None), found.changes_at),
    )
    return msgspec.json.encode(answer)


async def every_product(connection: Connection, question: PartnerProducts, parameters: Parameters) -> bytes:
    """How the partner stands for each product that is sold. Raises `NeverMentioned`."""
    moment, facts = await partner_as_of(connection, question.partner_id, question.moment, parameters)
    return await every_product_known(connection, facts, question.partner_id, moment, parameters)


async def every_product_known(
    connection: Connection, facts: list[Fact], partner_id: str, moment: AsOf, parameters: Parameters
) -> bytes:
    """The same from these facts, which are those routed to the partner that are known at the moment."""
    found = await _known(connection, facts, partner_id, parameters.products, moment, parameters)
    changes = [change for known in found.values() for change in (known.now.next_change_at, known.changes_at)]
    bodies = {product: known.body for product, known in found.items()}
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


async def _known(
    connection: Connection,
    facts: list[Fact],
    partner_id: str,
    products: Sequence[str],
    moment: AsOf,
    parameters: Parameters,
) -> dict[str, _Known]:
    """The partner at the moment, for each product. Raises `NeverMentioned`."""
    found = partner_known(facts, partner_id, products, moment.at, parameters)
    if found is None:
        raise never_mentioned(partner_id)
    partner_facts, segments = found
    return {
        product: await _mended(connection, partner_facts, product, following, moment)
        for product, following in segments.items()
    }


async def _mended(
    connection: Connection,
    partner_facts: PartnerFacts,
    product: str,
    segments: Iterator[ForecastSegment],
    moment: AsOf,
) -> _Known:
    """The partner for the product, with what would mend it."""
    now = next(segments)
    standing, near = now.standing, NOBODY_NEAR
    if standing.shortfall and standing.status != "compliant":
        people = linked_people(partner_facts, product)
        near = await nearest_now(connection, people, product, moment.at, moment.position)
    mended = mends(standing.status, standing.shortfall, standing.windows, near.nearest)
    return _Known(now, segments, mended, near.changes_at)


def _shown(segment: ForecastSegment) -> tuple[object, ...]:
    """The members that an authorisation shows."""
    standing = segment.standing
    return standing.status, standing.sell_new, standing.maintain_existing, segment.reasons
