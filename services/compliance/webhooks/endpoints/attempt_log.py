"""The requests to an endpoint and their outcomes, as its owner sees them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, Literal

import msgspec

from services.compliance.database import Connection
from services.compliance.webhooks.endpoints.store import find_endpoint

AttemptKind = Literal["event", "heartbeat", "test"]


class Attempt(msgspec.Struct, frozen=True):
    """One request. `messages`: their number; `epoch` and `sequence` are of the first, null for a heartbeat or test.

    `error`: the reason for a missing status, or for one that does not count. `reply`: the first 2 KiB of its body.
    """

    number: int
    kind: AttemptKind
    started_at: datetime
    duration_ms: int
    message_id: str
    epoch: int | None
    sequence: int | None
    messages: int
    status: int | None
    error: str | None
    reply: str


_AFTER: Final = f"""
    SELECT {", ".join(Attempt.__struct_fields__)}
    FROM webhooks.attempt WHERE endpoint_id = $1 AND number > $2 ORDER BY number LIMIT $3
"""


async def list_attempts(connection: Connection, endpoint_id: str, after: int, limit: int) -> Sequence[Attempt]:
    """The requests after a number that are still kept. Raises `NoSuchEndpoint`."""
    await find_endpoint(connection, endpoint_id)
    rows = await connection.fetch(_AFTER, endpoint_id, after, limit)
    return [Attempt(**{**row, "reply": row["reply"].decode("utf-8", "replace")}) for row in rows]
