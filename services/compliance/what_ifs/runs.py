"""The what-ifs of a serving process: one after the other, few, with bounded results that end with the process."""

import asyncio
import logging
import os
import socket
import sys
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from secrets import token_hex
from typing import Final, Literal

from services.compliance.historical_answers.queries import WorkerSettings
from services.compliance.what_ifs.messages import (
    LENGTH_BYTES,
    Begun,
    Broke,
    Ended,
    Order,
    Progressed,
    Report,
    WhatIf,
    decode_report,
    encode,
)
from services.web.refusal import Refusal

WAITING_MAX: Final = 4
"""What-ifs that wait behind the one that runs."""
KEPT_MAX: Final = 8
"""Results that are kept; the oldest gives way."""
DIFFERENCES_MAX: Final = 20_000
"""Differences that a result holds; more are counted only."""
SECONDS_MAX: Final = 3_600.0

State = Literal["waiting", "running", "done", "failed"]

_log: Final = logging.getLogger(__name__)


class TooManyWhatIfs(Refusal):
    """As many what-ifs wait as may."""


class NoSuchWhatIf(Refusal):
    """The what-if was never asked here, was cancelled, or gave way to later ones."""


class Run:
    """One what-if and how far it has come. `differing`: how many differences were found; `differences`: the first."""

    def __init__(self, what_if: WhatIf, requested_by: str) -> None:
        self.what_if_id = f"wi_{token_hex(12)}"
        self.what_if = what_if
        self.requested_by = requested_by
        self.state: State = "waiting"
        self.begun: Begun | None = None
        self.partners_done = 0
        self.differing = 0
        self.differences: list[bytes] = []
        self.failure: str | None = None
        self.task: asyncio.Task[None] | None = None

    @property
    def at(self) -> datetime | None:
        """The instant at which standings are compared; None while it is not resolved."""
        return None if self.begun is None else self.begun.at

    def take(self, report: Report) -> None:
        """Notes what the process reports."""
        match report:
            case Begun():
                self.begun = report
            case Progressed(partners, differences):
                self.partners_done += partners
                self.differing += len(differences)
                self.differences += differences[: DIFFERENCES_MAX - len(self.differences)]
            case Ended():
                self.state = "done"
            case Broke(detail, trace):
                self.fail(detail)
                if trace:
                    _log.error("the what-if %s failed:\n%s", self.what_if_id, trace)

    def fail(self, detail: str) -> None:
        """It ends without a whole result."""
        self.state, self.failure = "failed", detail


class WhatIfRuns:
    """Belongs to one event loop. Starts a process for each what-if, one at a time."""

    def __init__(self, settings: WorkerSettings, processes: int) -> None:
        self._settings = settings
        self._processes = processes
        self._runs: dict[str, Run] = {}
        self._turn = asyncio.Lock()

    def start(self, what_if: WhatIf, requested_by: str) -> Run:
        """Queues it. Raises `TooManyWhatIfs`."""
        unfinished = [run for run in self._runs.values() if run.state in ("waiting", "running")]
        if len(unfinished) > WAITING_MAX:
            raise TooManyWhatIfs("As many what-ifs wait as may: cancel one, or ask again when one is done.")
        run = Run(what_if, requested_by)
        finished = [run.what_if_id for run in self._runs.values() if run.state in ("done", "failed")]
        for what_if_id in finished[: max(0, len(finished) - KEPT_MAX + 1)]:
            del self._runs[what_if_id]
        self._runs[run.what_if_id] = run
        run.task = asyncio.create_task(self._execute(run))
        return run

    def all(self) -> list[Run]:
        """Those that are known, oldest first."""
        return list(self._runs.values())

    def find(self, what_if_id: str) -> Run:
        """Raises `NoSuchWhatIf`."""
        run = self._runs.get(what_if_id)
        if run is None:
            raise NoSuchWhatIf(
                f"There is no what-if {what_if_id} here: results are kept for a while only.", "what_if_id"
            )
        return run

    def cancel(self, what_if_id: str) -> None:
        """Ends it if it has not ended, and forgets it. Raises `NoSuchWhatIf`."""
        run = self.find(what_if_id)
        del self._runs[what_if_id]
        if run.task is not None:
            run.task.cancel()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Ends all of them at the end of the context."""
        try:
            yield
        finally:
            tasks = [run.task for run in self._runs.values() if run.task is not None]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _execute(self, run: Run) -> None:
        async with self._turn:
            run.state = "running"
            try:
                async with asyncio.timeout(SECONDS_MAX):
                    async for report in self._reports(run.what_if):
                        run.take(report)
            except TimeoutError:
                run.fail(f"It takes longer than {SECONDS_MAX:g} seconds.")
            except (OSError, EOFError) as problem:
                _log.warning("the process of a what-if has ended: %r", problem)
                run.fail("Its process ended.")

    async def _reports(self, what_if: WhatIf) -> AsyncIterator[Report]:
        """What the process says until it ends by itself; it is killed if nobody listens any more."""
        ours, theirs = socket.socketpair()
        with theirs:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "services.compliance.what_ifs.process", str(theirs.fileno())),
                stdin=DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        reader, writer = await asyncio.open_unix_connection(sock=ours)
        try:
            order = encode(Order(self._settings, what_if, self._processes))
            writer.write(len(order).to_bytes(LENGTH_BYTES, "big") + order)
            ended = False
            while not ended:
                length = int.from_bytes(await reader.readexactly(LENGTH_BYTES), "big")
                report = decode_report(await reader.readexactly(length))
                ended = isinstance(report, Ended | Broke)
                yield report
        finally:
            writer.close()
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()


def processes_for_all() -> int:
    """As many as there are processors: at the lowest priority they leave them to everything else."""
    return os.cpu_count() or 1
