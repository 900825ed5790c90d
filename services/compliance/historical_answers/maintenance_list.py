"""The maintenance that people owe, by the day on which it is due (R25, R26).

The present comes from the read model, any other moment from the log.
"""

from collections.abc import AsyncIterator, Sequence
from datetime import date, datetime

import msgspec

from services.compliance.database import Connection
from services.compliance.historical_answers.as_of import Answer, AsOf, moment_of, partner_as_of
from services.compliance.historical_answers.consultant_lists import every_person
from services.compliance.historical_answers.page_budget import ALL_PRODUCTS, PageBudget
from services.compliance.historical_answers.questions import MaintenanceList
from services.compliance.policy.calendar import end_of_london_day
from services.compliance.policy.certified_periods import Obligation
from services.compliance.policy.consultant_times import ConsultantRecord, holds, linked_times, record_of
from services.compliance.policy.parameters import Parameters
from services.compliance.policy.partner_facts import PartnerFacts
from services.compliance.read_model.names import consultant_names, partner_names
from services.compliance.read_model.people_queries import DutyPlace, present_duties
from services.compliance.read_model.routing import people_routed
from services.compliance.read_model.shared_snapshot import one_moment


class MaintenanceItem(msgspec.Struct, frozen=True):
    """Maintenance that a person owes for a product. `name`, `partner_name`: null where unknown or erased.

    `partner_id`: where the person counts (R23); null: nowhere. `overdue`: the day is over: the certification lapsed.
    """

    due_on: date
    portal_change_id: str
    product: str
    consultant_id: str
    name: str | None
    partner_id: str | None
    partner_name: str | None
    overdue: bool


class MaintenanceAnswer(Answer, frozen=True, kw_only=True):
    """A page of what is owed, soonest due first. `next`: the `after` of the next page; null: there is none.

    A page with a `next` can list less than asked for, or nothing, because it looks at a bounded number of people.
    """

    maintenance: tuple[MaintenanceItem, ...]
    next: str | None


Records = dict[str, ConsultantRecord]
_Found = tuple[AsOf, Records, list[DutyPlace], DutyPlace | None]


async def maintenance(connection: Connection, question: MaintenanceList, parameters: Parameters) -> bytes:
    """A page of what is owed, by due day, portal change, person and product."""
    if question.live:
        async with one_moment(connection, question.held):
            return await present_maintenance(connection, question)
    moment, records, places, following = await _known(connection, question, parameters)
    return _answer(moment, await _items(connection, moment, records, places), following)


async def present_maintenance(connection: Connection, question: MaintenanceList) -> bytes:
    """The page of the present."""
    moment, duties = await present_duties(
        connection,
        question.held and question.held.at,
        DutyPlace(*question.after),
        question.limit,
        partner_id=question.partner_id,
        portal_change_id=question.portal_change_id,
        product=question.product,
        due_before=question.due_before,
    )
    overdue = _Overdue(moment.at)
    items = [_item(*duty, overdue) for duty in duties]
    return _answer(moment, items, duties[-1].place if len(duties) == question.limit else None)


async def maintenance_at(
    connection: Connection,
    at: datetime,
    limit: int,
    *,
    due_from: date = date.min,
    due_before: date | None = None,
) -> tuple[MaintenanceItem, ...]:
    """The first of what is owed at the instant of the snapshot that is read, due on these days."""
    place = DutyPlace(due_from, "", "", "")
    filters = {"partner_id": None, "portal_change_id": None, "product": None}
    _, duties = await present_duties(connection, at, place, limit, **filters, due_before=due_before)
    overdue = _Overdue(at)
    return tuple(_item(*duty, overdue) for duty in duties)


def _answer(moment: AsOf, items: Sequence[MaintenanceItem], following: DutyPlace | None) -> bytes:
    cursor = None if following is None else "~".join(map(str, following))
    return msgspec.json.encode(MaintenanceAnswer(**moment.members, maintenance=tuple(items), next=cursor))


class _Overdue(dict[date, bool]):
    """Whether a day is over at an instant. A list has few days, each of them in many rows."""

    def __init__(self, at: datetime) -> None:
        self._at = at

    def __missing__(self, due_on: date) -> bool:
        self[due_on] = is_over = end_of_london_day(due_on) <= self._at
        return is_over


