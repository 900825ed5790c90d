"""One what-if, partner by partner, in processes that yield to everything else."""

import asyncio
import gc
import os
from collections.abc import AsyncIterator
from concurrent.futures import ProcessPoolExecutor
from datetime import datetime
from multiprocessing import get_context
from typing import Final, NamedTuple

import msgspec

from services.compliance.database import Connection, OwnConnection
from services.compliance.historical_answers.as_of import moment_of
from services.compliance.historical_answers.questions import WorkerSettings
from services.compliance.historical_answers.worker import reading_connection
from services.compliance.parent_process import end_with
from services.compliance.policy.hypothetical_policy import HypotheticalRevision, what_if_differences
from services.compliance.projection.parallel_tasks import run_in_order
from services.compliance.read_model.routing import mentioned_partners, routed
from services.compliance.what_ifs.messages import NICENESS, Begun, Ended, Progressed, ProgressReport, WhatIf
from services.web.database_connections import terminating

_PARTNERS_PER_TASK: Final = 32
_COUNT: Final = "SELECT count(DISTINCT partner_id) FROM standing"


class _Task(NamedTuple):
    settings: WorkerSettings
    partner_ids: list[str]
    position: int
    at: datetime
    revision: HypotheticalRevision


async def run(settings: WorkerSettings, what_if: WhatIf, processes: int) -> AsyncIterator[ProgressReport]:
    """Replays every partner by both policies. Raises the refusals of the moment and what PostgreSQL raises."""
    async with terminating(reading_connection(settings)) as connection:
        _, moment = await moment_of(connection, what_if.moment, settings.parameters)
        yield Begun(moment.at, moment.known_at, moment.position, await connection.fetchval(_COUNT))
        with ProcessPoolExecutor(
            processes, get_context("spawn"), initializer=_start_process, initargs=(os.getpid(),)
        ) as pool:
            tasks = (
                _Task(settings, partner_ids, moment.position, moment.at, what_if.revision)
                async for partner_ids in _every_partner(connection)
            )
            async for progressed in run_in_order(pool, processes, tasks, _run_task):
                yield progressed
        yield Ended()


async def _every_partner(connection: Connection) -> AsyncIterator[list[str]]:
    after = ""
    while partner_ids := await mentioned_partners(connection, after, _PARTNERS_PER_TASK):
        yield partner_ids
        after = partner_ids[-1]


# In the processes that replay ----------------------------------------------------------------

_runner: Final = asyncio.Runner()
_connections: Final[list[OwnConnection]] = []


def _start_process(parent: int) -> None:
    end_with(parent)
    os.nice(NICENESS)
    gc.freeze()


def _run_task(task: _Task) -> Progressed:
    """Runs in a separate process, which keeps its connection from task to task."""
    return _runner.run(_compare(task))


async def _compare(task: _Task) -> Progressed:
    if not _connections:
        _connections.append(await reading_connection(task.settings))
    parameters, revision = task.settings.parameters, task.revision.fact()
    facts = await routed(_connections[0], task.partner_ids, task.position)
    found = [
        msgspec.json.encode(difference)
        for partner_id, known in facts.items()
        for difference in what_if_differences(known, partner_id, task.at, parameters, revision)
    ]
    return Progressed(len(task.partner_ids), tuple(found))
