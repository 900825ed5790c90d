"""The days by which something is to be done, from the read model: right by the clock."""

from datetime import date, datetime
from typing import Any, Final, NamedTuple

from services.compliance.database import Connection
from services.compliance.historical_answers.questions import BEFORE_ALL
from services.compliance.policy.calendar import london_day
from services.compliance.read_model.list_queries import present_windows, with_filters
from services.web.statements import statements

_SQL: Final = statements(__file__)


class OpenWindow(NamedTuple):
    """A replacement window that is open, and its last day."""

    due_on: date
    partner_id: str
    product: str
    number: int
    opened_at: datetime


class OwedMaintenance(NamedTuple):
    """Maintenance that people who count for the partner owe: how many, and since when the first of them."""

    due_on: date
    partner_id: str
    product: str
    portal_change_id: str
    people: int
    since: datetime


async def open_windows(connection: Connection, at: datetime, limit: int, partner_id: str | None) -> list[OpenWindow]:
    """The windows that are open at the instant, soonest deadline first. `partner_id` None: of every partner."""
    if partner_id is not None:
        rows = await connection.fetch(_SQL["windows_of_partner"], at, limit, partner_id)
        return [OpenWindow(*row) for row in rows]
    _, found = await present_windows(connection, at, BEFORE_ALL, limit, outcome="open", product=None, due_before=None)
    return [
        OpenWindow(due_on, partner_id, product, number, opened_at)
        for _, partner_id, _, product, number, due_on, opened_at, *_ in found
    ]


async def owed_by_partner(
    connection: Connection, at: datetime, limit: int, partner_id: str | None
) -> list[OwedMaintenance]:
    """The maintenance that is owed at the instant and not overdue, soonest due first."""
    arguments: list[Any] = [at, limit, london_day(at)]
    filters = [("l.partner_id = {}", partner_id)]
    return [OwedMaintenance(*row) for row in await with_filters(connection, _SQL["owed"], arguments, filters)]