def _item(
    place: DutyPlace, name: str | None, partner_id: str | None, partner_name: str | None, overdue: _Overdue
) -> MaintenanceItem:
    due_on, portal_change_id, consultant_id, product = place
    return MaintenanceItem(
        due_on, portal_change_id, product, consultant_id, name, partner_id, partner_name, overdue[due_on]
    )


async def _known(connection: Connection, question: MaintenanceList, parameters: Parameters) -> _Found:
    """From the log, one portal change after the other, and of each one person after the other."""
    after = DutyPlace(*question.after)
    moment, partner = await _partner(connection, question, parameters)
    records: Records = {}
    places: list[DutyPlace] = []
    budget = PageBudget()
    for due_on, portal_change_id in await _changes(connection, moment.position, parameters):
        if (due_on, portal_change_id) < after[:2] or not _wanted_change(question, due_on, portal_change_id):
            continue
        first = after[2:] if (due_on, portal_change_id) == after[:2] else ("", "")
        if partner is None:
            people = every_person(connection, first, moment.position, None, parameters)
        else:
            people = _linked(partner, first[0], moment.at, parameters)
        async for consultant_id, record in people:
            for product in sorted(parameters.products):
                place = DutyPlace(due_on, portal_change_id, consultant_id, product)
                if record is not None and place > after and _owes(record, place, question, moment.at):
                    records[consultant_id] = record
                    places.append(place)
                if len(places) == question.limit:
                    return moment, records, places, place
            if budget.spent():
                return moment, records, places, DutyPlace(due_on, portal_change_id, consultant_id, ALL_PRODUCTS)
    return moment, records, places, None


async def _partner(
    connection: Connection, question: MaintenanceList, parameters: Parameters
) -> tuple[AsOf, PartnerFacts | None]:
    """The moment, and what is known of the partner asked about."""
    if question.partner_id is None:
        _, moment = await moment_of(connection, question.moment, parameters)
        return moment, None
    moment, facts = await partner_as_of(connection, question.partner_id, question.moment, parameters)
    partner_facts = PartnerFacts(question.partner_id, parameters, facts)
    return moment, partner_facts


async def _changes(connection: Connection, position: int, parameters: Parameters) -> list[tuple[date, str]]:
    """Due day and id of every significant portal change known at the position, in order."""
    partner_facts = PartnerFacts("", parameters, (await people_routed(connection, [""], position))[""])
    obligations: set[Obligation] = {
        obligation for product in parameters.products for obligation in partner_facts.obligations(product)
    }
    return sorted({(obligation.due_on, obligation.portal_change_id) for obligation in obligations})


async def _linked(
    partner: PartnerFacts, first: str, at: datetime, parameters: Parameters
) -> AsyncIterator[tuple[str, ConsultantRecord | None]]:
    for consultant_id, person in sorted(partner.people()):
        if consultant_id >= first and holds(linked_times(person, partner.partner_id), at):
            yield consultant_id, record_of(person, partner, parameters.products)


def _wanted_change(question: MaintenanceList, due_on: date, portal_change_id: str) -> bool:
    return question.portal_change_id in (None, portal_change_id) and (
        question.due_before is None or due_on < question.due_before
    )


def _owes(record: ConsultantRecord, place: DutyPlace, question: MaintenanceList, at: datetime) -> bool:
    """Who never counted for a partner is asked for no maintenance."""
    return (
        bool(record.counting)
        and question.product in (None, place.product)
        and any((duty.due_on, duty.portal_change_id) == place[:2] for duty in record.owed(place.product, at))
    )


async def _items(
    connection: Connection, moment: AsOf, records: Records, places: Sequence[DutyPlace]
) -> list[MaintenanceItem]:
    ids = sorted(records)
    names = await consultant_names(connection, ids)
    counting = {consultant_id: records[consultant_id].counts_for(moment.at) for consultant_id in ids}
    named = await partner_names(connection, sorted({partner for partner in counting.values() if partner is not None}))
    overdue = _Overdue(moment.at)
    items = []
    for place in places:
        partner_id = counting[place.consultant_id]
        items.append(_item(place, names.get(place.consultant_id), partner_id, named.get(partner_id or ""), overdue))
    return items
