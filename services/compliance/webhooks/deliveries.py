"""What was sent to an endpoint and what is kept back, as its owner sees it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, Literal

import msgspec

from services.compliance.database import Connection, Pool
from services.compliance.webhooks.endpoint import Parked
from services.compliance.webhooks.refusals import NoSuchEndpoint
from services.compliance.webhooks.registry import changing

AttemptKind = Literal["event", "heartbeat", "test"]


class Attempt(msgspec.Struct, frozen=True):
    """One request. `messages`: how many it carried; `epoch` and `sequence` are of the first, null for what has none.

    `error`: why there is no status, or why the status does not count. `reply`: the first 2 KiB of its body.
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


_KNOWN: Final = "SELECT FROM webhooks.endpoint WHERE endpoint_id = $1"

_ATTEMPTS: Final = """
    SELECT number, kind, started_at, duration_ms, message_id, epoch, sequence, messages, status, error, reply
    FROM webhooks.attempt WHERE endpoint_id = $1 AND number > $2 ORDER BY number LIMIT $3
"""

_PARKED: Final = """
    SELECT epoch, sequence, position, partner_id, parked_at, released FROM webhooks.parked_message
    WHERE endpoint_id = $1 AND (epoch, sequence) > ($2, $3) ORDER BY epoch, sequence LIMIT $4
"""

_RELEASE: Final = """
    WITH released AS (
        UPDATE webhooks.parked_message SET released = true
        WHERE endpoint_id = $1 AND NOT released AND ($2::text IS NULL OR partner_id = $2) RETURNING sequence
    )
    SELECT count(*) FROM released
"""


async def attempts(connection: Connection, endpoint_id: str, after: int, limit: int) -> Sequence[Attempt]:
    """The requests with the numbers that follow, as far as they are still kept. Raises `NoSuchEndpoint`."""
    await _known(connection, endpoint_id)
    rows = await connection.fetch(_ATTEMPTS, endpoint_id, after, limit)
    return [Attempt(**{**row, "reply": row["reply"].decode("utf-8", "replace")}) for row in rows]


async def parked(connection: Connection, endpoint_id: str, after: tuple[int, int], limit: int) -> Sequence[Parked]:
    """The messages kept back after an epoch and sequence, in their order. Raises `NoSuchEndpoint`."""
    await _known(connection, endpoint_id)
    return [Parked(*row) for row in await connection.fetch(_PARKED, endpoint_id, *after, limit)]


async def release(pool: Pool, endpoint_id: str, partner_id: str | None) -> int:
    """Has what is parked, for all partners or one, sent ahead of what lies after the cursor; how many they are."""
    async with changing(pool, endpoint_id) as connection:
        return int(await connection.fetchval(_RELEASE, endpoint_id, partner_id))


async def _known(connection: Connection, endpoint_id: str) -> None:
    if await connection.fetchrow(_KNOWN, endpoint_id) is None:
        raise NoSuchEndpoint(endpoint_id)
