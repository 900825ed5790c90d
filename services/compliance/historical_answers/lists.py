"""Lists as of another moment than the present: replayed from the log, partner by partner."""

from bisect import bisect_left, bisect_right
from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import date, datetime, timedelta
from heapq import nsmallest
from typing import Final

import msgspec
from msgspec.structs import replace

from services.compliance.database import Connection
from services.compliance.historical_answers.as_of import Answer, AsOf, moment_of
from services.compliance.historical_answers.page_budget import ALL_PRODUCTS, PageBudget
from services.compliance.historical_answers.questions import BEFORE_ALL, PartnersList, WindowsList
from services.compliance.policy.answers_from_facts import partner_segments, partner_windows
from services.compliance.policy.calendar import end_of_london_day, london_day
from services.compliance.policy.forecast import ForecastSegment
from services.compliance.policy.parameters import Parameters
from services.compliance.read_model.names import consultant_names, partner_names, partners_found
from services.compliance.read_model.routing import mentioned_partners, routed
from services.compliance.read_model.window_openings import Opening, openings, tell_all_windows, window_days
from shared.events.compliance_events import Outcome, Status, Window
from shared.events.envelope import Fact
from shared.events.wire import instant_text

_PARTNERS_AT_ONCE: Final = 32
_MICROSECOND: Final = timedelta(microseconds=1)

WindowPlace = tuple[datetime, str, str, int]
"""Where a window stands in the list: deadline, partner, product, number."""


class LeadingReason(msgspec.Struct, frozen=True):
    """The first of the reasons that an answer gives: the rule, and a sentence."""

    rule: str
    text: str


class LostConsultant(msgspec.Struct, frozen=True):
    """The last person who ceased to count and is not back, and when. `name`: null if it is unknown or erased."""

    consultant_id: str
    name: str | None
    at: datetime


class PartnerItem(msgspec.Struct, frozen=True):
    """How one partner stands for one product. `name`: null if it is unknown or erased.

    `since`: when the status began; null if it was never another. `missing`: how many more people must
    count for the minimum, which is the shortfall; null with the minimum (R10). `lost`: null if nobody was.
    """

    partner_id: str
    name: str | None
    product: str
    status: Status
    since: datetime | None
    headcount: int
    minimum: int | None
    shortfall: int | None
    missing: int | None
    reason: LeadingReason
    lost: LostConsultant | None
    next_change_at: datetime | None


class WindowItem(msgspec.Struct, frozen=True, order=True):
    """One replacement window. `number`: its place among those of the partner and product, from 1.

    `policy_id`: the policy that set its days (R39). `next_change_at`: when it expires or is closed next, if no fact
    comes.
    """

    deadline_at: datetime
    partner_id: str
    name: str | None
    product: str
    number: int
    deadline_on: date
    opened_at: datetime
    closed_at: datetime | None
    outcome: Outcome
    policy_id: str
    next_change_at: datetime | None


class PartnersAnswer(Answer, frozen=True, kw_only=True):
    """A page of partners. `next`: the `after` of the next page; null: there is none."""

    partners: tuple[PartnerItem, ...]
    next: str | None


class SuspensionsAnswer(Answer, frozen=True, kw_only=True):
    """A page of suspensions. `next`: the `after` of the next page; null: there is none."""

    suspensions: tuple[PartnerItem, ...]
    next: str | None


class WindowsAnswer(Answer, frozen=True, kw_only=True):
    """A page of windows. `next`: the `after` of the next page; null: there is none."""

    windows: tuple[WindowItem, ...]
    next: str | None


def partner_item(
    partner_id: str,
    name: str | None,
    product: str,
    status: Status,
    since: datetime | None,
    headcount: int,
    minimum: int | None,
    shortfall: int | None,
    reason_rule: str,
    reason_text: str,
    lost_consultant_id: str | None,
    lost_name: str | None,
    lost_at: datetime | None,
    next_change_at: datetime | None,
) -> PartnerItem:
    """The item of a row of the read model."""
    return PartnerItem(
        partner_id,
        name,
        product,
        status,
        since,
        headcount,
        minimum,
        shortfall,
        shortfall,
        LeadingReason(reason_rule, reason_text),
        None
        if lost_consultant_id is None or lost_at is None
        else LostConsultant(lost_consultant_id, lost_name, lost_at),
        next_change_at,
    )


async def partners(connection: Connection, question: PartnersList, parameters: Parameters) -> bytes:
    """A page of partners and products in order of their ids."""
    _, moment = await moment_of(connection, question.moment, parameters)
    items, last = await _partners(connection, moment, question, parameters)
    return partners_page(moment, await _named(connection, items), last)


