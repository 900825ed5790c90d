"""Whether sealing makes progress."""

from typing import Final

from pydantic import BaseModel

from services.audit.database import Connection
from services.web.statements import statements

_READINESS: Final = statements(__file__)["readiness"]


class Readiness(BaseModel):
    """How many facts and compliance events are recorded, and how many of them are sealed."""

    facts: int
    facts_sealed: int
    events: int
    events_sealed: int


async def check_readiness(connection: Connection) -> tuple[Readiness, str | None]:
    """How far both logs are sealed, and why no sealer makes progress; None: one does."""
    row = await connection.fetchrow(_READINESS)
    assert row is not None, "it has one row"
    readiness = Readiness(**{name: row[name] for name in Readiness.model_fields})
    if row["trouble"] is not None:
        return readiness, row["trouble"]
    if not row["sealers"]:
        return readiness, "No sealer has sent a heartbeat for 10 seconds: start one (`sagecert audit seal`)."
    return readiness, None
