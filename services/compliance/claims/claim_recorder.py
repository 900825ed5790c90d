"""Records each distinct authorisation answer in batches, beside the answers and never in their way.

An answer only puts its claim into a queue. A task writes what waits a few times a second. A full queue drops claims and
counts them; it never holds up an answer.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from time import monotonic
from typing import Final, Literal

import msgspec

from services.compliance.database import OwnConnection, connect
from services.compliance.settings import ComplianceSettings
from services.web.background_task import in_background
from services.web.database_connections import CONNECTION_LOST, terminating
from services.web.database_role import take_role
from services.web.reconnect import Backoff, keep_connected

ROLE: Final = "sagecert_claims"
"""May record claims and do nothing else."""

BATCH_MAX: Final = 500
"""Claims in one statement: encoding them takes the event loop less than a millisecond."""
BATCH_SECONDS: Final = 0.25
"""Claims that are made within this time go together."""
STOP_SECONDS_MAX: Final = 2.0
"""How long a stopping server tries to record what waits."""
REMEMBERED_MAX: Final = 50_000
"""Claims that are remembered, so that equal answers are recorded once."""
DROPPING_SECONDS: Final = 60.0
"""For how long after the last dropped claim the service counts as dropping."""

_RECORD: Final = "SELECT audit.record_claims($1::json)"

_log: Final = logging.getLogger(__name__)


class Claim(msgspec.Struct, frozen=True):
    """An authorisation answer: `allowed` at `at`, by the facts up to `position`, `policy_id` and `engine`.

    `actor`: who asked, by the name of the key.
    """

    partner_id: str
    product: str
    customer: Literal["new", "existing"]
    allowed: bool
    at: datetime
    position: int
    policy_id: str
    engine: str
    actor: str


class ClaimRecorder:
    """Belongs to one event loop. `dropped`: claims that were never recorded, since the start of the process."""

    def __init__(self, settings: ComplianceSettings) -> None:
        self._settings = settings
        self._queue_max = settings.claim_queue_max
        self._waiting: list[Claim] = []
        self._remembered: dict[Claim, None] = {}
        self._woken = asyncio.Event()
        self._reason: str | None = None
        self._dropped_at = float("-inf")
        self.dropped = 0

    @property
    def waiting(self) -> int:
        """How many claims are not written yet."""
        return len(self._waiting)

    @property
    def fault(self) -> str | None:
        """Why claims are lost, or will be; None: they are not."""
        if self._reason is not None:
            return f"Claims cannot be recorded ({self._reason}); {self.dropped} were dropped."
        if monotonic() - self._dropped_at < DROPPING_SECONDS:
            return f"More claims are made than can be recorded: {self.dropped} were dropped."
        return None

    def record(self, claim: Claim) -> None:
        """Has the claim recorded soon, unless an equal one of the same minute was. Never waits and never fails."""
        content = msgspec.structs.replace(claim, at=claim.at.replace(second=0, microsecond=0))
        if self._queue_max == 0 or content in self._remembered:
            return
        if len(self._waiting) >= self._queue_max:
            self.dropped += 1
            self._dropped_at = monotonic()
            return
        if len(self._remembered) >= REMEMBERED_MAX:
            self._remembered.clear()
        if not self._settings.sandbox:  # where a reset forgets what was recorded
            self._remembered[content] = None
        self._waiting.append(claim)
        self._woken.set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Writes claims while the context lasts, and at its end those that wait, if the database answers soon."""
        async with in_background(keep_connected(self._connected, self._failed)) as writing:
            try:
                yield
            finally:
                if self._waiting:
                    self._woken.set()
                    with suppress(TimeoutError):
                        async with asyncio.timeout(STOP_SECONDS_MAX):
                            while self._waiting and not writing.done():  # noqa: ASYNC110 - the task has no event
                                await asyncio.sleep(0.01)

    async def _connected(self, backoff: Backoff) -> None:
        await self._woken.wait()
        async with terminating(connect(self._settings)) as connection:
            await self._write(connection, backoff)

    def _failed(self, problem: Exception, _backoff: Backoff) -> None:
        if not isinstance(problem, CONNECTION_LOST):
            raise problem
        self._note(type(problem).__name__)

    async def _write(self, connection: OwnConnection, backoff: Backoff) -> None:
        if not await take_role(ROLE, connection):
            self._note(f"the role {ROLE} does not exist: run sagecert migrate")
            return
        await connection.execute("SET synchronous_commit = off")
        while True:
            await self._woken.wait()
            batch = self._waiting[:BATCH_MAX]
            if not batch:
                self._woken.clear()
                continue
            await connection.execute(_RECORD, _encode(batch))
            del self._waiting[: len(batch)]
            self._reason = None
            backoff.reset()
            if len(self._waiting) < BATCH_MAX:
                await asyncio.sleep(BATCH_SECONDS)

    def _note(self, reason: str) -> None:
        """Keeps the reason why claims are not recorded, and logs it once until they are."""
        if self._reason is None:
            _log.warning("claims cannot be recorded: %s", reason)
        self._reason = reason


def _encode(batch: Sequence[Claim]) -> str:
    return msgspec.json.encode(batch).decode()