async def _named(connection: Connection, items: Sequence[PartnerItem]) -> list[PartnerItem]:
    """The items with the names of partners and of who was lost."""
    names = await partner_names(connection, {item.partner_id for item in items})
    people = await consultant_names(connection, {item.lost.consultant_id for item in items if item.lost is not None})
    return [
        replace(
            item,
            name=names.get(item.partner_id),
            lost=item.lost and replace(item.lost, name=people.get(item.lost.consultant_id)),
        )
        for item in items
    ]


def partners_page(moment: AsOf, items: Sequence[PartnerItem], last: tuple[str, str] | None) -> bytes:
    """The page. `last`: the partner and product after which the next one begins; None: there is none."""
    following = None if last is None else "~".join(last)
    return msgspec.json.encode(PartnersAnswer(**moment.members, partners=tuple(items), next=following))


def suspensions_page(moment: AsOf, items: Sequence[PartnerItem], *, more: bool) -> bytes:
    """The page. `more`: there can be a next one."""
    last = items[-1] if more else None
    following = None
    if last is not None and last.since is not None:  # who is suspended was something else before (R12)
        following = "~".join((instant_text(last.since), last.partner_id, last.product))
    return msgspec.json.encode(SuspensionsAnswer(**moment.members, suspensions=tuple(items), next=following))


async def windows(connection: Connection, question: WindowsList, parameters: Parameters) -> bytes:
    """A page of windows, soonest deadline first. Where the events tell of all windows, it derives those partners."""
    _, moment = await moment_of(connection, question.moment, parameters)
    if moment.at <= moment.known_at and await tell_all_windows(connection, moment.at, moment.position):
        items, last = await _announced_windows(connection, moment, question, parameters)
    else:
        items = await _windows_of_every_partner(connection, moment, question, parameters)
        last = window_place(items[-1]) if len(items) == question.limit else None
    names = await partner_names(connection, {item.partner_id for item in items})
    return windows_page(moment, [replace(item, name=names.get(item.partner_id)) for item in items], last)


def windows_page(moment: AsOf, items: Sequence[WindowItem], last: WindowPlace | None) -> bytes:
    """The page. `last`: the place after which the next one begins; None: there is none."""
    following = None if last is None else "~".join([instant_text(last[0]), *map(str, last[1:])])
    return msgspec.json.encode(WindowsAnswer(**moment.members, windows=tuple(items), next=following))


async def _windows_of_every_partner(
    connection: Connection, moment: AsOf, question: WindowsList, parameters: Parameters
) -> list[WindowItem]:
    items: list[WindowItem] = []
    async for partner_id, facts in _every_partner(connection, moment, "", None, include=False):
        listed = _windows_of_partner(partner_id, facts, moment.at, parameters)
        items += [item for item in listed if window_place(item) > question.after and _wanted(item, question)]
        items = nsmallest(question.limit, items, key=window_place)
    return items


async def _announced_windows(
    connection: Connection, moment: AsOf, question: WindowsList, parameters: Parameters
) -> tuple[list[WindowItem], WindowPlace | None]:
    """The items, and the place after which the next page begins (None: there is none).

    An opening is a partner and the last day of a window: of each in turn, by day and partner, exactly the windows with
    this last day are listed. So the page can end after any of them.
    """
    after = max(question.after, (moment.at, "", "", 0) if question.status == "open" else BEFORE_ALL)
    first = Opening(london_day(after[0] - _MICROSECOND), after[1])
    budget = PageBudget()
    derived: dict[str, list[WindowItem]] = {}
    items: list[WindowItem] = []
    days = await window_days(connection, moment.position, parameters.window_days)
    async for opening in _merged(connection, first, days):
        deadline_at, partner_id = end_of_london_day(opening.deadline_on), opening.partner_id
        if question.due_before is not None and deadline_at >= question.due_before:
            return items, None
        if (deadline_at, partner_id, ALL_PRODUCTS, 0) <= after:
            continue
        if partner_id not in derived:
            facts = (await routed(connection, [partner_id], moment.position))[partner_id]
            derived[partner_id] = _windows_of_partner(partner_id, facts, moment.at, parameters)
        for item in derived[partner_id]:
            if item.deadline_at == deadline_at and window_place(item) > after and _wanted(item, question):
                items.append(item)
                if len(items) == question.limit:
                    return items, window_place(item)
        if budget.spent():
            return items, (deadline_at, partner_id, ALL_PRODUCTS, 0)
    return items, None


