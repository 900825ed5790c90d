"""Works on the what-ifs that wait, one after the other. What they found is kept in the database.

Every serving process looks; one works. What a process leaves unfinished is taken up again, from its beginning and at
the same moment, by the next one that looks.
"""

import asyncio
import logging
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from secrets import token_hex
from typing import Final

from services.compliance.child_process import ChildProcess
from services.compliance.database import Pool, cause
from services.compliance.historical_answers.questions import AsOfMembers, WorkerSettings
from services.compliance.what_ifs import kept
from services.compliance.what_ifs.kept import DIFFERENCES_MAX, KeptWhatIf, Reported, State, Taken
from services.compliance.what_ifs.messages import (
    Begun,
    Broke,
    Ended,
    Order,
    Progressed,
    ProgressReport,
    WhatIf,
    decode_report,
    encode,
)
from services.web.background_task import in_background
from services.web.bounded_places import Places
from services.web.database_connections import CONNECTION_LOST
from services.web.fair_places import caller_name
from services.web.wakeup import Wakeup, wait_until_set

SECONDS_MAX: Final = 3_600.0
ATTEMPTS_MAX: Final = 3
"""How often a what-if is begun that ends the process which works on it."""
REPORT_SECONDS: Final = 0.5
"""How long a difference waits to be kept."""
HELD_SECONDS: Final = 5.0
"""For how long a process that says nothing holds a what-if."""
REPORTED_MAX: Final = 500
"""Differences in one statement."""
POLL_SECONDS: Final = 2.0
"""How long a what-if waits that another process was asked, or left."""
WAIT_POLL_SECONDS: Final = 1.0
"""How often a caller looks for the end of a what-if on which another process works."""
CALLERS_MAX: Final = 32
"""Callers that wait for the end of a what-if."""
CONNECTION_SECONDS_MAX: Final = 5.0
STOP_SECONDS_MAX: Final = 1.0

_log: Final = logging.getLogger(__name__)


class _Run:
    """How far the work on one what-if has come. `reported`: how many differences are kept."""

    def __init__(self, taken: Taken) -> None:
        self.taken = taken
        self.state: State = "running"
        self.begun: Begun | None = None
        self.partners_done = 0
        self.differing = 0
        self.differences: list[bytes] = []
        self.reported = 0
        self.failure: str | None = None

    @property
    def what_if(self) -> WhatIf:
        """What is asked; at the moment of the first beginning, where it was begun before."""
        taken = self.taken
        if taken.position is None:
            return taken.what_if
        return WhatIf(taken.what_if.revision, AsOfMembers(at=taken.at, known_position=taken.position))

    def take(self, report: ProgressReport) -> None:
        """Notes what the process reports."""
        match report:
            case Begun():
                self.begun = report
            case Progressed(partners, differences):
                self.partners_done += partners
                self.differences += differences[: max(0, DIFFERENCES_MAX - self.differing)]
                self.differing += len(differences)
            case Ended():
                self.state = "done"
            case Broke(detail, trace):
                self.fail(detail)
                if trace:
                    _log.error("the what-if %s failed:\n%s", self.taken.what_if_id, trace)

    def fail(self, detail: str) -> None:
        """It ends without a whole result."""
        self.state, self.failure = "failed", detail

    def next_report(self) -> Reported:
        """What is not kept yet, or a part of it: then it is not the last."""
        part = self.differences[:REPORTED_MAX]
        state = self.state if len(part) == len(self.differences) else "running"
        done = self.partners_done, self.differing, self.failure if state == "failed" else None
        return Reported(state, self.begun, *done, self.reported + 1, [difference.decode() for difference in part])

    def note_kept(self, reported: Reported) -> None:
        """The database keeps them."""
        del self.differences[: len(reported.differences)]
        self.reported += len(reported.differences)


