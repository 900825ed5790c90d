"""One batch of the projection, derived and written in one statement with the cursor.

A batch derives every step from the cursor to a later step, its end. Its end depends on what was there to read; its
events do not: a partner's steps follow from the facts routed to it, and a timer fires only if no fact recorded before
it can be missing, because a later fact is there or a barrier was drawn.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

from services.compliance.database import Connection
from services.compliance.policy.parameters import Parameters
from services.compliance.policy.step_position import StepPosition
from services.compliance.projection.affected_partners import concerned_partners
from services.compliance.projection.cached_history_updates import Resumption
from services.compliance.projection.history_cache import FACTS_KEPT_MAX, HistoryCache, KeptHistory
from services.compliance.projection.plan import PAIRS_MAX, PARTNERS_MAX, Plan, goal_of, plan_of
from services.compliance.projection.wide_step_workers import ReplayWorkers, StepRange, derive_partners
from services.compliance.read_model.backlog import Backlog, read_backlog
from services.compliance.read_model.batch_write import write
from services.compliance.read_model.checkpoint import Checkpoint
from services.compliance.read_model.known_policy import revision_rows
from services.compliance.read_model.routing import revisions
from services.compliance.read_model.rows import PartnerRows
from services.web.refusal import engine_not_installed

FACTS_MAX: Final = 1_000
_PARTNERS_AT_ONCE: Final = 32


class PolicyVersionMismatch(RuntimeError):
    """The read model was derived by another engine: rebuild it."""


class Advanced(NamedTuple):
    """What a batch did. `more`: there is more to do at once."""

    end: StepPosition
    more: bool


class Limits(NamedTuple):
    """Bounds on the work of a batch. Tests set them low to take every path.

    `partners_here_max`: beyond, partners without a kept history are derived by other processes, if there are any.
    `unnamed_max`: beyond, partners that no fact names are first tested whether a fact concerns them.
    """

    facts_max: int = FACTS_MAX
    partners_max: int = PARTNERS_MAX
    partners_here_max: int = 256
    unnamed_max: int = 64
    facts_kept_max: int = FACTS_KEPT_MAX


LIMITS: Final = Limits()


class Projector:
    """Advances the projection on one connection, batch after batch, and keeps histories between them.

    `derivers` help with a batch that touches very many partners. Any number of processes may advance the projection at
    once: the second to write gets `ConcurrentUpdate`.
    """

    def __init__(
        self,
        connection: Connection,
        parameters: Parameters,
        held_by: str,
        *,
        derivers: ReplayWorkers | None = None,
        limits: Limits = LIMITS,
    ) -> None:
        self._connection = connection
        self._parameters = parameters
        self._held_by = held_by
        self._derivers = derivers
        self._limits = limits
        self._histories = HistoryCache(limits.facts_kept_max)
        self._facts_max_next = limits.facts_max

    async def advance(self, known_through: datetime | None) -> Advanced | None:
        """Derives the next batch; None: there was nothing to do.

        `known_through`: an instant behind a barrier: every fact recorded by then was visible before this
        call, so the timers due by then may fire once all facts are applied. None: no barrier was drawn.
        Raises `EngineNotInstalled`, `PolicyVersionMismatch`, and `ConcurrentUpdate` if another process advanced the
        projection meanwhile.
        """
        try:
            return await self._advance(known_through)
        except BaseException:
            self._histories.clear()  # Histories may have gone further than what was written.
            raise

    async def advance_fully(self, known_through: datetime | None) -> bool:
        """Derives batches until nothing is left; returns whether there was anything."""
        advanced = await self.advance(known_through)
        anything = advanced is not None
        while advanced is not None and advanced.more:
            advanced = await self.advance(known_through)
        if self._derivers is not None:
            self._derivers.close()
        return anything

    async def _advance(self, known_through: datetime | None) -> Advanced | None:
        connection, parameters = self._connection, self._parameters
        backlog = await read_backlog(connection, known_through, self._facts_max_next, self._limits.partners_max + 1)
        checkpoint = backlog.checkpoint
        if backlog.engine_id not in (None, parameters.version):
            raise engine_not_installed(backlog.engine_id, parameters.version)
        if checkpoint.policy_version not in ("", parameters.version):
            raise PolicyVersionMismatch(
                f"the read model was derived by engine {checkpoint.policy_version}, this is {parameters.version}: "
                "run `sagecert compliance rebuild`, which publishes what this corrects"
            )
        if backlog.version != self._histories.version:
            self._histories.clear()
        self._histories.begin_batch()
        goal = goal_of(backlog, known_through)
        if goal is None:
            return None
        self._adapt(sum(len(group.partner_ids) for group in backlog.groups))
        plan = await plan_of(connection, backlog, goal, parameters, self._limits.partners_max)
        derived = await self._derive(plan, backlog)
        after = _after(checkpoint, plan, goal, derived, parameters)
        taken_in = await revisions(connection, plan.last.append_position) if plan.revision and plan.last else []
        self._histories.version = await write(
            connection, backlog.version, after, derived, revision_rows(taken_in), self._held_by
        )
        return Advanced(plan.end, plan.end < goal or not backlog.all_read)

    def _adapt(self, pairs: int) -> None:
        """Reads fewer facts next time if these touch very many partners, otherwise more again."""
        if pairs > 2 * PAIRS_MAX:
            self._facts_max_next = max(1, self._facts_max_next * PAIRS_MAX // pairs)
        else:
            self._facts_max_next = min(self._limits.facts_max, 2 * self._facts_max_next)

    async def _derive(self, plan: Plan, backlog: Backlog) -> list[PartnerRows]:
        """Every partner of the plan that changes: from its kept history if there is one, else from nothing.

        A revision of the policy is taken in by every kept history, whether or not it changes the partner.
        """
        through = plan.last.append_position if plan.last else backlog.checkpoint.position
        concerned = await concerned_partners(
            self._connection, plan, backlog, self._parameters, self._limits.unnamed_max
        )
        kept = self._histories.kept(None if plan.revision else plan.partner_ids)
        uncached = sorted(concerned.difference(kept))
        derived: list[PartnerRows] = []
        if kept:
            resumed = await Resumption.prepare(self._connection, self._histories, kept, plan, backlog, through)
            derived += [rows async for rows in resumed.derived(plan.end, concerned)]
            for partner_id in resumed.not_further:
                self._histories.drop(partner_id)
            uncached = sorted([*uncached, *resumed.not_further & concerned])
        steps = StepRange(backlog.checkpoint.cursor, plan.end, through, backlog.checkpoint.upgraded_from)
        wide = plan.last is None or plan.broadcast or plan.revision
        derived += await self._derive_uncached(uncached, steps, broadcast=wide)
        return derived

    async def _derive_uncached(
        self, partner_ids: Sequence[str], steps: StepRange, *, broadcast: bool
    ) -> list[PartnerRows]:
        """What follows for partners without a kept history; theirs is kept, unless a step touches every partner."""
        if self._derivers is not None and broadcast and len(partner_ids) > self._limits.partners_here_max:
            return await self._derivers.derive(partner_ids, steps)
        derived: list[PartnerRows] = []
        for first in range(0, len(partner_ids), _PARTNERS_AT_ONCE):
            some = partner_ids[first : first + _PARTNERS_AT_ONCE]
            for history, rows, changed in await derive_partners(self._connection, some, steps, self._parameters):
                self._histories.keep(history.partner_id, KeptHistory(history, rows))
                if changed is not None:
                    derived.append(changed)
            await asyncio.sleep(0)
        return derived


def _after(
    checkpoint: Checkpoint, plan: Plan, goal: StepPosition, derived: Sequence[PartnerRows], parameters: Parameters
) -> Checkpoint:
    """The checkpoint after the plan. Only a barrier makes a timer the goal: reaching it advances `known_through`."""
    position, known_through, end = checkpoint.position, checkpoint.known_through, plan.end
    if plan.last is not None and (end.timer or end.complete):
        position = plan.last.append_position
        known_through = max(known_through, plan.last.recorded_at)
    if end == goal and end.timer:
        known_through = max(known_through, end.instant)
    event_position = checkpoint.event_position + sum(len(rows.events) for rows in derived)
    return Checkpoint(position, known_through, end, event_position, parameters.version, checkpoint.upgraded_from)