async def _merged(connection: Connection, after: Opening, every_days: Iterable[int]) -> AsyncIterator[Opening]:
    """The openings of windows of each number of days, in order, from a place at or before `after` on."""
    before = Opening(after.deadline_on, after.partner_id[:-1])
    streams = [openings(connection, before, days) for days in every_days]
    heads = [await anext(stream, None) for stream in streams]
    seen: Opening | None = None
    while waiting := [head for head in heads if head is not None]:
        opening = min(waiting)
        for place, head in enumerate(heads):
            if head == opening:
                heads[place] = await anext(streams[place], None)
        if opening != seen:
            yield opening
        seen = opening


def _windows_of_partner(
    partner_id: str, facts: Sequence[Fact], at: datetime, parameters: Parameters
) -> list[WindowItem]:
    """Every window of the partner that has opened by the instant, in order of their places."""
    found: list[WindowItem] = []
    for product, windows in partner_windows(facts, partner_id, sorted(parameters.products), at, parameters):
        found += _windows_of(partner_id, product, windows, at)
    return sorted(found, key=window_place)


async def _partners(
    connection: Connection, moment: AsOf, question: PartnersList, parameters: Parameters
) -> tuple[list[PartnerItem], tuple[str, str] | None]:
    """The items, and after which partner and product the next page begins (None: there is none)."""
    items: list[PartnerItem] = []
    budget = PageBudget()
    found = None if question.q is None else await partners_found(connection, question.q)
    products = sorted(parameters.products) if question.product is None else [question.product]
    async for partner_id, facts in _every_partner(connection, moment, question.after[0], found, include=True):
        for product, segment in partner_segments(facts, partner_id, products, moment.at, parameters):
            standing = segment.standing
            if (partner_id, product) > question.after and standing.status in (question.status or (standing.status,)):
                items.append(_partner_item(partner_id, product, segment))
            if len(items) == question.limit:
                return items, (partner_id, product)
        if budget.spent():
            return items, (partner_id, ALL_PRODUCTS)
    return items, None


def _partner_item(partner_id: str, product: str, segment: ForecastSegment) -> PartnerItem:
    """The item of a segment, without names."""
    standing, reason, (since, lost) = segment.standing, segment.reasons[0], segment.origin
    return PartnerItem(
        partner_id,
        None,
        product,
        standing.status,
        since,
        standing.headcount,
        standing.minimum,
        standing.shortfall,
        standing.shortfall,
        LeadingReason(reason.rule, reason.text),
        None if lost is None else LostConsultant(lost.consultant_id, None, lost.at),
        segment.next_change_at,
    )


def _windows_of(
    partner_id: str, product: str, windows: Iterable[tuple[Window, Window]], at: datetime
) -> list[WindowItem]:
    """`windows`: as each is at `at`, and as it ends if no fact comes."""
    return [
        WindowItem(
            window.deadline_at,
            partner_id,
            None,
            product,
            number,
            window.deadline_on,
            window.opened_at,
            window.closed_at,
            window.outcome,
            window.policy_id,
            _changes_next(window, end, at),
        )
        for number, (window, end) in enumerate(windows, start=1)
    ]


def _changes_next(window: Window, end: Window, at: datetime) -> datetime | None:
    if window.closed_at is not None:
        return None
    return min((change for change in (window.deadline_at, end.closed_at) if change and change > at), default=None)


def _wanted(item: WindowItem, question: WindowsList) -> bool:
    return (
        question.status in (None, item.outcome)
        and question.product in (None, item.product)
        and (question.due_before is None or item.deadline_at < question.due_before)
    )


def window_place(item: WindowItem) -> WindowPlace:
    """Where the window stands in the list."""
    return item.deadline_at, item.partner_id, item.product, item.number


async def _every_partner(
    connection: Connection, moment: AsOf, after: str, found: Sequence[str] | None, *, include: bool
) -> AsyncIterator[tuple[str, list[Fact]]]:
    """Every partner in order, with the facts routed to it at the moment. `found`: only these, in order.

    `include`: `after` itself too.
    """
    partner_ids: Sequence[str] = [after] if include and after and found is None else []
    place = 0 if found is None else (bisect_left if include else bisect_right)(found, after)
    while True:
        for partner_id, facts in (await routed(connection, partner_ids, moment.position)).items():
            yield partner_id, facts
        after = max([after, *partner_ids])
        if found is None:
            partner_ids = await mentioned_partners(connection, after, _PARTNERS_AT_ONCE)
        else:
            partner_ids, place = found[place : place + _PARTNERS_AT_ONCE], place + _PARTNERS_AT_ONCE
        if not partner_ids:
            return
