"""The endpoints as their owners see and change them.

Every change first locks the endpoint's row, so that changes and deliveries take turns; it raises the revision and
notifies the dispatchers in its transaction. All raise `NoSuchEndpoint`.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Final

import asyncpg
import msgspec
from msgspec import UNSET, UnsetType

from services.compliance.database import Connection, Pool
from services.compliance.read_model.event_log import RECORDED_FROM
from services.compliance.webhooks.filter_and_cursor import DisabledBecause, Filter, State, filter_of
from services.compliance.webhooks.refusals import NoSuchEndpoint, NotActive, OtherRevision, StartOutOfRange
from services.web.preconditions import Expected
from services.web.statements import statements
from shared.events.channels import WEBHOOKS_CHANNEL

StartAt = int | datetime | None
"""After a position, from a `recorded_at` on, or (None) after the last event."""


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """An endpoint with its health. `key_pair`: the newest, sealed; null: it has none.

    `registered_by`, `changed_by`: the callers. `head`: the last position of the log. `warned_hours`: the hours of
    failure last warned of.
    """

    endpoint_id: str
    revision: int
    url: str
    description: str
    filter: Filter
    batch_max: int
    heartbeat_seconds: int | None
    key_pair: bytes | None
    state: State
    registered_at: datetime
    registered_by: str
    changed_by: str
    position: int
    head: int
    epoch: int
    sequence: int
    delivered_sequence: int
    replay_through: int
    parked: int
    failing_since: datetime | None
    failures: int
    warned_hours: int
    next_attempt_at: datetime | None
    last_attempt_at: datetime | None
    last_delivered_at: datetime | None
    last_status: int | None
    last_error: str | None
    disabled_because: DisabledBecause | None

    @property
    def tag(self) -> str:
        """The entity tag. It changes with the settings, the secrets and the state, not with the health."""
        return _tag(self.revision, self.state)

    def refuse_unless(self, expected: Expected) -> None:
        """Raises `OtherRevision` if the tag is another than expected."""
        _refuse_unless(expected, self.tag)


class EndpointPatch(msgspec.Struct, frozen=True, kw_only=True):
    """The settings that an owner may give; unset: unchanged."""

    url: str | UnsetType = UNSET
    description: str | UnsetType = UNSET
    filter: Filter | UnsetType = UNSET
    batch_max: int | UnsetType = UNSET
    heartbeat_seconds: int | UnsetType | None = UNSET
    state: State | UnsetType = UNSET


PARTNERS_LISTED_MAX: Final = 10_000
"""A page of endpoints ends once the filters in it name so many partners: a few milliseconds of work."""

_SQL: Final = statements(__file__)
_LOCK: Final = "SELECT revision, state FROM webhooks.endpoint WHERE endpoint_id = $1 FOR NO KEY UPDATE"

_RETRY: Final = "UPDATE webhooks.endpoint SET next_attempt_at = '-infinity' WHERE endpoint_id = $1"


async def resolve_start(connection: Connection, place: StartAt, parameter: str) -> int:
    """The last position before the place. Raises `StartOutOfRange`, which names the parameter."""
    row = await connection.fetchrow("SELECT p.event_position, certification.now() FROM progress p")
    assert row is not None, "progress has one row"
    head, now = row
    if place is None:
        return int(head)
    if isinstance(place, int):
        if place > head:
            raise StartOutOfRange(f"The log of compliance events ends at position {head}.", f"{parameter}.position")
        return place
    if place > now:
        raise StartOutOfRange(
            'This instant is in the future; write "now" to begin with the next event.', f"{parameter}.at"
        )
    return int(await connection.fetchval(RECORDED_FROM, place))


async def find_endpoint(connection: Connection, endpoint_id: str) -> Endpoint:
    """The endpoint."""
    row = await connection.fetchrow(_SQL["find"], endpoint_id)
    if row is None:
        raise NoSuchEndpoint(endpoint_id)
    return _endpoint(row)


async def list_endpoints(connection: Connection, after: str, limit: int) -> tuple[Sequence[Endpoint], bool]:
    """The endpoints after an id, in order of their ids, and whether there may be more.

    At most `limit`, and fewer if their filters name very many partners, because the event loop makes the page.
    """
    rows = await connection.fetch(_SQL["list"], after, limit, PARTNERS_LISTED_MAX)
    found = [_endpoint(row) for row in rows]
    named = sum(len(endpoint.filter.partner_ids or ()) for endpoint in found)
    return found, len(found) == limit or named >= PARTNERS_LISTED_MAX


@asynccontextmanager
async def locked_endpoint(
    pool: Pool, endpoint_id: str, actor: str, expected: Expected = None
) -> AsyncIterator[Connection]:
    """A transaction that locks the endpoint's row and notifies the dispatchers at its end. Raises `OtherRevision`.

    `actor`: who changes it.
    """
    async with pool.acquire() as connection, connection.transaction():
        row = await connection.fetchrow(_LOCK, endpoint_id)
        if row is None:
            raise NoSuchEndpoint(endpoint_id)
        _refuse_unless(expected, _tag(row["revision"], row["state"]))
        await connection.execute(_SQL["changed"], endpoint_id, WEBHOOKS_CHANNEL, actor)
        yield connection


async def insert_endpoint(
    connection: Connection, endpoint_id: str, patch: EndpointPatch, position: int, actor: str
) -> None:
    """Inserts an active endpoint; the patch sets everything but the state. Its secrets follow in the transaction."""
    said = msgspec.structs.asdict(patch)
    filtered = msgspec.structs.astuple(said["filter"])
    settings = (said["batch_max"], said["heartbeat_seconds"])
    await connection.execute(
        _SQL["insert"], endpoint_id, said["url"], said["description"], *filtered, *settings, position, actor
    )
    await connection.execute("SELECT pg_notify($1, $2)", WEBHOOKS_CHANNEL, endpoint_id)


async def change_endpoint(
    pool: Pool, endpoint_id: str, actor: str, patch: EndpointPatch, expected: Expected = None
) -> Endpoint:
    """Applies the patch.

    Another filter begins a new epoch at the cursor. Another filter or URL, or activation, resets the failures.
    """
    async with locked_endpoint(pool, endpoint_id, actor, expected) as connection:
        was = await find_endpoint(connection, endpoint_id)
        said = {name: value for name, value in msgspec.structs.asdict(patch).items() if value is not UNSET}
        now = msgspec.structs.replace(was, **said)
        other_filter = now.filter != was.filter
        await connection.execute(
            _SQL["change"],
            endpoint_id,
            now.url,
            now.description,
            *msgspec.structs.astuple(now.filter),
            now.batch_max,
            now.heartbeat_seconds,
            now.state,
            other_filter,
            other_filter or now.url != was.url or (now.state == "active" and was.state != "active"),
        )
        return await find_endpoint(connection, endpoint_id)


async def replay_endpoint(
    pool: Pool, endpoint_id: str, actor: str, place: StartAt, expected: Expected = None
) -> Endpoint:
    """Takes the cursor back: begins an epoch there, invalidates a request under way, deletes later parked messages.

    Raises `StartOutOfRange`, also for a place ahead of the cursor: nothing is ever skipped.
    """
    async with locked_endpoint(pool, endpoint_id, actor, expected) as connection:
        position = await resolve_start(connection, place, "from")
        reached = (await find_endpoint(connection, endpoint_id)).position
        if position > reached:
            raise StartOutOfRange(
                f"Delivery has reached position {reached}; a replay from a later one would skip events.", "from"
            )
        await connection.execute(_SQL["replay"], endpoint_id, position)
        await connection.execute(
            "DELETE FROM webhooks.parked_message WHERE endpoint_id = $1 AND position > $2", endpoint_id, position
        )
        return await find_endpoint(connection, endpoint_id)


async def retry_endpoint(pool: Pool, endpoint_id: str, actor: str, expected: Expected = None) -> Endpoint:
    """Ends the wait after a failure: the next attempt is made at once. Raises `NotActive`."""
    async with locked_endpoint(pool, endpoint_id, actor, expected) as connection:
        state = (await find_endpoint(connection, endpoint_id)).state
        if state != "active":
            raise NotActive(state)
        await connection.execute(_RETRY, endpoint_id)
        return await find_endpoint(connection, endpoint_id)


async def delete_endpoint(pool: Pool, endpoint_id: str, actor: str, expected: Expected = None) -> None:
    """Deletes the endpoint with its secrets, parked messages and attempts."""
    async with locked_endpoint(pool, endpoint_id, actor, expected) as connection:
        await connection.execute("DELETE FROM webhooks.endpoint WHERE endpoint_id = $1", endpoint_id)


def _tag(revision: int, state: str) -> str:
    return f'"{revision}-{state}"'


def _refuse_unless(expected: Expected, tag: str) -> None:
    if expected is not None and tag not in expected:
        raise OtherRevision(tag)


def _endpoint(row: asyncpg.Record) -> Endpoint:
    values = dict(row)
    values["filter"] = filter_of(values)
    values["next_attempt_at"] = values["attempt_due_at"]
    return Endpoint(**{name: values[name] for name in Endpoint.__struct_fields__})
