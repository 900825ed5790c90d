"""Lists from the read model, in pages by key: correct by the clock, whether or not a timer has fired."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import asyncpg

from services.compliance.database import Connection
from services.compliance.read_model.names import PARTNER_FOUND
from services.web.statements import statements

_SQL: Final = statements(__file__, found=PARTNER_FOUND.format(column="f.partner_id", part="$5"))

_OUTCOME: Final = """
    CASE WHEN w.closed_at <= $5 THEN w.closed_outcome WHEN w.deadline_at > $5 THEN 'open' ELSE 'expired' END
"""

_WINDOWS: Final = f"""
    SELECT w.deadline_at, w.partner_id, n.name, w.product, w.number, w.deadline_on, w.opened_at,
        CASE WHEN w.closed_at <= $5 THEN w.closed_at END, {_OUTCOME}, w.policy_id,
        CASE WHEN w.closed_at <= $5 THEN NULL
            WHEN w.deadline_at > $5 THEN least(w.deadline_at, w.closed_at)
            ELSE w.closed_at END
    FROM replacement_window w LEFT JOIN certification.partner_name n ON n.partner_id = w.partner_id
    WHERE (w.deadline_at, w.partner_id, w.product, w.number) > ($1, $2, $3, $4) AND w.opened_at <= $5
        {{filter}}
    ORDER BY w.deadline_at, w.partner_id, w.product, w.number LIMIT $6
"""


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
    """What `partner_item` takes, of the segment that contains `at`. `statuses`: without any, every status passes."""
    arguments: list[Any] = [*after, at, limit]
    filters: list[tuple[str, Any]] = [("s.product = {}", product)]
    if q is not None:
        arguments.append(q)
        filters.append(("s.status = ANY({})", list(statuses) or None))
        return await with_filters(connection, _SQL["partners_found"], arguments, filters)
    if statuses:
        arguments.append(list(statuses))
        return await with_filters(connection, _SQL["partners_of_statuses"], arguments, filters)
    return await with_filters(connection, _SQL["partners"], arguments, filters)


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
    filters = [
        ("w.deadline_at > {}", at if outcome == "open" else None),
        (f"{_OUTCOME} = {{}}", outcome),
        ("w.product = {}", product),
        ("w.deadline_at < {}", due_before),
    ]
    return await with_filters(connection, _WINDOWS, [*after, at, limit], filters)


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
