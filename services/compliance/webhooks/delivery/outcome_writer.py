"""Writes the outcomes of requests, durably: all endpoints with an outcome share a statement and a commit."""

import asyncio
import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple, get_args

import asyncpg
import msgspec

from services.compliance.database import CONNECTION_LOST, OwnConnection, connect
from services.compliance.settings import ComplianceSettings
from services.compliance.webhooks.endpoints.attempt_log import AttemptKind
from services.compliance.webhooks.filter_and_cursor import DisabledBecause

ATTEMPTS_KEPT: Final = 1000
"""Of an endpoint; a few more until the next pruning."""

_PRUNED_EVERY: Final = 50
_BATCH_MAX: Final = 500
_BACKOFF_SECONDS: Final = 0.25

# Overrides the server's defaults: a commit waits for the disk, and a statement finishes even if its client has died.
_SESSION: Final = """
    SET synchronous_commit = on;
    SET client_connection_check_interval = 0;
    SET statement_timeout = 0;
    SET lock_timeout = {milliseconds}
"""
LOCK_SECONDS: Final = 5.0

_NEVER_WRITTEN: Final = (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError)


class Parking(NamedTuple):
    """A message to be parked."""

    endpoint_id: str
    fence: int
    epoch: int
    sequence: int
    position: int
    partner_id: str


class OutcomeWrite(msgspec.Struct, frozen=True, kw_only=True):
    """The next state of an endpoint, valid under this fence and from this position.

    `lease_seconds`: 0 releases the lease. `position_last`: of the last message sent. `position_to`: nothing is left
    to send up to here. `kind`: of the attempt; null: there was none. `parked_again`: the partner whose released
    messages are parked again.
    """

    endpoint_id: str
    fence: int
    revision: int
    url: str
    lease_seconds: float
    position_from: int
    epoch: int
    delivered: bool
    position_last: int
    position_to: int
    sequence: int
    delivered_sequence: int
    failures_from: int
    failing_since: datetime | None
    failures: int
    warned_hours: int
    rejecting_since: datetime | None
    wait_seconds: float = 0.0
    disable: DisabledBecause | None = None
    released_epoch: int | None = None
    released_sequence: int | None = None
    parked_again: str | None = None
    kind: AttemptKind | None = None
    duration_ms: int = 0
    message_id: str = ""
    first_sequence: int | None = None
    messages: int = 0
    status: int | None = None
    error: str | None = None
    reply: bytes = b""


_TYPES: Final = {bool: "boolean", bytes: "bytea", datetime: "timestamptz", float: "float8", int: "bigint"}


def _type(field: Any) -> str:
    """The type in PostgreSQL of a field of `OutcomeWrite`."""
    return next((name for kind, name in _TYPES.items() if kind == field or kind in get_args(field)), "text")


_COLUMNS: Final = [
    f"${number}::{_type(field.type)}" for number, field in enumerate(msgspec.structs.fields(OutcomeWrite), 1)
]
_FIRST: Final = len(_COLUMNS) + 1

# For writes about parked messages, which are few.
_PARKING: Final = f"""
    , parked AS (
        INSERT INTO webhooks.parked_message (endpoint_id, epoch, sequence, position, partner_id)
        SELECT p.endpoint_id, p.epoch, p.sequence, p.position, p.partner_id FROM recorded r
        JOIN unnest(${_FIRST}::text[], ${_FIRST + 1}::bigint[], ${_FIRST + 2}::bigint[], ${_FIRST + 3}::bigint[],
            ${_FIRST + 4}::bigint[], ${_FIRST + 5}::text[]
        ) AS p (endpoint_id, fence, epoch, sequence, position, partner_id)
            ON p.endpoint_id = r.endpoint_id AND p.fence = r.fence
    ),
    sent AS (
        DELETE FROM webhooks.parked_message m USING recorded r
        WHERE r.delivered AND m.endpoint_id = r.endpoint_id AND m.epoch = r.released_epoch
            AND m.sequence = r.released_sequence
    ),
    again AS (
        UPDATE webhooks.parked_message m SET released = false FROM recorded r
        WHERE m.endpoint_id = r.endpoint_id AND m.partner_id = r.parked_again
    )
"""


