"""Lists of people: who is certified for what, and what each of the others lacks.

The present comes from the read model, any other moment from the log.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import date, datetime
from typing import Final

import msgspec

from services.compliance.database import Connection
from services.compliance.historical_answers.as_of import Answer, AsOf, moment_of, partner_as_of
from services.compliance.historical_answers.page_budget import ALL_PRODUCTS, PageBudget
from services.compliance.historical_answers.partners import never_mentioned
from services.compliance.historical_answers.queries import AsOfMembers, ConsultantsList
from services.compliance.policy.consultant_times import (
    ConsultantRecord,
    changes_after,
    holds,
    linked_times,
    record_of,
    since,
)
from services.compliance.policy.parameters import Parameters
from services.compliance.policy.partner_facts import PartnerFacts
from services.compliance.policy.qualifications import NO_TRAINING, Lack, Training, lacking, training_of
from services.compliance.read_model.current_standings import present_moment
from services.compliance.read_model.names import Search, consultant_names, consultant_search, partner_names
from services.compliance.read_model.people_queries import present_consultants, present_records
from services.compliance.read_model.routing import linked_people, people_routed
from services.compliance.read_model.training_facts import training_facts
from shared.events.envelope import Fact

PEOPLE_AT_ONCE: Final = 64


class ConsultantItem(msgspec.Struct, frozen=True):
    """One person and one product. `name`, `partner_name`: null where unknown or erased.

    `partner_id`: where the person counts (R23); null: nowhere. `counted`: it counts there, and is certified (R9).
    `lacks`: for the certification (R4, R26). `maintenance_due_on`: the first day by whose end maintenance is due that
    is not complete; a day that is over has cost the certification.
    """

    consultant_id: str
    name: str | None
    product: str
    partner_id: str | None
    partner_name: str | None
    counted: bool
    certified: bool
    certified_since: datetime | None
    lacks: tuple[Lack, ...]
    maintenance_due_on: date | None
    next_change_at: datetime | None


class ConsultantsAnswer(Answer, frozen=True, kw_only=True):
    """A page of people and products. `next`: the `after` of the next page; null: this is the last.

    A page with a next can list fewer than asked for, or none: it ends after a number of people.
    """

    consultants: tuple[ConsultantItem, ...]
    next: str | None


Place = tuple[str, str]
"""A person and a product."""


async def consultants(connection: Connection, question: ConsultantsList, parameters: Parameters) -> bytes:
    """A page of people and products, in order of their ids. Raises `NeverMentioned` for the partner of a path."""
    if question.moment == AsOfMembers():
        async with snapshot(connection):
            moment, records, places, following = await _present(connection, question)
            items = await _items(connection, moment, records, places)
    else:
        moment, records, places, following = await _known(connection, question, parameters)
        items = await _items(connection, moment, records, places)
    answer = ConsultantsAnswer(**moment.members, consultants=tuple(items), next=following and "~".join(following))
    return msgspec.json.encode(answer)


@asynccontextmanager
async def snapshot(connection: Connection) -> AsyncIterator[None]:
    """What is read is of one moment."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        yield


_Found = tuple[AsOf, dict[str, ConsultantRecord], list[Place], Place | None]


async def _present(connection: Connection, question: ConsultantsList) -> _Found:
    _, moment = await present_moment(connection)
    if question.of_path and not await is_mentioned(connection, question.partner_id or ""):
        raise never_mentioned(question.partner_id or "")
    places = await present_consultants(
        connection,
        moment.at,
        question.after,
        question.limit,
        partner_id=question.partner_id,
        product=question.product,
        certified=question.certified,
        q=question.q,
    )
    records = await present_records(connection, sorted({consultant_id for consultant_id, _ in places}))
    return moment, records, places, places[-1] if len(places) == question.limit else None


async def is_mentioned(connection: Connection, partner_id: str) -> bool:
    """Whether a fact that is applied mentions the partner."""
    return bool(await connection.fetchval("SELECT EXISTS (SELECT FROM standing s WHERE s.partner_id = $1)", partner_id))


async def _known(connection: Connection, question: ConsultantsList, parameters: Parameters) -> _Found:
    """From the log. It derives one person after the other, until the page is full or has taken long."""
    search = None if question.q is None else await consultant_search(connection, question.q)
    if question.partner_id is not None:
        moment, people = await _people_of_partner(connection, question, parameters, question.partner_id)
    else:
        _, moment = await moment_of(connection, question.moment, parameters)
        people = every_person(connection, question.after, moment.position, search, parameters)
    records: dict[str, ConsultantRecord] = {}
    places: list[Place] = []
    budget = PageBudget()
    async for consultant_id, record in people:
        if record is not None and (search is None or search.finds(consultant_id)):
            for product in sorted(parameters.products):
                place = consultant_id, product
                if place > question.after and _wanted(record, product, question, moment.at):
                    records[consultant_id] = record
                    places.append(place)
                if len(places) == question.limit:
                    return moment, records, places, place
        if budget.spent():
            return moment, records, places, (consultant_id, ALL_PRODUCTS)
    return moment, records, places, None


