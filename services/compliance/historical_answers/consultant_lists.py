"""Lists of people: who is certified for what, and what each of the others lacks.

The present comes from the read model, any other moment from the log.
"""

from bisect import bisect_left, bisect_right
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import date, datetime
from typing import Final

import msgspec

from services.compliance.database import Connection
from services.compliance.historical_answers.as_of import Answer, AsOf, moment_of, partner_as_of
from services.compliance.historical_answers.page_budget import ALL_PRODUCTS, PageBudget
from services.compliance.historical_answers.partners import never_mentioned
from services.compliance.historical_answers.questions import ConsultantsOfPartner
from services.compliance.policy.consultant_times import (
    ConsultantRecord,
    changes_after,
    holds,
    linked_times,
    record_of,
    since,
)
from services.compliance.policy.missing_qualifications import NO_TRAINING, Lack, Training, lacking
from services.compliance.policy.parameters import Parameters
from services.compliance.policy.partner_facts import PartnerFacts
from services.compliance.read_model.names import consultant_names, consultants_found, partner_names
from services.compliance.read_model.people_queries import ListedPerson, PeoplePage, present_people
from services.compliance.read_model.routing import mentioned_people, people_routed
from services.compliance.read_model.shared_snapshot import one_moment
from services.compliance.read_model.training_cache import LastFact, TrainingCache, trained
from services.compliance.read_model.training_facts import training_facts
from shared.events.envelope import Fact
from shared.events.facts import (
    CertificationRecognised,
    ConsultantLeft,
    ConsultantLinked,
    CourseCompleted,
    ExamRegistered,
    FactVoided,
    RevocationOrdered,
)

PEOPLE_AT_ONCE: Final = 64

_TOLD: Final = (
    CertificationRecognised,
    ConsultantLeft,
    ConsultantLinked,
    CourseCompleted,
    ExamRegistered,
    RevocationOrdered,
)
"""Facts that somebody tells about a person by its id."""


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
    """A page of people and products. `next`: the `after` of the next page; null: there is none.

    A page with a `next` can list fewer than asked for, or none, because it looks at a bounded number of people.
    """

    consultants: tuple[ConsultantItem, ...]
    next: str | None


Place = tuple[str, str]
"""A person and a product."""


async def consultants(connection: Connection, question: ConsultantsOfPartner, parameters: Parameters) -> bytes:
    """A page of people and products, in order of their ids. Raises `NeverMentioned` for the partner of a path."""
    if question.live:
        async with one_moment(connection, question.held):
            page = await _present_page(connection, question)
            return _answer(page.moment, *await _present(connection, page, question, parameters))
    moment, records, places, following = await _known(connection, question, parameters)
    return _answer(moment, await items_of(connection, moment, records, places), following)


async def consultants_at_hand(
    connection: Connection, question: ConsultantsOfPartner, cache: TrainingCache
) -> bytes | None:
    """The page of the present; None: a person of it never counted for a partner, so that facts have to be replayed.

    A page of a hundred is a millisecond of work. Raises like `consultants`.
    """
    page = await _present_page(connection, question)
    if any(person.product is None for person in page.rows):
        return None
    last_facts = {row.consultant_id: LastFact(page.table or 0, row.told) for row in page.rows if row.told is not None}
    training = await cache.of(connection, last_facts, page.moment.position)
    return _answer(page.moment, _listed(page.moment, page.rows, training), page.following)


def _answer(moment: AsOf, items: Sequence[ConsultantItem], following: Place | None) -> bytes:
    answer = ConsultantsAnswer(**moment.members, consultants=tuple(items), next=following and "~".join(following))
    return msgspec.json.encode(answer)


_Found = tuple[AsOf, dict[str, ConsultantRecord], list[Place], Place | None]


async def _present_page(connection: Connection, question: ConsultantsOfPartner) -> PeoplePage:
    if question.partner_must_be_known and not await is_mentioned(connection, question.partner_id or ""):
        raise never_mentioned(question.partner_id or "")
    return await present_people(
        connection,
        question.held and question.held.at,
        question.after,
        question.limit,
        partner_id=question.partner_id,
        product=question.product,
        certified=question.certified,
        q=question.q,
    )


