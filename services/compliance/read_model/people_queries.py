"""Lists of people from the read model, in pages by key: right by the clock, whether or not a timer has fired."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Final, NamedTuple

import asyncpg

from services.compliance.database import Connection
from services.compliance.historical_answers.as_of import AsOf
from services.compliance.historical_answers.page_budget import ALL_PRODUCTS
from services.compliance.read_model.current_standings import moment_as_of
from services.compliance.read_model.list_queries import with_filters
from services.compliance.read_model.names import HOLDS_PART, first_walk, longest_walk, next_walk
from services.web.statements import statements

_SQL: Final = statements(
    __file__,
    holds_part_of_linked=HOLDS_PART.format(column="l.consultant_id", part="{part}"),
    holds_part=HOLDS_PART.format(column="e.consultant_id", part="{part}"),
    moment=moment_as_of("$4"),
    moment_of_duties=moment_as_of("$6"),
)
_CERTIFIED: Final = "(width_bucket(known.at, c.certified) % 2 = 1) = {}"
_MOMENT_SIZE: Final = len(AsOf._fields)


class ListedPerson(NamedTuple):
    """A person and a product, as a list shows them.

    `product`: None for a person who never counted for a partner: nothing is derived, and every product has to be looked
    at from the facts. `partner_id`: where the person counts. `due_on`: the first day by whose end maintenance is due;
    None: none is owed. `changes_at`: when any of this changes, if no fact comes.
    """

    consultant_id: str
    product: str | None
    name: str | None
    partner_id: str | None
    partner_name: str | None
    certified_since: datetime | None
    due_on: date | None
    changes_at: datetime | None


class PeoplePage(NamedTuple):
    """`following`: the person and product after which the next page begins; None: there is none."""

    moment: AsOf
    rows: list[ListedPerson]
    following: tuple[str, str] | None


async def present_people(
    connection: Connection,
    at: datetime | None,
    after: tuple[str, str],
    limit: int,
    *,
    partner_id: str | None,
    product: str | None,
    certified: bool | None,
    q: str | None,
) -> PeoplePage:
    """The present, and a page of people and products after a place. `at`: the instant of the snapshot that is read.

    `partner_id`: only the people linked to this partner. With `q` it first compares the next people. That fills a page
    if many names or ids hold `q`; otherwise it asks the indexes. A page can end before it is full if few of many people
    pass a filter. With `certified` or `q` it can take several statements, which have to be of one moment.
    """
    filters: list[tuple[str, Any]] = [("c.product = {}", product), (_CERTIFIED, certified)]
    if partner_id is not None:
        moment, found = await _of_partner(connection, at, after, limit, partner_id, q, filters)
        return _page(moment, found, limit, None)
    people, more = (_SQL["everybody"], []) if q is None else (_SQL["holding"].replace("{part}", "$6"), [q])
    statement = _statement(people.replace("{looked_at}", "$5::bigint"))
    found = []
    place, looked_at, walk = after, 0, limit + 1 if certified is None and q is None else first_walk(limit)
    while walk:
        rows = await with_filters(connection, statement, [*place, limit - len(found), at, walk, *more], filters)
        moment, some = _people(rows)
        found += some
        if len(found) == limit:
            return _page(moment, found, limit, None)
        until = await connection.fetchval(_SQL["looked_until"], place[0], walk)
        if until is None:
            return _page(moment, found, limit, None)
        at, place, looked_at = moment.at, (until, ALL_PRODUCTS), looked_at + walk
        walk = next_walk(limit, len(found), looked_at)
        if not walk and not found and q is None:
            walk = max(0, longest_walk(limit) - looked_at)
    if q is None:
        return _page(moment, found, limit, place)
    of_found = _statement(_SQL["found"].replace("{part}", "$5"))
    _, some = _people(await with_filters(connection, of_found, [*place, limit - len(found), at, q], filters))
    return _page(moment, found + some, limit, None)


async def _of_partner(
    connection: Connection,
    at: datetime | None,
    after: tuple[str, str],
    limit: int,
    partner_id: str,
    q: str | None,
    filters: list[tuple[str, Any]],
) -> tuple[AsOf, list[ListedPerson]]:
    people, more = _SQL["linked"].replace("{partner}", "$5"), [partner_id]
    if q is not None:
        people, more = _SQL["linked_holding"].format(linked=people, part="$6"), [partner_id, q]
    statement = _statement(people, uncounted="false")
    return _people(await with_filters(connection, statement, [*after, limit, at, *more], filters))


def _statement(people: str, *, uncounted: str = "true") -> str:
    statement = _SQL["people"].replace("{page}", _SQL["page"]).replace("{people}", people)
    statement = statement.replace("{counts}", _SQL["counts"].replace("{first}", "w.first AND"))
    return statement.replace("{uncounted}", uncounted)


def _people(rows: Sequence[asyncpg.Record]) -> tuple[AsOf, list[ListedPerson]]:
    moment = AsOf(*tuple(rows[0])[:_MOMENT_SIZE])
    found: list[ListedPerson] = []
    name = partner_id = partner_name = counting_changes_at = None
    for row in rows if rows[0]["consultant_id"] is not None else ():
        consultant_id, product, first, *of_person, since, due_on, changes_at = tuple(row)[_MOMENT_SIZE:]
        if first:
            name, partner_id, partner_name, counting_changes_at = of_person
        if counting_changes_at is not None:
            changes_at = min(changes_at or counting_changes_at, counting_changes_at)
        found.append(ListedPerson(consultant_id, product, name, partner_id, partner_name, since, due_on, changes_at))
    return moment, found


def _page(moment: AsOf, rows: list[ListedPerson], limit: int, following: tuple[str, str] | None) -> PeoplePage:
    if len(rows) == limit:
        following = rows[-1].consultant_id, rows[-1].product or ALL_PRODUCTS
    return PeoplePage(moment, rows, following)


class DutyPlace(NamedTuple):
    """The place of owed maintenance in the list."""

    due_on: date
    portal_change_id: str
    consultant_id: str
    product: str


class ListedDuty(NamedTuple):
    """What a person owes, as a list shows it. `partner_id`: where the person counts."""

    place: DutyPlace
    name: str | None
    partner_id: str | None
    partner_name: str | None


async def present_duties(
    connection: Connection,
    at: datetime | None,
    after: DutyPlace,
    limit: int,
    *,
    partner_id: str | None,
    portal_change_id: str | None,
    product: str | None,
    due_before: date | None,
) -> tuple[AsOf, list[ListedDuty]]:
    """The present, and a page of what is owed, after a place. `at`: the instant of the snapshot that is read.

    `due_before`: only what is due on a day before this.
    """
    arguments: list[Any] = [*after, limit, at]
    filters: list[tuple[str, Any]] = [("d.product = {}", product), ("d.due_on < {}", due_before)]
    if partner_id is not None:
        arguments.append(partner_id)
        filters.append(("d.portal_change_id = {}", portal_change_id))
        owed = _SQL["owed_of_partner"].replace("{partner}", "$7")
    elif portal_change_id is not None:
        arguments.append(portal_change_id)
        owed = _SQL["owed_of_change"].replace("{change}", "$7::text")
    else:
        owed = _SQL["owed"]
    statement = _SQL["duties"].replace("{owed}", owed).replace("{counts}", _SQL["counts"].replace("{first}", ""))
    rows = await with_filters(connection, statement, arguments, filters)
    found = [tuple(row)[_MOMENT_SIZE:] for row in rows if row["consultant_id"] is not None]
    return AsOf(*tuple(rows[0])[:_MOMENT_SIZE]), [ListedDuty(DutyPlace(*row[:4]), *row[4:]) for row in found]
