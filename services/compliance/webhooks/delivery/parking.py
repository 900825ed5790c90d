"""Dead letters: messages that one endpoint alone rejected, and the later ones of their partners, until released."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import msgspec
from msgspec.structs import replace

from services.compliance.database import Connection, Pool
from services.compliance.read_model.event_log import read_event
from services.compliance.webhooks.endpoints.store import find_endpoint, locked_endpoint
from services.compliance.webhooks.filter_and_cursor import Cursor
from services.compliance.webhooks.message import Message, next_message
from services.web.preconditions import Expected


class Parked(msgspec.Struct, frozen=True):
    """A parked message."""

    epoch: int
    sequence: int
    position: int
    partner_id: str
    parked_at: datetime
    released: bool


_AFTER: Final = f"""
    SELECT {", ".join(Parked.__struct_fields__)} FROM webhooks.parked_message
    WHERE endpoint_id = $1 AND (epoch, sequence) > ($2, $3) ORDER BY epoch, sequence LIMIT $4
"""

_RELEASE: Final = """
    WITH released AS (
        UPDATE webhooks.parked_message SET released = true
        WHERE endpoint_id = $1 AND NOT released AND ($2::text IS NULL OR partner_id = $2) RETURNING sequence
    )
    SELECT count(*) FROM released
"""

EARLIER_MAX: Final = 100
"""Ranges that a message names at most; the word `more` stands for the others."""

_EARLIER: Final = f"""
    WITH kept AS (
        SELECT epoch, sequence, sequence - row_number() OVER (PARTITION BY epoch ORDER BY sequence) AS island
        FROM webhooks.parked_message WHERE endpoint_id = $1 AND epoch < $2 AND position <= $3 AND NOT released
    )
    SELECT epoch || ':' || min(sequence) || CASE WHEN count(*) > 1 THEN '-' || max(sequence) ELSE '' END
    FROM kept GROUP BY epoch, island ORDER BY epoch, min(sequence) LIMIT {EARLIER_MAX + 1}
"""

_RELEASED: Final = """
    SELECT epoch, sequence, position, partner_id FROM webhooks.parked_message
    WHERE endpoint_id = $1 AND position <= $2 AND released ORDER BY epoch, sequence LIMIT $3
"""


class Released(msgspec.Struct, frozen=True):
    """A parked message that its owner released."""

    epoch: int
    sequence: int
    position: int
    partner_id: str


async def list_parked(connection: Connection, endpoint_id: str, after: tuple[int, int], limit: int) -> Sequence[Parked]:
    """Parked messages after an epoch and sequence, in order. Raises `NoSuchEndpoint`."""
    await find_endpoint(connection, endpoint_id)
    return [Parked(*row) for row in await connection.fetch(_AFTER, endpoint_id, *after, limit)]


async def release_parked(
    pool: Pool, endpoint_id: str, actor: str, partner_id: str | None, expected: Expected = None
) -> int:
    """Releases parked messages of all partners or one: they are sent before the cursor moves. Returns their number."""
    async with locked_endpoint(pool, endpoint_id, actor, expected) as connection:
        return int(await connection.fetchval(_RELEASE, endpoint_id, partner_id))


async def list_parked_earlier(connection: "Connection | Pool", endpoint_id: str, epoch: int, through: int) -> str:
    """Numbers parked in epochs before this one, up to a position, such as "1:8-11,2:3"."""
    found = [row[0] for row in await connection.fetch(_EARLIER, endpoint_id, epoch, through)]
    return ",".join((*found[:EARLIER_MAX], *(["more"] if len(found) > EARLIER_MAX else [])))


async def list_released(
    connection: "Connection | Pool", endpoint_id: str, through: int, limit: int
) -> Sequence[Released]:
    """Released messages up to a position, in order."""
    return [Released(*row) for row in await connection.fetch(_RELEASED, endpoint_id, through, limit)]


async def rebuild_parked_message(
    connection: "Connection | Pool", found: Released, cursor: Cursor, earlier: str
) -> Message:
    """The message under its old number; it is marked as a replay only in the current epoch."""
    replay_through = cursor.replay_through if found.epoch == cursor.epoch else 0
    before = Cursor(found.position, found.epoch, found.sequence - 1, found.sequence - 1, replay_through)
    return next_message(await read_event(connection, found.position), before, earlier)


def cursor_after_release(cursor: Cursor, found: Released) -> Cursor:
    """The cursor after its delivery. If it directly follows the last delivered one, later messages need not name it."""
    if found.epoch == cursor.epoch and found.sequence == cursor.delivered_sequence + 1:
        return replace(cursor, delivered_sequence=found.sequence)
    return cursor
