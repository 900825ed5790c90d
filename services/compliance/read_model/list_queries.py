"""Lists from the read model, in pages by key: correct by the clock, whether or not a timer has fired."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any, Final

import asyncpg

from services.compliance.database import Connection
from services.compliance.historical_answers.as_of import AsOf
from services.compliance.read_model.current_standings import moment_and_rows, moment_as_of, moment_beside
from services.compliance.read_model.names import HOLDS_PART, SEARCH, walks
from services.web.statements import statements

_OUTCOME: Final = """
    CASE WHEN w.closed_at <= known.at THEN w.closed_outcome WHEN w.deadline_at > known.at THEN 'open' ELSE 'expired' END
"""
_SQL: Final = statements(
    __file__,
    holds_part=HOLDS_PART.format(column="s.partner_id", part="$7"),
    holds_part_of_walked=HOLDS_PART.format(column="w.partner_id", part="$7"),
    outcome=_OUTCOME.strip(),
    present=moment_as_of("$3"),
    moment=moment_beside("s.row"),
    moment_of_suspensions=moment_as_of("$5"),
    moment_of_windows=moment_as_of("$5"),
    moment_of_window=moment_beside("w.row"),
)


def filled(template: str, **parts: str) -> str:
    """The template with these parts; other parts stay open."""
    for name, part in parts.items():
        template = template.replace(f"{{{name}}}", part)
    return template


AFTER: Final = {"id": "$1", "product": "$2"}
BEHIND_SAMPLE: Final = {"id": "t.id", "product": "t.product"}
"""Where a page begins, and where the rest of a search does."""
SAMPLE: Final = "$5::bigint"
WALK: Final = "$6::bigint"
_LEFT: Final = "$4 - t.found"


def _partners(page: str) -> str:
    return filled(_SQL["partners"], page=page)


def _searched(sample: str, place: str, near: str, further: str, of_statuses: str = "") -> str:
    indexed = filled(_SQL["of_found"], found=_SQL["partners_found"], limit=_LEFT, **BEHIND_SAMPLE)
    indexed = filled(indexed, filter=f"{{filter}} {of_statuses}")
    return _partners(
        filled(SEARCH, sample=sample, near=near, further=further, indexed=indexed, place=place, page="$4", walk=SAMPLE)
    )


def _partners_searched() -> str:
    def found(walked: str, place: dict[str, str], limit: str) -> str:
        holding = filled(_SQL["holding"], walked=walked, limit="$4")
        return filled(_SQL["of_found"], found=holding, limit=limit, **place)

    walk = _SQL["next_partners"]
    return _searched(
        filled(walk, limit=SAMPLE, **AFTER),
        "s.partner_id AS id, '~' AS product",
        found("SELECT s.* FROM sample s", AFTER, "$4"),
        found(filled(walk, limit=WALK, **BEHIND_SAMPLE), BEHIND_SAMPLE, _LEFT),
    )


def _standings_searched() -> str:
    """The walk is sorted: it is twice as long as the sample lets expect."""
    walk, found = filled(_SQL["page_of_statuses"], statuses="$8"), _SQL["standings_holding"]
    expected = f"least({WALK}, 2 * {SAMPLE} * ({_LEFT}) / greatest(t.found, 1))"
    return _searched(
        filled(walk, limit=SAMPLE, **AFTER),
        "s.partner_id AS id, s.product",
        filled(found, walked="SELECT s.* FROM sample s", limit="$4"),
        filled(found, walked=filled(walk, limit=expected, **BEHIND_SAMPLE), limit=_LEFT),
        "AND s.status = ANY ($8::text[])",
    )


_OF_ALL: Final = _partners(filled(_SQL["page"], limit="$4", **AFTER))
_OF_STATUSES: Final = _partners(filled(_SQL["page_of_statuses"], statuses="$5", limit="$4", **AFTER))
_SEARCHED: Final = _partners_searched()
_STATUSES_SEARCHED: Final = _standings_searched()

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

    `at`: when the snapshot was taken that is read. `statuses`: without any, every status passes. `q`: only partners
    whose id or name holds it.
    """
    arguments: list[Any] = [*after, at, limit]
    filters: list[tuple[str, Any]] = [("s.product = {}", product)]
    if q is not None and statuses:
        return await _page(connection, _STATUSES_SEARCHED, [*arguments, *walks(limit), q, list(statuses)], filters)
    if q is not None:
        return await _page(connection, _SEARCHED, [*arguments, *walks(limit), q], filters)
    if statuses:
        return await _page(connection, _OF_STATUSES, [*arguments, list(statuses)], filters)
    return await _page(connection, _OF_ALL, arguments, filters)


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
            opened, closing = filled(_SQL["closed"], closed="$7::text"), _SQL["none_closing"]
    statement = filled(_SQL["windows"], opened=opened, closing=closing, after=first)
    return await _page(connection, statement, [*after, at, limit], filters)


async def _page(
    connection: Connection, statement: str, arguments: list[Any], filters: Sequence[tuple[str, Any]]
) -> Rows:
    return moment_and_rows(await with_filters(connection, statement, arguments, filters))


async def with_filters(
    connection: Connection, statement: str, arguments: list[Any], filters: Sequence[tuple[str, Any]]
) -> list[asyncpg.Record]:
    """The statement with the filters that have a value: an index cannot serve a filter that an `OR` turns off."""
    given = [(condition, value) for condition, value in filters if value is not None]
    conditions = tuple(condition for condition, _ in given)
    filtered = _with_conditions(statement, conditions, len(arguments) + 1)
    return await connection.fetch(filtered, *arguments, *(value for _, value in given))


@cache
def _with_conditions(statement: str, conditions: tuple[str, ...], first: int) -> str:
    """The values of the conditions are the parameters from `first` on. There are few statements; each is long."""
    numbered = (condition.format(f"${number}") for number, condition in enumerate(conditions, start=first))
    return statement.format(filter="".join(f" AND {condition}" for condition in numbered))