# A success counts even if the owner changed the endpoint meanwhile: it happened. If the change began a new epoch, it
# counts only if no event lies between, because the new filter might pass it. A failure counts if URL, message and state
# are unchanged. Any other write needs an unchanged endpoint. A statement repeated after a lost answer counts once: the
# first one has moved the cursor, raised the failures, released the lease or consumed the released message.
def _write_sql(writes: str, and_then: str = "") -> str:
    return f"""
    WITH recorded AS (
        UPDATE webhooks.endpoint e SET
            position =
                CASE WHEN e.revision = w.revision OR NOT w.delivered THEN w.position_to ELSE w.position_last END,
            sequence = CASE WHEN e.epoch = w.epoch THEN w.sequence ELSE e.sequence END,
            delivered_sequence = CASE WHEN e.epoch = w.epoch THEN w.delivered_sequence ELSE e.delivered_sequence END,
            failing_since = w.failing_since,
            failures = w.failures,
            warned_hours = w.warned_hours,
            rejecting_since = w.rejecting_since,
            next_attempt_at =
                CASE WHEN w.wait_seconds > 0 THEN clock_timestamp() + w.wait_seconds * interval '1 second'
                ELSE '-infinity' END,
            state = CASE WHEN w.disable IS NULL THEN e.state ELSE 'disabled' END,
            disabled_because = CASE WHEN w.disable IS NULL THEN e.disabled_because ELSE w.disable END,
            attempts = e.attempts + CASE WHEN w.kind IS NULL THEN 0 ELSE 1 END,
            last_attempt_at = CASE WHEN w.kind IS NULL THEN e.last_attempt_at ELSE clock_timestamp() END,
            last_delivered_at = CASE WHEN w.delivered THEN clock_timestamp() ELSE e.last_delivered_at END,
            last_status = CASE WHEN w.kind IS NULL AND w.error IS NULL THEN e.last_status ELSE w.status END,
            last_error = CASE WHEN w.kind IS NULL AND w.error IS NULL THEN e.last_error ELSE w.error END,
            lease_until =
                CASE WHEN w.lease_seconds > 0 THEN clock_timestamp() + w.lease_seconds * interval '1 second'
                ELSE '-infinity' END
        FROM {writes} AS w ({", ".join(OutcomeWrite.__struct_fields__)})
        WHERE e.endpoint_id = w.endpoint_id AND e.fence = w.fence AND e.position = w.position_from
            AND CASE
                WHEN w.delivered THEN e.epoch = w.epoch OR w.position_last <= w.position_from + 1
                WHEN e.revision = w.revision THEN e.failures = w.failures_from
                ELSE w.kind IS NOT NULL AND w.position_to = w.position_from AND w.parked_again IS NULL
                    AND e.url = w.url AND e.epoch = w.epoch AND e.state = 'active' AND e.failures = w.failures_from
                END
            AND e.lease_until > '-infinity'
            AND (w.released_epoch IS NULL OR EXISTS (
                SELECT FROM webhooks.parked_message m WHERE m.endpoint_id = w.endpoint_id AND m.released
                    AND m.epoch = w.released_epoch AND m.sequence = w.released_sequence
            ))
        RETURNING e.endpoint_id, e.fence, e.revision = w.revision AS unchanged, e.attempts,
            w.delivered, w.epoch, w.released_epoch, w.released_sequence, w.parked_again,
            w.kind, w.duration_ms, w.message_id, w.first_sequence, w.messages, w.status, w.error, w.reply
    ),
    logged AS (
        INSERT INTO webhooks.attempt (
            endpoint_id, number, kind, started_at, duration_ms, message_id, epoch, sequence, messages, status, error,
            reply)
        SELECT r.endpoint_id, r.attempts, r.kind, clock_timestamp() - r.duration_ms * interval '1 millisecond',
            r.duration_ms, r.message_id,
            CASE WHEN r.first_sequence IS NOT NULL THEN coalesce(r.released_epoch, r.epoch) END,
            r.first_sequence, r.messages, r.status, r.error, r.reply
        FROM recorded r WHERE r.kind IS NOT NULL
    )
    {and_then}
    SELECT r.endpoint_id, r.fence, r.unchanged FROM recorded r
"""


_WRITE_ONE: Final = _write_sql(f"(SELECT {', '.join(_COLUMNS)})")
_RECORD: Final = _write_sql(f"unnest({', '.join(column + '[]' for column in _COLUMNS)})", _PARKING)

# One index scan for each endpoint, also under a cached plan from when the table was empty.
PRUNE: Final = f"""
    DELETE FROM webhooks.attempt WHERE ctid = ANY(ARRAY(
        SELECT old.ctid FROM unnest($1::text[]) AS u (endpoint_id) CROSS JOIN LATERAL (
            SELECT a.ctid FROM webhooks.attempt a WHERE a.endpoint_id = u.endpoint_id AND a.number <= (
                SELECT e.attempts - {ATTEMPTS_KEPT} FROM webhooks.endpoint e WHERE e.endpoint_id = u.endpoint_id
            ) OFFSET 0
        ) AS old
    ))
"""
"""Deletes all but the last attempts of endpoints."""

_log: Final = logging.getLogger(__name__)


