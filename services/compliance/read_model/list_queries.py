"""Lists from the read model, in pages by key: correct by the clock, whether or not a timer has fired."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import asyncpg

from services.compliance.database import Connection
from services.compliance.historical_answers.page_budget import ALL_PRODUCTS
from services.compliance.read_model.names import HOLDS_PART, first_walk, next_walk
from services.web.statements import statements

_OUTCOME: Final = """
    CASE WHEN w.closed_at <= $5 THEN w.closed_outcome WHEN w.deadline_at > $5 THEN 'open' ELSE 'expired' END
"""
_SQL: Final = statements(
    __file__,
    holds_part=HOLDS_PART.format(column="s.partner_id", part="$6"),
    holds_part_of_walked=HOLDS_PART.format(column="w.partner_id", part="$5"),
    outcome=_OUTCOME.strip(),
)


_OF_ALL: Final = _SQL["partners"].replace("{page}", _SQL["page"].replace("{limit}", "$4"))
_OF_STATUSES: Final = _SQL["partners"].replace("{page}", _SQL["page_of_statuses"].replace("{limit}", "$4"))
_WALKED: Final = _SQL["of_found"].replace("{found}", _SQL["partners_walked"])
_FOUND: Final = _SQL["of_found"].replace("{found}", _SQL["partners_found"])
_WALKED_STATUSES: Final = _SQL["standings_walked"].replace("{page}", _SQL["page_of_statuses"].replace("{limit}", "$7"))
_LAST_WALKED: Final = _SQL["last_walked"].replace("{page}", _SQL["page_of_statuses"].replace("{limit}", "$6::bigint"))


async def present_partners(
    connection: Connection,
    at: datetime,
    after: tuple[str, str],
    limit: int,
    *,
    statuses: Sequence[str],
    product: str | None,
    q: str | None,
) -> list[asyncpg.Record]:
    """What `partner_item` takes, of the segment that contains `at`. `statuses`: without any, every status passes.

    With `q` it first compares the next partners or standings. That fills a page if many names or ids hold `q`;
    otherwise it asks the indexes over names and ids.
    """
    filters: list[tuple[str, Any]] = [("s.product = {}", product)]
    if q is not None and statuses:
        return await _found_of_statuses(connection, [*after, at, limit], list(statuses), q, filters)
    if q is not None:
        return await _found(connection, at, after, limit, q, filters)
    if statuses:
        return await with_filters(connection, _OF_STATUSES, [*after, at, limit, list(statuses)], filters)
    return await with_filters(connection, _OF_ALL, [*after, at, limit], filters)


async def _found(
    connection: Connection,
    at: datetime,
    after: tuple[str, str],
    limit: int,
    q: str,
    filters: Sequence[tuple[str, Any]],
) -> list[asyncpg.Record]:
    found: list[asyncpg.Record] = []
    place, walked, walk = after, 0, first_walk(limit)
    while walk:
        arguments = [*place, at, limit - len(found), q, walk]
        found += await with_filters(connection, _WALKED, arguments, filters)
        until = await connection.fetchval(_SQL["walked_until"], place[0], walk) if len(found) < limit else None
        if until is None:
            return found
        place, walked = (until, ALL_PRODUCTS), walked + walk
        walk = next_walk(limit, len(found), walked)
    return found + await with_filters(connection, _FOUND, [*place, at, limit - len(found), q], filters)


async def _found_of_statuses(
    connection: Connection, arguments: list[Any], statuses: list[str], q: str, filters: list[tuple[str, Any]]
) -> list[asyncpg.Record]:
    limit = arguments[3]
    walked = walk = first_walk(limit)
    while walk:
        rows = await with_filters(connection, _WALKED_STATUSES, [*arguments, statuses, q, walked], filters)
        if len(rows) == limit or not await _has_more(connection, arguments, statuses, walked, filters):
            return rows
        walk = next_walk(limit, len(rows), walked)
        walked += walk
    return await with_filters(connection, _FOUND, [*arguments, q], [*filters, ("s.status = ANY({})", statuses)])


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
    connection: Connection, at: datetime, after: tuple[datetime, str, str], limit: int, *, product: str | None
) -> list[asyncpg.Record]:
    """What `partner_item` takes, of the suspensions at `at`, the latest first.

    `after`: the start of a suspension, its partner and its product.
    """
    return await with_filters(connection, _SQL["suspensions"], [at, *after, limit], [("s.product = {}", product)])


async def present_windows(
    connection: Connection,
    at: datetime,
    after: tuple[datetime, str, str, int],
    limit: int,
    *,
    outcome: str | None,
    product: str | None,
    due_before: datetime | None,
) -> list[asyncpg.Record]:
    """The windows that have opened by `at`, soonest deadline first, as they are then, and when each changes next.

    Half-open, as all instants are.
    """
    filters: list[tuple[str, Any]] = [
        (f"{_OUTCOME} = {{}}", outcome),
        ("w.product = {}", product),
        ("w.deadline_at < {}", due_before),
    ]
    match outcome:
        case None:
            opened, closing = _SQL["any_opened"], _SQL["none_closing"]
        case "open":  # what ended before is not walked through
            opened, closing, after = _SQL["unclosed"], _SQL["closing"], max(after, (at, "", "", 0))
        case "expired":
            opened, closing = _SQL["unclosed"], _SQL["closing"]
            filters.append(("w.deadline_at <= {}", at))
        case _:
            opened, closing = _SQL["closed"].replace("{closed}", "$7::text"), _SQL["none_closing"]
    statement = _SQL["windows"].replace("{opened}", opened).replace("{closing}", closing)
    return await with_filters(connection, statement, [*after, at, limit], filters)


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