async def _present(
    connection: Connection, page: PeoplePage, question: ConsultantsOfPartner, parameters: Parameters
) -> tuple[list[ConsultantItem], Place | None]:
    """Items from the read model. It has no rows about a person who never counted for a partner: this derives them."""
    moment = page.moment
    counted = [person for person in page.rows if person.product is not None]
    untrained = {person.consultant_id for person in counted if person.told is not None}
    items = _listed(moment, counted, await trained(connection, untrained, moment.position))
    uncounted = [person.consultant_id for person in page.rows if person.product is None]
    if not uncounted:
        return items, page.following
    records = await _derived(connection, uncounted, moment.position, parameters)
    places = [
        place
        for consultant_id, record in records.items()
        for place in _places(consultant_id, record, question, moment.at, parameters)
    ]
    items += await items_of(connection, moment, records, places)
    items.sort(key=lambda item: (item.consultant_id, item.product))
    if len(items) < question.limit:
        return items, page.following
    last = items[question.limit - 1]
    return items[: question.limit], (last.consultant_id, last.product)


def _listed(
    moment: AsOf, rows: Sequence[ListedPerson], training: Mapping[str, Mapping[str, Training]]
) -> list[ConsultantItem]:
    """The items of rows of the read model. `training`: of the people whom courses and passes say what they lack."""
    items = []
    for consultant_id, product, name, partner_id, partner_name, since_when, due_on, changes_at, _ in rows:
        assert product is not None, "a person who never counted has no item"
        is_certified = since_when is not None
        lacks: tuple[Lack, ...] = ()
        if not is_certified and due_on is not None:
            lacks = ("maintenance",)
        elif not is_certified:
            done = training.get(consultant_id, {}).get(product, NO_TRAINING)
            lacks = lacking(moment.at, done, certified=False, maintenance_owed=False)
            instants = [instant for instant in done.instants() if instant > moment.at]
            changes_at = min((*instants, *(() if changes_at is None else (changes_at,))), default=None)
        items.append(
            ConsultantItem(
                consultant_id,
                name,
                product,
                partner_id,
                partner_name,
                is_certified and partner_id is not None,
                is_certified,
                since_when,
                lacks,
                due_on,
                changes_at,
            )
        )
    return items


def _places(
    consultant_id: str, record: ConsultantRecord, question: ConsultantsOfPartner, at: datetime, parameters: Parameters
) -> list[Place]:
    """The products of the person that the question wants, after its place."""
    places = [(consultant_id, product) for product in sorted(parameters.products)]
    return [place for place in places if place > question.after and _wanted(record, place[1], question, at)]


async def is_mentioned(connection: Connection, partner_id: str) -> bool:
    """Whether a fact that is applied mentions the partner."""
    return bool(await connection.fetchval("SELECT EXISTS (SELECT FROM standing s WHERE s.partner_id = $1)", partner_id))


async def _known(connection: Connection, question: ConsultantsOfPartner, parameters: Parameters) -> _Found:
    """From the log. It derives one person after the other, until the page is full or has taken long."""
    found = None if question.q is None else await consultants_found(connection, question.q)
    chosen = None if found is None else frozenset(found)
    if question.partner_id is not None:
        moment, people = await _people_of_partner(connection, question, parameters, question.partner_id)
    else:
        _, moment = await moment_of(connection, question.moment, parameters)
        people = every_person(connection, question.after, moment.position, found, parameters)
    records: dict[str, ConsultantRecord] = {}
    places: list[Place] = []
    budget = PageBudget()
    async for consultant_id, record in people:
        if record is not None and (chosen is None or consultant_id in chosen):
            for place in _places(consultant_id, record, question, moment.at, parameters):
                records[consultant_id] = record
                places.append(place)
                if len(places) == question.limit:
                    return moment, records, places, place
        if budget.spent():
            return moment, records, places, (consultant_id, ALL_PRODUCTS)
    return moment, records, places, None


def _wanted(record: ConsultantRecord, product: str, question: ConsultantsOfPartner, at: datetime) -> bool:
    return question.product in (None, product) and (
        question.certified is None or holds(record.certified[product], at) is question.certified
    )


async def every_person(
    connection: Connection, place: Place, position: int, found: Sequence[str] | None, parameters: Parameters
) -> AsyncIterator[tuple[str, ConsultantRecord | None]]:
    """Everybody with a product after the place whom a fact up to the position names, in order. `found`: only these.

    None: all these facts are voided.
    """
    after, product = place
    consultant_ids: Sequence[str] = [after] if after and product != ALL_PRODUCTS and found is None else []
    first = 0 if found is None else (bisect_right if product == ALL_PRODUCTS else bisect_left)(found, after)
    while True:
        records = await _derived(connection, consultant_ids, position, parameters) if consultant_ids else {}
        for consultant_id in consultant_ids:
            yield consultant_id, records.get(consultant_id)
        after = max([after, *consultant_ids])
        if found is None:
            consultant_ids = await mentioned_people(connection, after, position, PEOPLE_AT_ONCE)
        else:
            consultant_ids, first = found[first : first + PEOPLE_AT_ONCE], first + PEOPLE_AT_ONCE
        if not consultant_ids:
            return