class WhatIfRuns:
    """Belongs to one event loop. Starts a process for a what-if. `pool`: with the role that keeps what-ifs."""

    def __init__(self, settings: WorkerSettings, processes: int, pool: Pool) -> None:
        self._settings = settings
        self._processes = processes
        self._pool = pool
        self._held_by = f"{socket.gethostname()}:{os.getpid()}:{token_hex(4)}"
        self._woken = asyncio.Event()
        self._ended = Wakeup()
        self._callers = Places(CALLERS_MAX, CALLERS_MAX // 2)
        self._failing = False

    async def ask(self, what_if: WhatIf, requested_by: str) -> KeptWhatIf:
        """Queues it. Raises `TooManyWhatIfs`, `WhatIfsOff`, and `TimeoutError` if no connection is free in time."""
        async with self._pool.acquire(timeout=CONNECTION_SECONDS_MAX) as connection:
            asked = await kept.ask(connection, what_if, requested_by)
        self._woken.set()
        return asked

    async def until_ended(
        self, find: Callable[[], Awaitable[KeptWhatIf]], seconds_max: float, poll_seconds: float = WAIT_POLL_SECONDS
    ) -> KeptWhatIf:
        """The what-if once it has ended; as it is after so long, when the server stops, or if too many wait already."""
        loop = asyncio.get_running_loop()
        give_back = self._callers.take(caller_name.get())
        deadline = loop.time() + (0 if give_back is None else seconds_max)
        try:
            while True:
                signal = self._ended.next_signal()
                found = await find()
                left = deadline - loop.time()
                if found.state not in ("waiting", "running") or left <= 0 or self._ended.stopped:
                    return found
                await self._ended.wait(signal, left, poll_seconds)
        finally:
            if give_back is not None:
                give_back()

    async def forget(self, what_if_id: str) -> None:
        """As `kept.forget`; also raises `TimeoutError`."""
        async with self._pool.acquire(timeout=CONNECTION_SECONDS_MAX) as connection:
            await kept.forget(connection, what_if_id)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Works while the context lasts; what is unfinished at its end waits for another process."""
        async with in_background(self._work()):
            try:
                yield
            finally:
                self._ended.stop()

    async def _work(self) -> None:
        while True:
            self._woken.clear()
            try:
                async with self._pool.acquire(timeout=CONNECTION_SECONDS_MAX) as connection:
                    taken = await kept.take(connection, self._held_by, HELD_SECONDS)
                self._failing = False
            except CONNECTION_LOST as problem:
                taken = None
                self._note(problem)
            if taken is None:
                await wait_until_set(self._woken, POLL_SECONDS)
            else:
                await self._execute(_Run(taken))

    async def _execute(self, run: _Run) -> None:
        """Works on it until its result is kept, or somebody else has it."""
        if run.taken.attempts > ATTEMPTS_MAX:
            run.fail(f"The process that worked on it ended, {ATTEMPTS_MAX} times.")
        reading = asyncio.create_task(self._read(run))
        try:
            goes_on = True
            while goes_on:
                await asyncio.wait({reading}, timeout=REPORT_SECONDS)
                if reading.done() and run.state == "running":
                    run.fail("What its process reports cannot be read.")
                goes_on = await self._report(run)
        except asyncio.CancelledError:
            await self._release()
            raise
        finally:
            reading.cancel()
            self._ended.wake()
            await asyncio.gather(reading, return_exceptions=True)

    async def _report(self, run: _Run) -> bool:
        """Keeps what is not kept yet; False: there is nothing more to do, or somebody else does it."""
        reported = run.next_report()
        try:
            async with self._pool.acquire(timeout=CONNECTION_SECONDS_MAX) as connection:
                held = await kept.report(connection, run.taken.number, self._held_by, HELD_SECONDS, reported)
            self._failing = False
        except CONNECTION_LOST as problem:
            self._note(problem)
            await asyncio.sleep(REPORT_SECONDS)
            return True
        run.note_kept(reported)
        return held and reported.state == "running"

    async def _release(self) -> None:
        with suppress(*CONNECTION_LOST):
            async with asyncio.timeout(STOP_SECONDS_MAX), self._pool.acquire(timeout=STOP_SECONDS_MAX) as connection:
                await kept.release(connection, self._held_by)

    def _note(self, problem: Exception) -> None:
        if not self._failing:
            _log.warning("what-ifs wait: the database does not keep them: %s", cause(problem))
        self._failing = True

    async def _read(self, run: _Run) -> None:
        """Notes what the process of the what-if reports, until its end."""
        if run.state != "running":
            return
        try:
            async with asyncio.timeout(SECONDS_MAX):
                async for report in self._reports(run.what_if):
                    run.take(report)
        except TimeoutError:
            run.fail(f"It takes longer than {SECONDS_MAX:g} seconds.")
        except (OSError, EOFError) as problem:
            _log.warning("the process of a what-if has ended: %r", problem)
            run.fail("Its process ended.")

    async def _reports(self, what_if: WhatIf) -> AsyncIterator[ProgressReport]:
        """The messages of the process until it ends; it is killed if its reader goes away."""
        process = await ChildProcess.start("services.compliance.what_ifs.process")
        try:
            await process.messages.write(encode(Order(self._settings, what_if, self._processes)))
            ended = False
            while not ended:
                report = decode_report(await process.messages.read())
                ended = isinstance(report, Ended | Broke)
                yield report
        finally:
            await process.end()


def processes_for_all() -> int:
    """As many as there are processors: at the lowest priority they leave them to everything else."""
    return os.cpu_count() or 1
