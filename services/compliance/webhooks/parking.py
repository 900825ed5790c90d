"""Messages that an endpoint alone rejected, and the later ones of their partners: kept back until released."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import msgspec

from services.compliance.database import Connection, Pool
from services.compliance.webhooks.registry import changing, find


class Parked(msgspec.Struct, frozen=True):
    """A message that is kept and not sent."""

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


async def page(connection: Connection, endpoint_id: str, after: tuple[int, int], limit: int) -> Sequence[Parked]:
    """The messages kept back after an epoch and sequence, in their order. Raises `NoSuchEndpoint`."""
    await find(connection, endpoint_id)
    return [Parked(*row) for row in await connection.fetch(_AFTER, endpoint_id, *after, limit)]


async def release(pool: Pool, endpoint_id: str, partner_id: str | None) -> int:
    """Has what is parked, for all partners or one, sent ahead of what lies after the cursor; how many they are."""
    async with changing(pool, endpoint_id) as connection:
        return int(await connection.fetchval(_RELEASE, endpoint_id, partner_id))
