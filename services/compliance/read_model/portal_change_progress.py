"""The progress of partners with the maintenance that a portal change asks for."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from services.compliance.database import Connection
from services.web.statements import statements

_SQL: Final = statements(__file__)


async def progress_of_partners(
    connection: Connection, partner_ids: Sequence[str], portal_change_id: str, at: datetime
) -> list[tuple[str, int, int]]:
    """Partner, how much its people had to do by `at`, how much of it they still owe. Without duties there is no row."""
    return [
        (row[0], row[1], row[2]) for row in await connection.fetch(_SQL["progress"], partner_ids, portal_change_id, at)
    ]
