"""Shows the messages that an endpoint would get, without sending them."""

from typing import Final, NamedTuple

from msgspec.structs import replace

from services.compliance.database import Connection
from services.compliance.webhooks.delivery import parking
from services.compliance.webhooks.delivery.event_reader import read_events
from services.compliance.webhooks.endpoints.store import Endpoint, StartAt, find_endpoint, resolve_start
from services.compliance.webhooks.filter_and_cursor import Cursor
from services.compliance.webhooks.message import Message, next_message

SCANS_MAX: Final = 20
"""Scans of the log that one dry run makes at most."""

_HELD: Final = """
    SELECT DISTINCT partner_id FROM webhooks.parked_message
    WHERE endpoint_id = $1 AND position <= $2 AND NOT released
"""


class DryRun(NamedTuple):
    """`position`: the last one scanned; `head`: the last of the log."""

    messages: list[Message]
    position: int
    head: int


async def preview_replay(connection: Connection, endpoint_id: str, place: StartAt, limit: int) -> DryRun:
    """The first messages of a replay from `place`. Raises `NoSuchEndpoint` and `StartOutOfRange`."""
    endpoint = await find_endpoint(connection, endpoint_id)
    position = await resolve_start(connection, place, "from")
    cursor = Cursor(position, endpoint.epoch + 1, replay_through=max(endpoint.replay_through, endpoint.position))
    return await _run(connection, endpoint, cursor, limit)


async def preview_next(connection: Connection, endpoint_id: str, limit: int) -> DryRun:
    """The next messages. Raises `NoSuchEndpoint`."""
    endpoint = await find_endpoint(connection, endpoint_id)
    cursor = Cursor(*(getattr(endpoint, name) for name in Cursor.__struct_fields__))
    return await _run(connection, endpoint, cursor, limit)


async def _run(connection: Connection, endpoint: Endpoint, cursor: Cursor, limit: int) -> DryRun:
    """Released messages first, under their old numbers; then the following ones, without those of parked partners."""
    messages: list[Message] = []
    of_endpoint = (endpoint.endpoint_id, cursor.position)
    held = {row["partner_id"] for row in await connection.fetch(_HELD, *of_endpoint)}
    earlier = await parking.list_parked_earlier(connection, endpoint.endpoint_id, cursor.epoch, cursor.position)
    for released in await parking.list_released(connection, *of_endpoint, limit):
        messages.append(await parking.rebuild_parked_message(connection, released, cursor, earlier))
        cursor = parking.cursor_after_release(cursor, released)
    for _ in range(SCANS_MAX):
        page = await read_events(connection, cursor.position, endpoint.filter, limit)
        for row in page.rows:
            if len(messages) == limit:
                return DryRun(messages, cursor.position, page.head)
            following = next_message(row, cursor, earlier)
            cursor = replace(cursor, position=following.position, sequence=following.sequence)
            if following.partner_id not in held:
                messages.append(following)
                cursor = replace(cursor, delivered_sequence=following.sequence)
        cursor = replace(cursor, position=page.through)
        if len(messages) == limit or cursor.position == page.head:
            break
    return DryRun(messages, cursor.position, page.head)
