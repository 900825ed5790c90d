"""Lists from the read model, in pages by key: correct by the clock, whether or not a timer has fired."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import asyncpg

from services.compliance.database import Connection
from services.compliance.historical_answers.as_of import AsOf
from services.compliance.historical_answers.page_budget import ALL_PRODUCTS
from services.compliance.read_model.current_standings import moment_and_rows, moment_as_of, moment_beside
from services.compliance.read_model.names import HOLDS_PART, first_walk, next_walk
from services.web.statements import statements

_OUTCOME: Final = """
    CASE WHEN w.closed_at <= known.at THEN w.closed_outcome WHEN w.deadline_at > known.at THEN 'open' ELSE 'expired' END
"""
_SQL: Final = statements(
    __file__,
    holds_part=HOLDS_PART.format(column="s.partner_id", part="$6"),
    holds_part_of_walked=HOLDS_PART.format(column="w.partner_id", part="$5"),
    outcome=_OUTCOME.strip(),
    present=moment_as_of("$3"),
    moment=moment_beside("s.row"),
    moment_of_suspensions=moment_as_of("$5"),
    moment_of_windows=moment_as_of("$5"),
    moment_of_window=moment_beside("w.row"),
)

_STATUSES: Final = _SQL["page_of_statuses"].replace("{statuses}", "$5")


def _partners(page: str, limit: str = "$4") -> str:
    return _SQL["partners"].replace("{page}", page).replace("{limit}", limit)


_OF_ALL: Final = _partners(_SQL["page"])
_OF_STATUSES: Final = _partners(_STATUSES)
_WALKED: Final = _partners(_SQL["of_found"].replace("{found}", _SQL["partners_walked"]))
_FOUND: Final = _partners(_SQL["of_found"].replace("{found}", _SQL["partners_found"]))
_WALKED_STATUSES: Final = _partners(_SQL["standings_walked"].replace("{page}", _STATUSES), "$7")
_LAST_WALKED: Final = _SQL["last_walked"].replace("{page}", _STATUSES).replace("{limit}", "$6::bigint")

Rows = tuple[AsOf, list[tuple[Any, ...]]]
"""The moment of a page, and its rows."""


async def present_partners(
    connection: Connection,
    at: datetime | None,
    after: tuple[str, str],
    limit: int,
    *,
    statuses: Sequence[str],
    product: str | None,
    q: str | None,
) -> Rows:
    """The present, and what `partner_item` takes, of the segments that contain it.

    `at`: when the snapshot was taken that is read. `statuses`: without any, every status passes. With `q` it first
    compares the next partners or standings. That fills a page if many names or ids hold `q`; otherwise it asks the
    indexes over names and ids. It can take several statements then, which have to be of one moment.
    """
    filters: list[tuple[str, Any]] = [("s.product = {}", product)]
    if q is not None and statuses:
        return await _found_of_statuses(connection, [*after, at, limit], list(statuses), q, filters)
    if q is not None:
        return await _found(connection, at, after, limit, q, filters)
    if statuses:
        return await _page(connection, _OF_STATUSES, [*after, at, limit, list(statuses)], filters)
    return await _page(connection, _OF_ALL, [*after, at, limit], filters)


async def _found(
    connection: Connection,
    at: datetime | None,
    after: tuple[str, str],
    limit: int,
    q: str,
    filters: Sequence[tuple[str, Any]],
) -> Rows:
    found: list[tuple[Any, ...]] = []
    place, walked, walk = after, 0, first_walk(limit)
    while walk:
        moment, rows = await _page(connection, _WALKED, [*place, at, limit - len(found), q, walk], filters)
        found += rows
        until = await connection.fetchval(_SQL["walked_until"], place[0], walk) if len(found) < limit else None
        if until is None:
            return moment, found
        place, walked = (until, ALL_PRODUCTS), walked + walk
        walk = next_walk(limit, len(found), walked)
    moment, rows = await _page(connection, _FOUND, [*place, at, limit - len(found), q], filters)
    return moment, found + rows


async def _found_of_statuses(
    connection: Connection, arguments: list[Any], statuses: list[str], q: str, filters: list[tuple[str, Any]]
) -> Rows:
    limit = arguments[3]
    walked = walk = first_walk(limit)
    while walk:
        moment, rows = await _page(connection, _WALKED_STATUSES, [*arguments, statuses, q, walked], filters)
        if len(rows) == limit or not await _has_more(connection, arguments, statuses, walked, filters):
            return moment, rows
        walk = next_walk(limit, len(rows), walked)
        walked += walk
    return await _page(connection, _FOUND, [*arguments, q], [*filters, ("s.status = ANY({})", statuses)])


async def _has_more(
    connection: Connection,
    arguments: list[Any],
    statuses: list[str],
    walked: int,
    filters: Sequence[tuple[str, Any]],
) -> bool:
    """Whether there are as many standings of these statuses as were walked, so that more can follow."""
    return len(await with_filters(connection, _LAST_WALKED, [*arguments, statuses, walked], filters)) > 0


async def present_suspensions(
    connection: Connection,
    at: datetime | None,
    after: tuple[datetime, str, str] | None,
    limit: int,
    *,
    product: str | None,
) -> Rows:
    """The present, and what `partner_item` takes, of the suspensions, the latest first.

    `at`: when the snapshot was taken that is read. `after`: the start of a suspension, its partner and its product.
    """
    arguments = [*(after or (None, "", "")), limit, at]
    return await _page(connection, _SQL["suspensions"], arguments, [("s.product = {}", product)])


async def present_windows(
    connection: Connection,
    at: datetime | None,
    after: tuple[datetime, str, str, int],
    limit: int,
    *,
    outcome: str | None,
    product: str | None,
    due_before: datetime | None,
) -> Rows:
    """The present, and the windows that have opened, soonest deadline first, as they are, and when each changes next.

    `at`: when the snapshot was taken that is read. Half-open, as all instants are.
    """
    ended = " AND w.deadline_at <= known.at" if outcome == "expired" else ""
    filters: list[tuple[str, Any]] = [
        (f"{_OUTCOME} = {{}}{ended}", outcome),
        ("w.product = {}", product),
        ("w.deadline_at < {}", due_before),
    ]
    first = "$1::timestamptz"
    match outcome:
        case None:
            opened, closing = _SQL["any_opened"], _SQL["none_closing"]
        case "open":  # what ended before is not walked through
            opened, closing, first = _SQL["unclosed"], _SQL["closing"], f"greatest({first}, known.at)"
        case "expired":
            opened, closing = _SQL["unclosed"], _SQL["closing"]
        case _:
            opened, closing = _SQL["closed"].replace("{closed}", "$7::text"), _SQL["none_closing"]
    statement = _SQL["windows"].replace("{opened}", opened).replace("{closing}", closing).replace("{after}", first)
    return await _page(connection, statement, [*after, at, limit], filters)


async def _page(
    connection: Connection, statement: str, arguments: list[Any], filters: Sequence[tuple[str, Any]]
) -> Rows:
    return moment_and_rows(await with_filters(connection, statement, arguments, filters))


async def with_filters(
    connection: Connection, statement: str, arguments: list[Any], filters: Sequence[tuple[str, Any]]
) -> list[asyncpg.Record]:
    """The statement with the filters that have a value: an index cannot serve a filter that an `OR` turns off."""
    conditions = ""
    for condition, value in filters:
        if value is not None:
            arguments.append(value)
            conditions += f" AND {condition.format(f'${len(arguments)}')}"
    return await connection.fetch(statement.format(filter=conditions), *arguments)
