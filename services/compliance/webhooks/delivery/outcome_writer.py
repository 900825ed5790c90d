"""Writes the outcomes of requests, durably: all endpoints with an outcome share a statement and a commit."""

import asyncio
import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple, get_args

import asyncpg
import msgspec

from services.compliance.database import OwnConnection, connect
from services.compliance.settings import ComplianceSettings
from services.compliance.webhooks.endpoints.attempt_log import AttemptKind
from services.compliance.webhooks.filter_and_cursor import DisabledBecause
from services.web.database_connections import CONNECTION_LOST, terminating
from services.web.reconnect import Backoff, keep_connected
from services.web.statements import statements

ATTEMPTS_KEPT: Final = 1000
"""The attempts kept of an endpoint; a few more until the next pruning."""

_PRUNED_EVERY: Final = 50
_BATCH_MAX: Final = 500

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
_PARKINGS: Final = ", ".join(
    f"${number}::{name}[]"
    for number, name in enumerate(("text", "bigint", "bigint", "bigint", "bigint", "text"), len(_COLUMNS) + 1)
)
_SQL: Final = statements(
    __file__, attempts_kept=str(ATTEMPTS_KEPT), columns=", ".join(OutcomeWrite.__struct_fields__), parkings=_PARKINGS
)
_WRITE_ONE: Final = _SQL["write"].format(writes=f"(SELECT {', '.join(_COLUMNS)})", and_then="")
_WRITE_SEVERAL: Final = _SQL["write"].format(
    writes=f"unnest({', '.join(column + '[]' for column in _COLUMNS)})", and_then=_SQL["parking"]
)
PRUNE: Final = _SQL["prune"]
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
        await keep_connected(self._connected, _failed)

    async def _connected(self, backoff: Backoff) -> None:
        await self._wait()
        async with terminating(connect(self._settings)) as connection:
            await connection.execute(self._session)
            self._one = await connection.prepare(_WRITE_ONE)
            self._several = await connection.prepare(_WRITE_SEVERAL)
            while True:
                await self._write_next(connection)
                backoff.reset()
                await self._prune(connection)
                await self._wait()

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


def _failed(problem: Exception, _backoff: Backoff) -> None:
    is_expected = isinstance(problem, CONNECTION_LOST)
    _log.warning("outcomes of webhooks are written later, on a new connection: %r", problem, exc_info=not is_expected)