def _wanted(record: ConsultantRecord, product: str, question: ConsultantsList, at: datetime) -> bool:
    return question.product in (None, product) and (
        question.certified is None or holds(record.certified[product], at) is question.certified
    )


async def every_person(
    connection: Connection, place: Place, position: int, search: Search | None, parameters: Parameters
) -> AsyncIterator[tuple[str, ConsultantRecord | None]]:
    """Everybody with a product after the place whom a fact up to the position links to a partner, in order.

    None: all its links are voided, or the search does not find it.
    """
    after, product = place
    consultant_ids: Sequence[str] = [after] if after and product != ALL_PRODUCTS else []
    while True:
        wanted = [person for person in consultant_ids if search is None or search.finds(person)]
        facts = await people_routed(connection, wanted, position) if wanted else {}
        for consultant_id in consultant_ids:
            known = facts.get(consultant_id)
            yield consultant_id, None if known is None else _record(consultant_id, known, parameters)
        after = max([after, *consultant_ids])
        consultant_ids = await linked_people(connection, after, position, PEOPLE_AT_ONCE)
        if not consultant_ids:
            return


def _record(consultant_id: str, facts: Sequence[Fact], parameters: Parameters) -> ConsultantRecord | None:
    knowledge = PartnerFacts("", parameters)
    for fact in facts:
        knowledge.add(fact)
    person = knowledge.person(consultant_id)
    record = None if person is None else record_of(person, knowledge, parameters.products)
    return record if record is not None and record.counting else None


async def _people_of_partner(
    connection: Connection, question: ConsultantsList, parameters: Parameters, partner_id: str
) -> tuple[AsOf, AsyncIterator[tuple[str, ConsultantRecord | None]]]:
    """Who is linked to the partner. Raises `NeverMentioned` for the partner of a path."""
    moment, facts = await partner_as_of(connection, partner_id, question.moment, parameters)
    knowledge = PartnerFacts(partner_id, parameters)
    for fact in facts:
        knowledge.add(fact)
    if question.of_path and not knowledge.mentioned:
        raise never_mentioned(partner_id)
    people = sorted(knowledge.people())

    async def linked() -> AsyncIterator[tuple[str, ConsultantRecord | None]]:
        for consultant_id, person in people:
            if consultant_id >= question.after[0] and holds(linked_times(person, partner_id), moment.at):
                yield consultant_id, record_of(person, knowledge, parameters.products)

    return moment, linked()


async def _items(
    connection: Connection, moment: AsOf, records: dict[str, ConsultantRecord], places: Sequence[Place]
) -> list[ConsultantItem]:
    ids = sorted(records)
    names = await consultant_names(connection, ids)
    partners = {records[consultant_id].counts_for(moment.at) for consultant_id in ids}
    partners_named = await partner_names(connection, sorted(partner for partner in partners if partner is not None))
    uncertified = sorted({person for person, product in places if not _certified(records[person], product, moment.at)})
    facts = await training_facts(connection, uncertified, moment.position) if uncertified else {}
    training = {consultant_id: training_of(known) for consultant_id, known in facts.items()}
    items = []
    for consultant_id, product in places:
        done = training.get(consultant_id, {}).get(product, NO_TRAINING)
        item = _item(consultant_id, product, records[consultant_id], done, moment.at)
        partner_name = None if item.partner_id is None else partners_named.get(item.partner_id)
        items.append(msgspec.structs.replace(item, name=names.get(consultant_id), partner_name=partner_name))
    return items


def _certified(record: ConsultantRecord, product: str, at: datetime) -> bool:
    return holds(record.certified[product], at)


def _item(
    consultant_id: str, product: str, record: ConsultantRecord, training: Training, at: datetime
) -> ConsultantItem:
    partner_id, certified, owed = record.counts_for(at), record.certified[product], record.owed(product, at)
    is_certified = holds(certified, at)
    changes = [
        changes_after(certified, at),
        *(changes_after(times, at) for times in record.counting.values()),
        *(changes_after(duty.owed, at) for duty in record.duties if duty.product == product),
        *(() if is_certified else (instant for instant in training.instants() if instant > at)),
    ]
    return ConsultantItem(
        consultant_id=consultant_id,
        name=None,
        product=product,
        partner_id=partner_id,
        partner_name=None,
        counted=is_certified and partner_id is not None,
        certified=is_certified,
        certified_since=since(certified, at),
        lacks=lacking(at, training, certified=is_certified, maintenance_owed=bool(owed)),
        maintenance_due_on=min((duty.due_on for duty in owed), default=None),
        next_change_at=min((change for change in changes if change is not None), default=None),
    )
