"""Lists of people from the read model, in pages by key: right by the clock, whether or not a timer has fired."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Final, NamedTuple

from services.compliance.database import Connection
from services.compliance.historical_answers.as_of import AsOf
from services.compliance.historical_answers.page_budget import ALL_PRODUCTS
from services.compliance.read_model.current_standings import moment_and_rows, moment_as_of, moment_beside
from services.compliance.read_model.list_queries import AFTER, BEHIND_SAMPLE, SAMPLE, WALK, filled, with_filters
from services.compliance.read_model.names import HOLDS_PART, SEARCH, longest_walk, walks
from services.web.statements import statements

_SQL: Final = statements(
    __file__,
    holds_part_of_linked=HOLDS_PART.format(column="l.consultant_id", part="{part}"),
    holds_part=HOLDS_PART.format(column="e.consultant_id", part="{part}"),
    moment=moment_as_of("$4"),
    moment_of_person=moment_beside("w.row"),
    moment_of_duties=moment_as_of("$6"),
    moment_of_duty=moment_beside("w.row"),
)
_CERTIFIED: Final = "(width_bucket(known.at, c.certified) % 2 = 1) = {}"


class ListedPerson(NamedTuple):
    """A person and a product, as a list shows them.

    `product`: None for a person who never counted for a partner: nothing is derived, and every product has to be looked
    at from the facts. `partner_id`: where the person counts. `due_on`: the first day by whose end maintenance is due;
    None: none is owed. `changes_at`: when any of this changes, if no fact comes. `told`: the position of the last fact
    about a person of whom courses and passes say what it lacks; None for others.
    """

    consultant_id: str
    product: str | None
    name: str | None
    partner_id: str | None
    partner_name: str | None
    certified_since: datetime | None
    due_on: date | None
    changes_at: datetime | None
    told: int | None


class PeoplePage(NamedTuple):
    """`following`: the person and product after which the next page begins; None: there is none.

    `table`: the table of progress, None on an empty page.
    """

    moment: AsOf
    table: int | None
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

    `partner_id`: only the people linked to this partner. `q`: only people whose id or name holds it. A page can end
    before it is full if few of many people pass a filter.
    """
    filters: list[tuple[str, Any]] = [("c.product = {}", product), (_CERTIFIED, certified)]
    arguments: list[Any] = [*after, limit, at]
    if partner_id is not None and q is not None:
        arguments += [partner_id, q]
        statement = _LINKED_HOLDING
    elif partner_id is not None:
        arguments.append(partner_id)
        statement = _LINKED
    elif q is not None:
        arguments += [*walks(limit), q]
        statement = _SEARCHED
    else:
        arguments.append(limit + 1 if certified is None else longest_walk(limit))
        statement = _EVERYBODY
    records = await with_filters(connection, statement, arguments, filters)
    moment, rows = moment_and_rows(records)
    found, table, until = _people(rows), records[0]["table"], records[0]["until"]
    if len(found) == limit:
        return PeoplePage(moment, table, found, (found[-1].consultant_id, found[-1].product or ALL_PRODUCTS))
    return PeoplePage(moment, table, found, until and (until, ALL_PRODUCTS))


def _statement(page: str, *, until: str = "NULL", uncounted: str = "true") -> str:
    counts = filled(_SQL["counts"], first="w.first AND")
    return filled(_SQL["people"], page=page, until=until, counts=counts, uncounted=uncounted)


def _of(people: str, place: dict[str, str] = AFTER, limit: str = "$3") -> str:
    return filled(_SQL["page"], people=people, limit=limit, **place)


def _searched() -> str:
    walk, holding, found = _SQL["everybody"], filled(_SQL["holding"], part="$7"), filled(_SQL["found"], part="$7")
    walked, left = filled(walk, limit=WALK, **BEHIND_SAMPLE), "$3 - t.found"
    return filled(
        SEARCH,
        sample=filled(walk, limit=SAMPLE, **AFTER),
        near=_of(filled(holding, walked="SELECT s.* FROM sample s")),
        further=_of(filled(holding, walked=walked), BEHIND_SAMPLE, left),
        indexed=_of(filled(found, **BEHIND_SAMPLE), BEHIND_SAMPLE, left),
        place="s.consultant_id AS id, '~' AS product",
        page="$3",
        walk=SAMPLE,
    )


_EVERYBODY: Final = _statement(_of(filled(_SQL["everybody"], limit=SAMPLE, **AFTER)), until=_SQL["looked_until"])
_SEARCHED: Final = _statement(_searched())
_OF_LINKED: Final = filled(_SQL["linked"], partner="$5")
_LINKED: Final = _statement(_of(_OF_LINKED), uncounted="false")
_LINKED_HOLDING: Final = _statement(
    _of(filled(_SQL["linked_holding"], linked=_OF_LINKED, part="$6")), uncounted="false"
)


def _people(rows: Sequence[tuple[Any, ...]]) -> list[ListedPerson]:
    found: list[ListedPerson] = []
    name = partner_id = partner_name = counting_changes_at = None
    for consultant_id, product, first, *of_person, since, due_on, changes_at, told, _, _ in rows:
        if first:
            name, partner_id, partner_name, counting_changes_at = of_person
        if counting_changes_at is not None:
            changes_at = min(changes_at or counting_changes_at, counting_changes_at)
        found.append(
            ListedPerson(consultant_id, product, name, partner_id, partner_name, since, due_on, changes_at, told)
        )
    return found


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
        owed = filled(_SQL["owed_of_partner"], partner="$7")
    elif portal_change_id is not None:
        arguments.append(portal_change_id)
        owed = filled(_SQL["owed_of_change"], change="$7::text")
    else:
        owed = _SQL["owed"]
    statement = filled(_SQL["duties"], owed=owed, counts=filled(_SQL["counts"], first=""))
    moment, rows = moment_and_rows(await with_filters(connection, statement, arguments, filters))
    return moment, [ListedDuty(DutyPlace(*row[:4]), *row[4:]) for row in rows]
