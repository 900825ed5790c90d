"""Appends the calls of many callers in one statement.

All waiting calls go as one group; calls that arrive meanwhile wait for the next. A lone call goes at once. No caller
leads: the appender's own task sends, and lives as long as a call waits. A caller that is cancelled, or whose deadline
has passed, leaves the queue in the same instant, and a group is given up only after the latest deadline of its callers.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Final

import asyncpg

from services.certification.domain.refusals import Overloaded, Unavailable
from services.certification.event_store.append_connection import AppendConnection
from services.certification.event_store.append_request import Outcome, last_recorded
from services.certification.event_store.database import RETRY_SECONDS, TRANSIENT_ERRORS, Database
from services.certification.event_store.deadline import DID_NOT_ANSWER, Deadline, reraise_if_cancelled
from services.web.refusal import EngineNotInstalled

GROUP_MAX: Final = 256
"""Calls in one statement; more wait for the next."""

QUEUE_MAX: Final = 1024
"""Calls that wait for a group; more are refused."""

NO_ROOM_SECONDS: Final = 10.0
"""For so long a probe, which writes nothing, does not disprove that PostgreSQL has no room for a call."""

NOT_ALLOWED: Final = "The service may not append: its role lacks a right. Bring it there with sagecert migrate."

_log: Final = logging.getLogger(__name__)


class _Waiting:
    """One caller's call, or a probe, which appends nothing. `deadline` is by the loop's clock.

    `answer` is cancelled with the caller; that of a probe is None.
    """

    __slots__ = ("answer", "call", "deadline")

    def __init__(self, call: bytes | None, deadline: float) -> None:
        self.call = call
        self.deadline = deadline
        self.answer: asyncio.Future[Outcome | None] = asyncio.get_running_loop().create_future()

    def fail(self, error: BaseException) -> None:
        """Hands the error to the caller, if it still waits."""
        if not self.answer.done():
            self.answer.set_exception(error)


class Appender:
    """Belongs to one event loop. `reason`: why the last group was not appended; None if it was.

    `engine_id`: the engine that decides the calls; None: whichever is installed. `recorded`: called with the last
    position recorded, before any caller is answered.
    """

    def __init__(
        self, database: Database, engine_id: str | None = None, recorded: Callable[[int], None] = lambda _: None
    ) -> None:
        self._connection = AppendConnection(database, engine_id)
        self._recorded = recorded
        self._queue: dict[_Waiting, None] = {}
        self._sending: asyncio.Task[None] | None = None
        self.reason: str | None = None
        self._no_room_until = 0.0

    async def append(self, call: bytes, deadline: float) -> Outcome:
        """Appends the call and returns its outcome. The caller bounds the wait; `deadline` is when its bound ends.

        Raises `Unavailable`, `Overloaded`, `EngineNotInstalled`, and the error of the database where it refuses the
        call. A call that was sent may be recorded although its caller has gone.
        """
        if len(self._queue) >= QUEUE_MAX:
            raise Overloaded(f"More than {QUEUE_MAX} calls wait to be recorded.")
        outcome = await self._wait(_Waiting(call, deadline))
        assert outcome is not None, "a call has an outcome"
        return outcome

    async def probe(self, deadline: float) -> None:
        """Returns once an empty group was appended, so appends work. Raises as `append` does."""
        await self._wait(_Waiting(None, deadline))

    async def _wait(self, mine: _Waiting) -> Outcome | None:
        self._queue[mine] = None
        if self._sending is None:
            self._sending = asyncio.get_running_loop().create_task(self._send_all())
        try:
            return await mine.answer
        finally:
            self._queue.pop(mine, None)

    async def close(self) -> None:
        """Fails the waiting calls, and closes the connection."""
        if self._sending is not None:
            self._sending.cancel()
            await asyncio.wait([self._sending])
        self._connection.close()

    async def _send_all(self) -> None:
        """Sends group after group until no call waits."""
        group: list[_Waiting] = []
        try:
            while self._queue:
                group = list(islice(self._queue, GROUP_MAX))
                for waiting in group:
                    del self._queue[waiting]
                try:
                    await self._send(group)
                except Exception as error:
                    _log.exception("a group of calls failed")
                    for waiting in group:
                        waiting.fail(error)
        except asyncio.CancelledError:
            for waiting in (*group, *self._queue):
                waiting.fail(Unavailable("The service stops."))
            raise
        finally:
            self._sending = None

    async def _send(self, group: Sequence[_Waiting]) -> None:
        """Sends the group until it is answered, each time without the callers that have gone."""
        while group := [waiting for waiting in group if not waiting.answer.done()]:
            sent = [waiting.call for waiting in group if waiting.call is not None]
            try:
                async with Deadline(max(waiting.deadline for waiting in group)):
                    outcomes = await self._connection.send(sent)
            except (Unavailable, EngineNotInstalled) as error:
                self._note(error.detail if isinstance(error, EngineNotInstalled) else self.reason or DID_NOT_ANSWER)
                for waiting in group:
                    waiting.fail(error)
            except TRANSIENT_ERRORS as error:
                reraise_if_cancelled(error)
                self._note_transient(error, sent)
                await asyncio.sleep(RETRY_SECONDS)
            except asyncpg.InsufficientPrivilegeError:
                self._note(NOT_ALLOWED)
                for waiting in group:
                    waiting.fail(Unavailable(NOT_ALLOWED))
            except asyncpg.PostgresError as error:
                await self._send_each(group, error)
            else:
                self._note_success(sent)
                self._recorded(last_recorded(outcomes))
                answers = iter(outcomes)
                for waiting in group:
                    outcome = None if waiting.call is None else next(answers)
                    if not waiting.answer.done():
                        waiting.answer.set_result(outcome)

    async def _send_each(self, group: Sequence[_Waiting], error: Exception) -> None:
        """Sends each call of a refused group by itself, so that one bad call fails alone."""
        if len(group) == 1:
            group[0].fail(error)
            return
        for waiting in group:
            await self._send([waiting])

    def _note_transient(self, error: BaseException, sent: Sequence[bytes]) -> None:
        self._note(_said(error))
        if sent and isinstance(error, asyncpg.InsufficientResourcesError):
            self._no_room_until = asyncio.get_running_loop().time() + NO_ROOM_SECONDS

    def _note_success(self, sent: Sequence[bytes]) -> None:
        """A probe finds room for nothing, which there is on a full disk, too."""
        if sent or asyncio.get_running_loop().time() >= self._no_room_until:
            self.reason, self._no_room_until = None, 0.0

    def _note(self, reason: str) -> None:
        """Keeps the reason why appends fail, and logs it once until they succeed again."""
        if self.reason is None:
            _log.warning("appends make no progress: %s", reason)
        self.reason = reason


def _said(error: BaseException) -> str:
    """The kind of error, without its text, which may contain addresses."""
    return f"the database cannot be used ({type(error).__name__})"
