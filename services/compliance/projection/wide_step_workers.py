"""Processes that replay partners without a kept history, for steps that touch very many: a portal change, a lapse."""

import asyncio
import gc
import os
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context
from typing import Final, NamedTuple

import msgspec

from services.compliance.database import Connection, OwnConnection, connect
from services.compliance.parent_process import end_with
from services.compliance.policy.parameters import Parameters
from services.compliance.policy.partner_history import PartnerHistory, PublicationUnknown
from services.compliance.policy.step_position import StepPosition
from services.compliance.projection.prior_publication import prior_publications
from services.compliance.projection.replay import PriorPublication, replay, replay_from_cursor
from services.compliance.projection.shared_people import PeopleSeen, SharedPeople
from services.compliance.read_model.projection_progress import Takeover
from services.compliance.read_model.routing import routed
from services.compliance.read_model.rows import PartnerRows
from services.compliance.settings import ComplianceSettings
from shared.events.envelope import Fact

PARTNERS_PER_TASK: Final = 64


class StepRange(NamedTuple):
    """The steps to derive: those after `after` up to `until`, from the facts up to the position `through`."""

    after: StepPosition
    until: StepPosition
    through: int
    takeover: Takeover | None


class ReplayWorkers:
    """Starts its processes when first needed; `close` ends them. They end by themselves if the owner dies."""

    def __init__(self, settings: ComplianceSettings, processes: int | None = None) -> None:
        self._settings = settings
        self._processes = processes or os.cpu_count() or 1
        self._pool: ProcessPoolExecutor | None = None
        self._begun: dict[_Task, Future[bytes]] = {}

    def begin(self, partner_ids: Sequence[str], steps: StepRange) -> None:
        """Lets the processes begin what the next call of `derive` will probably ask for."""
        self._begun = {task: self._submit(task) for task in _tasks(partner_ids, steps)}

    async def derive(self, partner_ids: Sequence[str], steps: StepRange) -> list[PartnerRows]:
        """The rows of those partners that change. Raises what a process raises, and `BrokenProcessPool` if one dies."""
        begun, self._begun = self._begun, {}
        futures = [begun.pop(task) if task in begun else self._submit(task) for task in _tasks(partner_ids, steps)]
        for not_asked_for in begun.values():
            not_asked_for.cancel()
        found = await asyncio.gather(*map(asyncio.wrap_future, futures))
        return [derived for rows in found for derived in _decode(rows)]

    def _submit(self, task: "_Task") -> Future[bytes]:
        if self._pool is None:
            spawn = get_context("spawn")
            self._pool = ProcessPoolExecutor(self._processes, spawn, _start_process, (os.getpid(),))
        return self._pool.submit(_run, self._settings, *task)

    def close(self) -> None:
        """Ends the processes; the next step that needs them starts others."""
        self._begun = {}
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None


# Pickling the rows would take the processes a tenth of the time that deriving them takes.
_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(list[PartnerRows]).decode


class _Task(NamedTuple):
    """What one process derives at once."""

    partner_ids: tuple[str, ...]
    steps: StepRange


def _tasks(partner_ids: Sequence[str], steps: StepRange) -> list[_Task]:
    firsts = range(0, len(partner_ids), PARTNERS_PER_TASK)
    return [_Task(tuple(partner_ids[first : first + PARTNERS_PER_TASK]), steps) for first in firsts]


Derived = tuple[PartnerHistory, PartnerRows, PartnerRows | None]
"""A partner's history, its rows, and those to write; None: nothing changed."""


async def derive_partners(
    connection: Connection, partner_ids: Sequence[str], steps: StepRange, parameters: Parameters
) -> AsyncIterator[Derived]:
    """What follows for each partner. The connection is free whenever a partner comes."""
    facts = await routed(connection, partner_ids, steps.through)
    past = await prior_publications(connection, partner_ids, steps.takeover)
    for partner_id, of_partner in facts.items():
        yield derive_partner(partner_id, of_partner, steps, parameters, past.get(partner_id))


async def derive_beside_shared(
    connection: Connection, partner_ids: Sequence[str], steps: StepRange, parameters: Parameters, shared: SharedPeople
) -> AsyncIterator[Derived]:
    """The same with the links of shared people read where they are followed, for partners that no takeover corrects.

    It leaves out those of which the publication has to be known: `derive_partners`.
    """
    facts = await routed(connection, partner_ids, steps.through, tuple(shared.ids))
    for partner_id, of_partner in facts.items():
        known = shared.facts_for(partner_id, of_partner, steps.through)
        try:
            yield replay_from_cursor(
                partner_id, known, steps.after, steps.until, parameters, PeopleSeen(shared, partner_id)
            )
        except PublicationUnknown:
            continue


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
    end_with(owner)
    gc.freeze()
    gc.disable()


def _run(settings: ComplianceSettings, partner_ids: Sequence[str], steps: StepRange) -> bytes:
    found = _encode(_runner.run(_derive(settings, partner_ids, steps)))
    gc.collect()
    return found


async def _derive(settings: ComplianceSettings, partner_ids: Sequence[str], steps: StepRange) -> list[PartnerRows]:
    if not _connections or _connections[0].is_closed():
        _connections[:] = [await connect(settings)]
    found = derive_partners(_connections[0], partner_ids, steps, settings.parameters)
    return [changed async for _, _, changed in found if changed is not None]
