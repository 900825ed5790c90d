"""Lists out of the read model, in pages by key: right by the clock, whether or not a timer has fired."""

from datetime import datetime
from typing import Any, Final

import asyncpg
from sqlalchemy import Select, case, func, null, or_, select, tuple_
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg

from services.compliance.database import Connection
from services.compliance.read_model.tables import replacement_window, standing


async def present_partners(
    connection: Connection,
    at: datetime,
    after: tuple[str, str],
    limit: int,
    *,
    status: str | None,
    product: str | None,
) -> list[asyncpg.Record]:
    """Partner, product, status, headcount, minimum, shortfall and the end of the stretch that is in force at `at`."""
    of = standing.c
    wanted = select(of.partner_id, of.product, of.status, of.headcount, of.minimum, of.shortfall, of.valid_to).where(
        tuple_(of.partner_id, of.product) > after,
        of.valid_from <= at,
        or_(of.valid_to.is_(None), of.valid_to > at),
    )
    if status is not None:
        wanted = wanted.where(of.status == status)
    if product is not None:
        wanted = wanted.where(of.product == product)
    return await _fetch(connection, wanted.order_by(of.partner_id, of.product).limit(limit))


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
    of = replacement_window.c
    key = (of.deadline_at, of.partner_id, of.product, of.number)
    closed = of.closed_at <= at
    outcome_then = case((closed, of.closed_outcome), (of.deadline_at > at, "open"), else_="expired")
    closed_at_then = case((closed, of.closed_at))
    changes_next = case(
        (closed, null()), (of.deadline_at > at, func.least(of.deadline_at, of.closed_at)), else_=of.closed_at
    )
    wanted = select(*key, of.deadline_on, of.opened_at, closed_at_then, outcome_then, changes_next).where(
        tuple_(*key) > after, of.opened_at <= at
    )
    if outcome == "open":
        wanted = wanted.where(of.deadline_at > at)
    if outcome is not None:
        wanted = wanted.where(outcome_then == outcome)
    if product is not None:
        wanted = wanted.where(of.product == product)
    if due_before is not None:
        wanted = wanted.where(of.deadline_at < due_before)
    return await _fetch(connection, wanted.order_by(*key).limit(limit))


_DIALECT: Final = PGDialect_asyncpg()  # type: ignore[no-untyped-call]  # SQLAlchemy leaves it so


async def _fetch(connection: Connection, statement: Select[Any]) -> list[asyncpg.Record]:
    compiled = statement.compile(dialect=_DIALECT)
    arguments = [compiled.params[name] for name in compiled.positiontup or ()]
    return await connection.fetch(str(compiled), *arguments)
