"""The processes that help the follower with very many partners end with it, however it ends."""

import asyncio
import os
import signal
import time
from multiprocessing import get_context
from multiprocessing.connection import Connection as Pipe
from multiprocessing.connection import wait
from pathlib import Path

from services.compliance.policy.step_position import LAST_PARTNER, StepPosition
from services.compliance.projection.wide_step_workers import ReplayWorkers, StepRange
from services.compliance.settings import ComplianceSettings
from tests.compliance.log import as_follower, settings_for
from tests.databases import Database
from tests.policy.cost_shapes import START

SECONDS_MAX = 30.0


def own(settings: ComplianceSettings, pipe: Pipe) -> None:
    """Lets two processes derive, says that it has, and stays."""
    nothing = StepRange(StepPosition(START, 0, LAST_PARTNER), StepPosition(START, 0, LAST_PARTNER), 0, None)
    asyncio.run(ReplayWorkers(settings, 2).derive([f"P{number}" for number in range(200)], nothing))
    pipe.send(None)
    time.sleep(SECONDS_MAX)


def children(process_id: int) -> set[int]:
    """The processes that it started and that are there, on Linux."""
    found = set()
    for directory in Path("/proc").iterdir():
        if directory.name.isdigit():
            try:
                after_name = (directory / "stat").read_text().rpartition(")")[2].split()
            except (FileNotFoundError, ProcessLookupError):
                continue
            if int(after_name[1]) == process_id and after_name[0] != "Z":
                found.add(int(directory.name))
    return found


def test_they_end_where_their_owner_is_killed(database: Database) -> None:
    spawn = get_context("spawn")
    here, there = spawn.Pipe()
    owner = spawn.Process(target=own, args=(as_follower(settings_for(database)), there))
    owner.start()
    assert wait([here, owner.sentinel], SECONDS_MAX) == [here]
    assert owner.pid is not None
    helpers = children(owner.pid)
    assert helpers

    os.kill(owner.pid, signal.SIGKILL)
    owner.join()

    deadline = time.monotonic() + SECONDS_MAX
    while any(Path(f"/proc/{process_id}").exists() for process_id in helpers):
        assert time.monotonic() < deadline, helpers
        time.sleep(0.05)
