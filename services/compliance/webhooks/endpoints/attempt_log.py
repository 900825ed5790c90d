"""The requests to an endpoint and their outcomes, as its owner sees them; requests made apart from deliveries."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, Literal

import msgspec

from services.compliance.database import Connection
from services.compliance.webhooks.endpoints.store import find_endpoint
from services.compliance.webhooks.outcome import Outcome

AttemptKind = Literal["event", "heartbeat", "test", "resend"]


class Attempt(msgspec.Struct, frozen=True):
    """One request. `messages`: their number; `epoch` and `sequence` are of the first, null unless `kind` is event.

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


_BEFORE: Final = f"""
    SELECT {", ".join(Attempt.__struct_fields__)}
    FROM webhooks.attempt WHERE endpoint_id = $1 AND ($2::bigint IS NULL OR number < $2) ORDER BY number DESC LIMIT $3
"""


_LOG: Final = """
    WITH numbered AS (
        UPDATE webhooks.endpoint SET attempts = attempts + 1 WHERE endpoint_id = $1 RETURNING attempts
    )
    INSERT INTO webhooks.attempt (
        endpoint_id, number, kind, started_at, duration_ms, message_id, messages, status, error, reply)
    SELECT $1, n.attempts, $2, clock_timestamp() - $3 * interval '1 millisecond', $3, $4, 1, $5, $6, $7
    FROM numbered n
"""


async def list_attempts(connection: Connection, endpoint_id: str, before: int | None, limit: int) -> Sequence[Attempt]:
    """The requests that are kept, with lower numbers than `before`, the newest first. Raises `NoSuchEndpoint`."""
    await find_endpoint(connection, endpoint_id)
    rows = await connection.fetch(_BEFORE, endpoint_id, before, limit)
    return [Attempt(**{**row, "reply": row["reply"].decode("utf-8", "replace")}) for row in rows]


async def log_attempt(
    connection: Connection, endpoint_id: str, kind: AttemptKind, message_id: str, outcome: Outcome
) -> None:
    """Logs a request of one message that moves no cursor. Logs nothing if the endpoint was deleted meanwhile."""
    reply = (outcome.status, outcome.error, outcome.reply)
    await connection.execute(_LOG, endpoint_id, kind, outcome.duration_ms, message_id, *reply)
