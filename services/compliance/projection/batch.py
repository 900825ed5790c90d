"""One batch of the projection: what to derive next, derived and written in one statement with the cursor.

A batch goes on from the cursor to a later step, its end, and derives every step between. Where it
ends depends on what happened to be there to read; what is derived does not, since a partner's steps
follow from the facts routed to it, and a timer fires in a batch only where no fact recorded before it
can be missing: because a later fact is there, or because a barrier was drawn.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from services.compliance.database import Connection
from services.compliance.policy.history import PartnerHistory, PublicationUnknown
from services.compliance.policy.parameters import Parameters
from services.compliance.projection.folded_partners import Folded, FoldedPartners
from services.compliance.projection.plan import PAIRS_MAX, PARTNERS_MAX, Plan, goal_of, plan_of
from services.compliance.projection.replay import Past, replay, replay_settled
from services.compliance.projection.resumption import Resumption
from services.compliance.read_model.derived import Derived
from services.compliance.read_model.fact_log import routed
from services.compliance.read_model.news import News, read_news
from services.compliance.read_model.step_key import TIMER, StepKey
from services.compliance.read_model.writing import Adoption, Progress, published, write
from shared.events.envelope import Fact

FACTS_MAX: Final = 1_000
_PARTNERS_AT_ONCE: Final = 32


class OtherPolicy(RuntimeError):
    """The read model was derived by another policy version: rebuild it."""


class Advanced(NamedTuple):
    """What a batch did. `more`: there is more to do at once."""

    end: StepKey
    more: bool


class Projector:
    """Advances the projection on one connection, batch after batch, and keeps histories between them.

    Any number of processes may do so at once: `advance` of whoever writes second raises `Overtaken` instead.
    """

    def __init__(
        self,
        connection: Connection,
        parameters: Parameters,
        held_by: str,
        *,
        facts_max: int = FACTS_MAX,
        partners_max: int = PARTNERS_MAX,
    ) -> None:
        self._connection = connection
        self._parameters = parameters
        self._held_by = held_by
        self._folded = FoldedPartners()
        self._facts_max = self._facts_max_next = facts_max
        self._partners_max = partners_max

    async def advance(self, known_through: datetime | None) -> Advanced | None:
        """Derives the next batch; None: there was nothing to do.

        `known_through`: an instant behind a barrier: every fact recorded by then was visible before this
        call, so the timers due by then may fire once all facts are applied. None: no barrier was drawn.
        Raises `OtherPolicy`, and `Overtaken` where somebody else advanced the projection meanwhile.
        """
        try:
            return await self._advance(known_through)
        except BaseException:
            self._folded.clear()  # Histories may have gone further than what was written.
            raise

    async def advance_fully(self, known_through: datetime | None) -> bool:
        """Batch after batch until there is nothing more to do; returns whether there was anything."""
        advanced = await self.advance(known_through)
        anything = advanced is not None
        while advanced is not None and advanced.more:
            advanced = await self.advance(known_through)
        return anything

    async def _advance(self, known_through: datetime | None) -> Advanced | None:
        connection, parameters = self._connection, self._parameters
        news = await read_news(connection, known_through, self._facts_max_next, self._partners_max + 1)
        progress = news.progress
        if progress.policy_version not in ("", parameters.version):
            raise OtherPolicy(
                f"the read model was derived by policy {progress.policy_version}, this is {parameters.version}: "
                "run `sagecert compliance rebuild`, which publishes what this corrects"
            )
        if news.version != self._folded.version:
            self._folded.clear()
        goal = goal_of(news, known_through)
        if goal is None:
            return None
        self._adapt(sum(len(group.partner_ids) for group in news.groups))
        plan = await plan_of(connection, news, goal, self._partners_max)
        derived = await self._derive(plan, news)
        after = _after(progress, plan, goal, derived, parameters)
        self._folded.version = await write(connection, news.version, after, derived, self._held_by)
        return Advanced(plan.end, plan.end < goal or not news.all_read)

    def _adapt(self, pairs: int) -> None:
        """Looks at fewer facts next time where they touch very many partners, at more again where they do not."""
        if pairs > 2 * PAIRS_MAX:
            self._facts_max_next = max(1, self._facts_max_next * PAIRS_MAX // pairs)
        else:
            self._facts_max_next = min(self._facts_max, 2 * self._facts_max_next)

    async def _derive(self, plan: Plan, news: News) -> list[Derived]:
        """Every partner of the plan that changes: from its kept history if there is one, else from nothing."""
        through = plan.last.append_position if plan.last else news.progress.position
        anew = sorted(partner_id for partner_id in plan.partner_ids if self._folded.get(partner_id) is None)
        kept = sorted(plan.partner_ids.difference(anew))
        derived: list[Derived] = []
        if kept:
            resumed = await Resumption.prepare(self._connection, self._folded, kept, plan, news, through)
            derived += [found async for found in resumed.derived(plan.end)]
            anew = sorted([*anew, *resumed.not_further])
        derived += [found async for found in self._derive_anew(anew, news.progress, plan.end, through)]
        return derived

    async def _derive_anew(
        self, partner_ids: Sequence[str], progress: Progress, until: StepKey, through: int
    ) -> AsyncIterator[Derived]:
        for first in range(0, len(partner_ids), _PARTNERS_AT_ONCE):
            some = partner_ids[first : first + _PARTNERS_AT_ONCE]
            facts = await routed(self._connection, some, through)
            past = await past_of(self._connection, some, progress.adopted)
            for partner_id, of_partner in facts.items():
                found = self._replayed(partner_id, of_partner, progress, until, past.get(partner_id))
                if found is not None:
                    yield found
                await asyncio.sleep(0)

    def _replayed(
        self, partner_id: str, facts: Sequence[Fact], progress: Progress, until: StepKey, past: Past | None
    ) -> Derived | None:
        """What follows for a partner without a kept history, if anything changed; its history is kept from now on."""
        if past is None:
            try:
                history, found, changed = replay_settled(partner_id, facts, progress.cursor, until, self._parameters)
                self._folded.keep(partner_id, Folded(history, found))
                return found if changed else None
            except PublicationUnknown:
                pass
        history = PartnerHistory(partner_id, self._parameters)
        found = replay(history, facts, progress.cursor, until, past)
        self._folded.keep(partner_id, Folded(history, found))
        return found


async def past_of(
    connection: Connection, partner_ids: Sequence[str], adopted: Adoption | None, schema: str | None = None
) -> dict[str, Past]:
    """What was published about these partners before the present policy took over; nothing if it published all.

    `schema`: where that was published, if it is not the read model of the connection.
    """
    if adopted is None:
        return {}
    publications = await published(connection, partner_ids, adopted.sequence, schema)
    return {partner_id: Past(adopted.cursor, publication) for partner_id, publication in publications.items()}


def _after(
    progress: Progress, plan: Plan, goal: StepKey, derived: Sequence[Derived], parameters: Parameters
) -> Progress:
    """The progress once the plan is done. Only a barrier makes a goal of timers: it tells how far knowledge goes."""
    position, known_through, end = progress.position, progress.known_through, plan.end
    if plan.last is not None and (end.kind == TIMER or end.complete):
        position = plan.last.append_position
        known_through = max(known_through, plan.last.recorded_at)
    if end == goal and end.kind == TIMER:
        known_through = max(known_through, end.instant)
    sequence = progress.sequence + sum(len(one.events) for one in derived)
    return Progress(position, known_through, end, sequence, parameters.version, progress.adopted)