class _Pending(NamedTuple):
    """A write that is not durable yet."""

    write: OutcomeWrite
    parkings: Sequence[Parking]
    recorded: "asyncio.Future[bool]"

    @property
    def concerns_parked(self) -> bool:
        """Whether it needs the longer statement."""
        write = self.write
        return bool(self.parkings) or write.released_epoch is not None or write.parked_again is not None

    def complete(self, *, unchanged: bool) -> None:
        """Ends the wait: the write is durable, or never will be."""
        if not self.recorded.done():
            self.recorded.set_result(unchanged)


class Recorder:
    """Writes for all endpoints. Writes queued during one statement share the next one."""

    def __init__(self, settings: ComplianceSettings, *, lock_seconds: float = LOCK_SECONDS) -> None:
        """`lock_seconds`: how long all writes wait for a locked row; then the others go without it."""
        self._settings = settings
        self._session = _SESSION.format(milliseconds=round(1000 * lock_seconds))
        self._waiting: list[_Pending] = []
        self._wakeup = asyncio.Event()
        self._statements = 0
        self._logged: set[str] = set()

    def record(self, write: OutcomeWrite, parkings: Sequence[Parking] = ()) -> "asyncio.Future[bool]":
        """Queues a write, one of each endpoint at a time.

        The result: whether it was written, durably, and its owner has not changed the endpoint meanwhile.
        """
        pending = _Pending(write, parkings, asyncio.get_running_loop().create_future())
        self._waiting.append(pending)
        self._wakeup.set()
        return pending.recorded

    async def run(self) -> None:
        """Writes until cancelled. After a lost connection it repeats unconfirmed writes on a new one."""
        while True:
            try:
                await self._wait()
                connection = await connect(self._settings)
                try:
                    await connection.execute(self._session)
                    self._one, self._several = await connection.prepare(_WRITE_ONE), await connection.prepare(_RECORD)
                    while True:
                        await self._write_next(connection)
                        await self._prune(connection)
                        await self._wait()
                finally:
                    connection.terminate()
            except CONNECTION_LOST as problem:
                _log.warning("outcomes of webhooks are written later, on a new connection: %r", problem)
            except Exception:
                _log.exception("outcomes of webhooks are written later, on a new connection")
            await asyncio.sleep(_BACKOFF_SECONDS)

    async def _wait(self) -> None:
        while not self._waiting:
            self._wakeup.clear()
            await self._wakeup.wait()

    async def _write_next(self, connection: OwnConnection) -> None:
        """Writes the queue. Writes that failed go back to its front."""
        group, self._waiting = self._waiting[:_BATCH_MAX], self._waiting[_BATCH_MAX:]
        group.sort(key=lambda pending: pending.write.endpoint_id)  # rows are locked in one order
        try:
            await self._write_apart(connection, group)
        finally:
            self._waiting[:0] = [pending for pending in group if not pending.recorded.done()]

    async def _write_apart(self, connection: OwnConnection, group: Sequence[_Pending]) -> None:
        """Writes the group together; if that fails, one by one, so that a bad write does not hold up the others."""
        try:
            await self._write(group)
        except CONNECTION_LOST as problem:
            if len(group) == 1 and isinstance(problem, _NEVER_WRITTEN):
                _log.exception("the outcome of a webhook cannot be written")
                group[0].complete(unchanged=False)
            elif len(group) == 1 or connection.is_closed():
                raise
            else:
                await self._write_each(connection, group)

    async def _write_each(self, connection: OwnConnection, group: Sequence[_Pending]) -> None:
        """Writes all that can be written, then raises the last failure."""
        kept: BaseException | None = None
        for pending in group:
            try:
                await self._write_apart(connection, [pending])
            except CONNECTION_LOST as problem:
                kept = problem
        if kept is not None:
            raise kept

    async def _write(self, group: Sequence[_Pending]) -> None:
        writes = [msgspec.structs.astuple(pending.write) for pending in group]
        if len(group) == 1 and not group[0].concerns_parked:
            found = await self._one.fetch(*writes[0])
        else:
            parkings = [parking for pending in group for parking in pending.parkings]
            parked: list[Sequence[Any]] = list(zip(*parkings, strict=True)) or [()] * len(Parking._fields)
            found = await self._several.fetch(*zip(*writes, strict=True), *parked)
        unchanged = {row[:2]: row[2] for row in found}
        self._statements += 1
        for pending in group:
            self._logged.add(pending.write.endpoint_id)
            pending.complete(unchanged=unchanged.get((pending.write.endpoint_id, pending.write.fence), False))

    async def _prune(self, connection: OwnConnection) -> None:
        """Every _PRUNED_EVERY statements: deletes the oldest attempts of endpoints with new ones."""
        if self._statements >= _PRUNED_EVERY:
            await connection.execute(PRUNE, list(self._logged))
            self._statements = 0
            self._logged.clear()
