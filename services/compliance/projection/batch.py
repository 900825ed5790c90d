"""One batch of the projection, derived and written in one statement with the cursor.

A batch derives every step from the cursor to a later step, its end. Its end depends on what was there to read; its
events do not: a partner's steps follow from the facts routed to it, and a timer fires only if no fact recorded before
it can be missing, because a later fact is there or a barrier was drawn.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from typing import Final, NamedTuple

from services.compliance.database import Connection
from services.compliance.policy.parameters import Parameters
from services.compliance.policy.step_position import StepPosition
from services.compliance.process_heartbeat import BEAT_SECONDS
from services.compliance.projection.affected_partners import concerned_partners
from services.compliance.projection.cached_history_updates import Resumption
from services.compliance.projection.history_cache import FACTS_KEPT_MAX, HistoryCache, KeptHistory
from services.compliance.projection.plan import PAIRS_MAX, PARTNERS_MAX, Plan, goal_of, plan_of
from services.compliance.projection.shared_people import PeopleSeen, SharedPeople
from services.compliance.projection.shared_people_reading import follow_shared
from services.compliance.projection.wide_step_workers import (
    Derived,
    ReplayWorkers,
    StepRange,
    derive_beside_shared,
    derive_partners,
)
from services.compliance.read_model.backlog import Backlog, read_backlog
from services.compliance.read_model.batch_write import write
from services.compliance.read_model.known_policy import revision_rows
from services.compliance.read_model.projection_progress import ProjectionProgress
from services.compliance.read_model.routing import revisions
from services.compliance.read_model.rows import PartnerRows
from services.web.refusal import engine_not_installed

FACTS_MAX: Final = 1_000
_PARTNERS_AT_FIRST: Final = 4
_PARTNERS_AT_ONCE: Final = 32
_PARTNERS_MIN: Final = 8
"""A step is not taken in smaller slices, however long it takes."""


class DerivedByAnotherEngine(RuntimeError):
    """The read model was derived by another engine: rebuild it."""


class Advanced(NamedTuple):
    """The outcome of a batch. `more`: there is more to do at once."""

    end: StepPosition
    more: bool


class _TakesTooLong(Exception):
    """The batch is given up for a smaller one; nothing was written."""


@dataclass
class _Work:
    """How far a batch is: of its partners, `done` are derived or begun. `divisible`: a smaller one can be taken."""

    began: float
    partners: int
    divisible: bool
    done: int = 0

    def part(self, size: int) -> int:
        """The size to try next: half of what was done."""
        return size * min(self.done, self.partners) // max(1, 2 * self.partners)


class Limits(NamedTuple):
    """Bounds on the work of a batch. Tests set them low to take every path.

    `seconds_max`: a batch that takes longer is given up for a smaller one, down to one group and few partners.
    `partners_here_max`: where there are more, other processes derive the partners without a kept history, if there are
    any. `unnamed_max`: where there are more, it is first tested whether a fact concerns the partners that no fact
    names. `shared_min`: the links of people who were ever linked to so many partners are followed once for all.
    """

    facts_max: int = FACTS_MAX
    partners_max: int = PARTNERS_MAX
    partners_here_max: int = 256
    unnamed_max: int = 64
    shared_min: int = 64
    facts_kept_max: int = FACTS_KEPT_MAX
    seconds_max: float = 3.0


LIMITS: Final = Limits()


class Projector:
    """Advances the projection on one connection, batch after batch, and keeps histories between them.

    `derivers` help with a batch that touches very many partners. `alive` is called often during a batch, while the
    connection is free. Any number of processes may advance the projection at
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
        alive: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._connection = connection
        self._parameters = parameters
        self._held_by = held_by
        self._derivers = derivers
        self._limits = limits
        self._alive = alive
        self._histories = HistoryCache(limits.facts_kept_max)
        self._shared = SharedPeople(limits.facts_kept_max)
        self._apart: set[str] = set()
        self._facts_max_next = limits.facts_max
        self._partners_max_next = limits.partners_max
        self._work = _Work(0, 0, divisible=False)
        self.position = 0
        """The last fact that is known to be applied for every partner."""

    async def advance(self, known_through: datetime | None) -> Advanced | None:
        """Derives the next batch; None: there was nothing to do.

        `known_through`: an instant behind a barrier. Every fact recorded by then was visible before this call, so the
        timers due by then may fire once all facts are applied. None: no barrier was drawn. Raises `EngineNotInstalled`,
        `DerivedByAnotherEngine`, and `ConcurrentUpdate` if another process advanced the projection meanwhile.
        """
        try:
            while True:
                try:
                    return await self._advance(known_through)
                except _TakesTooLong:
                    continue
        except BaseException:
            self._forget()  # Histories may have gone further than what was written.
            raise

    def _forget(self) -> None:
        self._histories.clear()
        self._shared.clear()
        self._apart.clear()

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
        backlog = await read_backlog(
            connection,
            known_through,
            self._facts_max_next,
            self._partners_max_next + 1,
            self._shared.ids,
            self._limits.shared_min,
        )
        progress = backlog.progress
        self.position = progress.position
        if backlog.engine_id not in (None, parameters.version):
            raise engine_not_installed(backlog.engine_id, parameters.version)
        if progress.engine_id not in ("", parameters.version):
            raise DerivedByAnotherEngine(
                f"the read model was derived by engine {progress.engine_id}, this is {parameters.version}: "
                "run `sagecert compliance rebuild`, which publishes what this corrects"
            )
        if backlog.version != self._histories.version:
            self._forget()
        self._histories.begin_batch()
        backlog = await self._follow_shared(backlog)
        goal = goal_of(backlog, known_through)
        if goal is None:
            return None
        plan = await plan_of(connection, backlog, goal, parameters, self._partners_max_next)
        try:
            derived = await self._derive(plan, backlog)
        except _TakesTooLong:
            self._take_less(plan, backlog)
            raise
        self._adapt(sum(len(group.partner_ids) for group in backlog.groups), monotonic() - self._work.began)
        after = _after(progress, plan, goal, derived, parameters)
        await self._begin_next(backlog._replace(progress=after), goal)
        taken_in = await revisions(connection, plan.last.append_position) if plan.revision and plan.last else []
        self._histories.version = await write(
            connection, backlog.version, progress.position, after, derived, revision_rows(taken_in), self._held_by
        )
        self.position = after.position
        return Advanced(plan.end, plan.end < goal or not backlog.all_read)

    async def _begin_next(self, ahead: Backlog, goal: StepPosition) -> None:
        """Has the next slice of a step that touches very many partners derived while this one is written.

        `ahead`: the backlog behind this slice. The next batch need not ask for the same.
        """
        cursor = ahead.progress.cursor
        if self._derivers is None or cursor.complete or cursor.timer:
            return
        plan = await plan_of(self._connection, ahead, goal, self._parameters, self._partners_max_next)
        partner_ids = sorted(plan.partner_ids.difference(self._histories.kept(plan.partner_ids)))
        if plan.broadcast and len(partner_ids) > self._limits.partners_here_max:
            self._derivers.begin(partner_ids, _steps(plan, ahead))

    async def _follow_shared(self, backlog: Backlog) -> Backlog:
        """The shared people take in the backlog; kept histories read there what they followed themselves so far."""
        if not backlog.shared and not self._shared.ids:
            return backlog
        self._shared.begin_batch(backlog.progress)
        followed = await follow_shared(self._connection, self._shared, backlog, self._parameters, self._beat)
        for partner_id in self._histories.ids if followed.any_new else tuple(self._apart):
            kept = self._histories.peek(partner_id)
            if kept is not None and not kept.history.partner_facts.read_links(PeopleSeen(self._shared, partner_id)):
                self._histories.drop(partner_id)
        self._apart.clear()
        return followed.backlog

    def _adapt(self, pairs: int, seconds: float) -> None:
        """Reads fewer facts next time if these touch very many partners, otherwise more again, unless it took long."""
        if pairs > 2 * PAIRS_MAX:
            self._facts_max_next = max(1, self._facts_max_next * PAIRS_MAX // pairs)
        elif seconds <= self._limits.seconds_max / 4:
            self._facts_max_next = min(self._limits.facts_max, 2 * self._facts_max_next)
            self._partners_max_next = min(self._limits.partners_max, 2 * self._partners_max_next)

    def _divisible(self, plan: Plan, backlog: Backlog) -> bool:
        return self._several(plan, backlog) or self._partners_max_next > _PARTNERS_MIN

    def _several(self, plan: Plan, backlog: Backlog) -> bool:
        """Whether the plan has more than one group."""
        last = plan.last
        return (
            last is not None and last.append_position > backlog.groups[0].append_position and self._facts_max_next > 1
        )

    def _take_less(self, plan: Plan, backlog: Backlog) -> None:
        """Forgets the histories that may have gone further, and takes fewer facts next, or fewer partners."""
        if plan.broadcast or plan.revision:
            self._histories.clear()
        for partner_id in plan.partner_ids:
            self._histories.drop(partner_id)
        if plan.last is not None and self._several(plan, backlog):
            taken = plan.last.append_position - backlog.progress.position
            self._facts_max_next = max(1, self._work.part(min(taken, self._facts_max_next)))
        else:
            taken = min(len(plan.partner_ids), self._partners_max_next)
            self._partners_max_next = max(_PARTNERS_MIN, self._work.part(taken))

    async def _derive(self, plan: Plan, backlog: Backlog) -> list[PartnerRows]:
        """Every partner of the plan that changes: from its kept history if there is one, else from nothing.

        A revision of the policy is taken in by every kept history, whether or not it changes the partner.
        """
        concerned = await concerned_partners(
            self._connection, plan, backlog, self._parameters, self._limits.unnamed_max, self._beat
        )
        kept = self._histories.kept(None if plan.revision else plan.partner_ids)
        self._work = _Work(monotonic(), len(concerned.union(kept)), self._divisible(plan, backlog))
        uncached = sorted(concerned.difference(kept))
        derived: list[PartnerRows] = []
        if kept:
            resumed = await Resumption.prepare(
                self._connection, self._histories, self._shared, kept, plan, backlog, _through(plan, backlog)
            )
            derived += [rows async for rows in resumed.derived(plan.end, concerned, self._pause)]
            for partner_id in resumed.not_further:
                self._histories.drop(partner_id)
            uncached = sorted([*uncached, *resumed.not_further & concerned])
        wide = plan.last is None or plan.broadcast or plan.revision
        derived += await self._derive_uncached(uncached, _steps(plan, backlog), broadcast=wide)
        return derived

    async def _derive_uncached(
        self, partner_ids: Sequence[str], steps: StepRange, *, broadcast: bool
    ) -> list[PartnerRows]:
        """What follows for partners without a kept history; theirs is kept, unless a step touches every partner."""
        if self._derivers is not None and broadcast and len(partner_ids) > self._limits.partners_here_max:
            return await self._by_others(self._derivers.derive(partner_ids, steps))
        derived: list[PartnerRows] = []
        first, at_once = 0, _PARTNERS_AT_FIRST
        while first < len(partner_ids):
            await self._pause()
            some = partner_ids[first : first + at_once]
            async for history, rows, changed in self._derived(some, steps):
                self._histories.keep(history.partner_id, KeptHistory(history, rows))
                if changed is not None:
                    derived.append(changed)
                if history.partner_id != some[-1]:
                    await self._pause()
            first, at_once = first + at_once, min(_PARTNERS_AT_ONCE, 2 * at_once)
        return derived

    async def _derived(self, partner_ids: Sequence[str], steps: StepRange) -> AsyncIterator[Derived]:
        """Each of them; where that will do, with the links of shared people read where they are followed."""
        left = set(partner_ids)
        if self._shared.ids and steps.takeover is None:
            beside = derive_beside_shared(self._connection, partner_ids, steps, self._parameters, self._shared)
            async for derived in beside:
                left.discard(derived[0].partner_id)
                yield derived
        if left:
            if self._shared.ids:
                self._apart |= left
            async for derived in derive_partners(self._connection, sorted(left), steps, self._parameters):
                yield derived

    async def _by_others(self, deriving: Coroutine[None, None, list[PartnerRows]]) -> list[PartnerRows]:
        """What other processes derive. While it waits for them, it says again and again that it lives."""
        task = asyncio.ensure_future(deriving)
        try:
            while not (await asyncio.wait([task], timeout=BEAT_SECONDS))[0]:
                await self._beat()
            return await task
        finally:
            task.cancel()

    async def _pause(self) -> None:
        """Before each partner. Gives up a batch that will take far too long, not one that is nearly done."""
        await self._beat()
        seconds, seconds_max = monotonic() - self._work.began, self._limits.seconds_max
        self._work.done += 1
        too_long = seconds > seconds_max and seconds * self._work.partners > 3 * seconds_max * self._work.done
        if self._work.divisible and too_long:
            raise _TakesTooLong

    async def _beat(self) -> None:
        await asyncio.sleep(0)
        if self._alive is not None:
            await self._alive()


def _through(plan: Plan, backlog: Backlog) -> int:
    """The position up to which the plan takes facts in."""
    return plan.last.append_position if plan.last else backlog.progress.position


def _steps(plan: Plan, backlog: Backlog) -> StepRange:
    progress = backlog.progress
    return StepRange(progress.cursor, plan.end, _through(plan, backlog), progress.takeover)


def _after(
    progress: ProjectionProgress, plan: Plan, goal: StepPosition, derived: Sequence[PartnerRows], parameters: Parameters
) -> ProjectionProgress:
    """The progress after the plan. Only a barrier makes a timer the goal: reaching it advances `known_through`."""
    position, known_through, end = progress.position, progress.known_through, plan.end
    if plan.last is not None and (end.timer or end.complete):
        position = plan.last.append_position
        known_through = max(known_through, plan.last.recorded_at)
    if end == goal and end.timer:
        known_through = max(known_through, end.instant)
    event_position = progress.event_position + sum(len(rows.events) for rows in derived)
    return ProjectionProgress(position, known_through, end, event_position, parameters.version, progress.takeover)
