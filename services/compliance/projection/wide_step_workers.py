"""Processes that replay partners without a kept history, for steps that touch very many: a portal change, a lapse."""

import asyncio
import gc
import os
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Final, NamedTuple

from services.compliance.database import Connection, OwnConnection, connect
from services.compliance.policy.parameters import Parameters
from services.compliance.policy.partner_history import PartnerHistory, PublicationUnknown
from services.compliance.policy.step_position import StepPosition
from services.compliance.projection.prior_publication import prior_publications
from services.compliance.projection.replay import PriorPublication, replay, replay_from_cursor
from services.compliance.read_model.checkpoint import PolicyUpgrade
from services.compliance.read_model.routing import routed
from services.compliance.read_model.rows import PartnerRows
from services.compliance.settings import ComplianceSettings
from shared.events.envelope import Fact

PARTNERS_PER_TASK: Final = 64
_PARENT_POLL_SECONDS: Final = 0.5


class StepRange(NamedTuple):
    """The steps to derive: those after `after` up to `until`, from the facts up to the position `through`."""

    after: StepPosition
    until: StepPosition
    through: int
    upgraded_from: PolicyUpgrade | None


class ReplayWorkers:
    """Starts its processes when first needed; `close` ends them. They end by themselves if the owner dies."""

    def __init__(self, settings: ComplianceSettings, processes: int | None = None) -> None:
        self._settings = settings
        self._processes = processes or os.cpu_count() or 1
        self._pool: ProcessPoolExecutor | None = None

    async def derive(self, partner_ids: Sequence[str], steps: StepRange) -> list[PartnerRows]:
        """The rows of those partners that change. Raises what a process raises, and `BrokenProcessPool` if one dies."""
        if self._pool is None:
            spawn = get_context("spawn")
            self._pool = ProcessPoolExecutor(self._processes, spawn, _start_process, (os.getpid(),))
        loop = asyncio.get_running_loop()
        tasks = [
            loop.run_in_executor(
                self._pool, _run, self._settings, partner_ids[first : first + PARTNERS_PER_TASK], steps
            )
            for first in range(0, len(partner_ids), PARTNERS_PER_TASK)
        ]
        return [derived for found in await asyncio.gather(*tasks) for derived in found]

    def close(self) -> None:
        """Ends the processes; the next step that needs them starts others."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None


async def derive_partners(
    connection: Connection, partner_ids: Sequence[str], steps: StepRange, parameters: Parameters
) -> list[tuple[PartnerHistory, PartnerRows, PartnerRows | None]]:
    """Each partner's history, its rows, and those to write; None: nothing changed."""
    facts = await routed(connection, partner_ids, steps.through)
    past = await prior_publications(connection, partner_ids, steps.upgraded_from)
    return [
        derive_partner(partner_id, of_partner, steps, parameters, past.get(partner_id))
        for partner_id, of_partner in facts.items()
    ]


def derive_partner(
    partner_id: str, facts: Sequence[Fact], steps: StepRange, parameters: Parameters, past: PriorPublication | None
) -> tuple[PartnerHistory, PartnerRows, PartnerRows | None]:
    """The partner's history, its rows, and those to write; None: nothing changed."""
    if past is None:
        try:
            return replay_from_cursor(partner_id, facts, steps.after, steps.until, parameters)
        except PublicationUnknown:
            pass
    history = PartnerHistory(partner_id, parameters)
    derived = replay(history, facts, steps.after, steps.until, past)
    return history, derived, derived


# In the processes ----------------------------------------------------------------------------

_runner: Final = asyncio.Runner()
_connections: Final[list[OwnConnection]] = []


def _start_process(owner: int) -> None:
    """Turns garbage collection off: a task makes very many objects and drops them all at its end."""
    gc.freeze()
    gc.disable()
    threading.Thread(target=_end_with, args=(owner,), daemon=True).start()


def _end_with(owner: int) -> None:
    while os.getppid() == owner:
        time.sleep(_PARENT_POLL_SECONDS)
    os._exit(1)


def _run(settings: ComplianceSettings, partner_ids: Sequence[str], steps: StepRange) -> list[PartnerRows]:
    found = _runner.run(_derive(settings, partner_ids, steps))
    gc.collect()
    return found


async def _derive(settings: ComplianceSettings, partner_ids: Sequence[str], steps: StepRange) -> list[PartnerRows]:
    if not _connections or _connections[0].is_closed():
        _connections[:] = [await connect(settings)]
    found = await derive_partners(_connections[0], partner_ids, steps, settings.parameters)
    return [changed for _, _, changed in found if changed is not None]