async def _derived(
    connection: Connection, consultant_ids: Sequence[str], position: int, parameters: Parameters
) -> dict[str, ConsultantRecord]:
    """What follows from the facts about these people up to the position; without those of whom no fact stands."""
    facts = await people_routed(connection, consultant_ids, position)
    records = {}
    for consultant_id, known in facts.items():
        partner_facts = PartnerFacts("", parameters)
        for fact in known:
            partner_facts.add(fact)
        person = partner_facts.person(consultant_id)
        if person is not None:
            records[consultant_id] = record_of(person, partner_facts, parameters.products)
    uncounted = [person for person in consultant_ids if person not in records or not records[person].counting]
    training = await training_facts(connection, uncounted, position) if uncounted else {}
    for consultant_id in uncounted:
        record = records.pop(consultant_id, None) or nothing_derived(parameters)
        if any(record.certified.values()) or _any_stands([*facts[consultant_id], *training[consultant_id]]):
            records[consultant_id] = record
    return records


def _any_stands(facts: Sequence[Fact]) -> bool:
    """Whether somebody told one of these about the person, and nobody took it back. What follows from facts aside."""
    voided = {fact.data.fact_id for fact in facts if isinstance(fact.data, FactVoided)}
    return any(isinstance(fact.data, _TOLD) and fact.fact_id not in voided for fact in facts)


def nothing_derived(parameters: Parameters) -> ConsultantRecord:
    """Of a person who only has courses and exams."""
    return ConsultantRecord(dict.fromkeys(parameters.products, ()), {}, [])


async def _people_of_partner(
    connection: Connection, question: ConsultantsOfPartner, parameters: Parameters, partner_id: str
) -> tuple[AsOf, AsyncIterator[tuple[str, ConsultantRecord | None]]]:
    """Who is linked to the partner. Raises `NeverMentioned` for the partner of a path."""
    moment, facts = await partner_as_of(connection, partner_id, question.moment, parameters)
    partner_facts = PartnerFacts(partner_id, parameters)
    for fact in facts:
        partner_facts.add(fact)
    if question.partner_must_be_known and not partner_facts.mentioned:
        raise never_mentioned(partner_id)
    people = sorted(partner_facts.people())

    async def linked() -> AsyncIterator[tuple[str, ConsultantRecord | None]]:
        for consultant_id, person in people:
            if consultant_id >= question.after[0] and holds(linked_times(person, partner_id), moment.at):
                yield consultant_id, record_of(person, partner_facts, parameters.products)

    return moment, linked()


async def items_of(
    connection: Connection, moment: AsOf, records: dict[str, ConsultantRecord], places: Sequence[Place]
) -> list[ConsultantItem]:
    """The items of these places, by the records of their people at the moment."""
    ids = sorted(records)
    names = await consultant_names(connection, ids)
    partners = {records[consultant_id].counts_for(moment.at) for consultant_id in ids}
    partners_named = await partner_names(connection, sorted(partner for partner in partners if partner is not None))
    untrained = sorted({person for person, product in places if _needs_training(records[person], product, moment.at)})
    training = await trained(connection, untrained, moment.position)
    items = []
    for consultant_id, product in places:
        done = training.get(consultant_id, {}).get(product, NO_TRAINING)
        item = _item(consultant_id, product, records[consultant_id], done, moment.at)
        partner_name = None if item.partner_id is None else partners_named.get(item.partner_id)
        items.append(msgspec.structs.replace(item, name=names.get(consultant_id), partner_name=partner_name))
    return items


def _needs_training(record: ConsultantRecord, product: str, at: datetime) -> bool:
    """Whether course and pass say what the person lacks: it is not certified, and not for want of maintenance."""
    return not holds(record.certified[product], at) and not record.owed(product, at)


def _item(
    consultant_id: str, product: str, record: ConsultantRecord, training: Training, at: datetime
) -> ConsultantItem:
    partner_id, certified, owed = record.counts_for(at), record.certified[product], record.owed(product, at)
    is_certified = holds(certified, at)
    changes = [
        changes_after(certified, at),
        *(changes_after(times, at) for times in record.counting.values()),
        *(changes_after(duty.owed, at) for duty in record.duties if duty.product == product),
        *(() if is_certified or owed else (instant for instant in training.instants() if instant > at)),
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
