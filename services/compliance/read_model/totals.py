"""How much needs action now, counted in the read model."""

from datetime import date, datetime
from typing import Final, NamedTuple

from services.compliance.database import Connection
from services.web.statements import statements

_SQL: Final = statements(__file__)


class Counted(NamedTuple):
    """How many suspensions, open windows, windows that close soon, duties that are owed, and those that are overdue."""

    suspensions: int
    windows: int
    closing: int
    owed: int
    overdue: int


async def count_present(
    connection: Connection, at: datetime, closing_by: datetime, today: date, counted_max: int
) -> Counted:
    """Counts what there is at `at`, at most `counted_max` of each kind.

    `closing_by`: a window closes soon if it ends by this instant. `today`: maintenance due before this day is overdue.
    """
    row = await connection.fetchrow(_SQL["totals"], at, closing_by, today, counted_max)
    assert row is not None, "counts have one row"
    return Counted(*row)
