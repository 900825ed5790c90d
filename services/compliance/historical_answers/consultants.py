"""Answers about one person: certified or not, portal user or not. Always from the log."""

from datetime import date, datetime

import msgspec

from services.compliance.database import Connection
from services.compliance.historical_answers.as_of import Answer, AsOf, person_as_of
from services.compliance.historical_answers.consultant_lists import items_of, nothing_derived
from services.compliance.historical_answers.questions import (
    AsOfQuestion,
    ConsultantCertification,
    ConsultantCertifications,
)
from services.compliance.policy.answers_from_facts import certification_answer
from services.compliance.policy.consultant_times import record_of
from services.compliance.policy.missing_qualifications import Lack
from services.compliance.policy.parameters import Parameters
from services.compliance.policy.partner_facts import PartnerFacts
from services.compliance.policy.reason import Reason
from services.compliance.read_model.names import consultant_names
from services.compliance.refusals import NeverMentioned
from shared.events.envelope import Fact


class ConsultantAnswer(Answer, frozen=True, kw_only=True):
    """Whether the person is certified for the product, and may use the portal for it.

    `name`: of the person, as it is called now; null if it is unknown or erased.
    """

    consultant_id: str
    name: str | None
    product: str
    certified: bool
    portal_user: bool
    reasons: tuple[Reason, ...]
    next_change_at: datetime | None


class ProductCertification(msgspec.Struct, frozen=True):
    """Whether the person is certified for one product, and may use the portal for it.

    `lacks`: for the certification (R4, R26). `maintenance_due_on`: the first day by whose end maintenance is due that
    is not complete; a day that is over has cost the certification.
    """

    product: str
    certified: bool
    certified_since: datetime | None
    portal_user: bool
    lacks: tuple[Lack, ...]
    maintenance_due_on: date | None
    reasons: tuple[Reason, ...]
    next_change_at: datetime | None


class ConsultantCertificationsAnswer(Answer, frozen=True, kw_only=True):
    """Every product that is sold, by its id. `next_change_at`: when the first of them changes.

    `name`, `partner_name`: as they are called now; null where unknown or erased. `partner_id`: where the person counts
    (R23); null: nowhere.
    """

    consultant_id: str
    name: str | None
    partner_id: str | None
    partner_name: str | None
    certifications: tuple[ProductCertification, ...]
    next_change_at: datetime | None


async def certification(connection: Connection, question: ConsultantCertification, parameters: Parameters) -> bytes:
    """Whether the person is certified for the product (R4) and may use the portal for it (R1)."""
    consultant_id, product = question.consultant_id, question.product
    moment, facts = await _known(connection, consultant_id, question, parameters)
    found = certification_answer(facts, consultant_id, product, moment.at, parameters)
    answer = ConsultantAnswer(
        **moment.members,
        consultant_id=consultant_id,
        name=(await consultant_names(connection, [consultant_id])).get(consultant_id),
        product=product,
        certified=found.certified,
        portal_user=found.portal_user,
        reasons=found.reasons,
        next_change_at=moment.next_change(found.next_change_at),
    )
    return msgspec.json.encode(answer)


async def certifications(connection: Connection, question: ConsultantCertifications, parameters: Parameters) -> bytes:
    """The same for each product that is sold, with what the person lacks for it (R4, R6, R26)."""
    consultant_id, products = question.consultant_id, sorted(parameters.products)
    moment, facts = await _known(connection, consultant_id, question, parameters)
    partner_facts = PartnerFacts("", parameters, facts)
    person = partner_facts.person(consultant_id)
    record = nothing_derived(parameters) if person is None else record_of(person, partner_facts, parameters.products)
    items = await items_of(
        connection, moment, {consultant_id: record}, [(consultant_id, product) for product in products]
    )
    found = []
    for item in items:
        answer = certification_answer(facts, consultant_id, item.product, moment.at, parameters)
        found.append(
            ProductCertification(
                item.product,
                answer.certified,
                item.certified_since,
                answer.portal_user,
                item.lacks,
                item.maintenance_due_on,
                answer.reasons,
                moment.next_change(answer.next_change_at, item.next_change_at),
            )
        )
    first = items[0]
    answers = ConsultantCertificationsAnswer(
        **moment.members,
        consultant_id=consultant_id,
        name=first.name,
        partner_id=first.partner_id,
        partner_name=first.partner_name,
        certifications=tuple(found),
        next_change_at=moment.next_change(*(answer.next_change_at for answer in found)),
    )
    return msgspec.json.encode(answers)


async def _known(
    connection: Connection, consultant_id: str, question: AsOfQuestion, parameters: Parameters
) -> tuple[AsOf, list[Fact]]:
    """The moment, and the facts about the person that were known then. Raises `NeverMentioned`."""
    moment, facts = await person_as_of(connection, consultant_id, question.moment, parameters)
    if facts is None:
        raise NeverMentioned(f"No fact known by then mentions the consultant {consultant_id}.", "consultant_id")
    return moment, facts
