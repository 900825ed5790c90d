"""One batch of the projection: what to derive next, derived and written in one statement with the cursor.

A batch goes on from the cursor to a later step, its end, and derives every step between. Where it
ends depends on what happened to be there to read; what is derived does not, since a partner's steps
follow from the facts routed to it, and a timer fires in a batch only where no fact recorded before it
can be missing: because a later fact is there, or because a barrier was drawn.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

from services.compliance.database import Connection
from services.compliance.policy.parameters import Parameters
from services.compliance.projection.replay import Past, derive
from services.compliance.read_model.derived import Derived
from services.compliance.read_model.fact_log import routed
from services.compliance.read_model.news import Group, News, mentioned_after, read_news
from services.compliance.read_model.step_key import EVERY_PARTNER, FACTS, TIMER, StepKey
from services.compliance.read_model.writing import Adoption, Progress, published, write

FACTS_MAX: Final = 1_000
PARTNERS_MAX: Final = 256
"""A batch touches at most about twice as many partners: a greater step is taken in slices."""
_PARTNERS_AT_ONCE: Final = 32


class OtherPolicy(RuntimeError):
    """The read model was derived by another policy version: rebuild it."""


class Plan(NamedTuple):
    """The step that a batch ends with, the partners that have steps up to it, and the last group it takes in."""

    end: StepKey
    partner_ids: set[str]
    last: Group | None


class Advanced(NamedTuple):
    """What a batch did. `more`: there is more to do at once."""

    end: StepKey
    more: bool


async def advance(
    connection: Connection, parameters: Parameters, known_through: datetime | None, held_by: str
) -> Advanced | None:
    """Derives the next batch; None: there was nothing to do.

    `known_through`: an instant behind a barrier: every fact recorded by then was visible before this
    call, so the timers due by then may fire once all facts are applied. None: no barrier was drawn.
    Raises `OtherPolicy`. Any number of processes may call it: whoever writes second raises `Overtaken` instead.
    """
    news = await read_news(connection, known_through, FACTS_MAX, PARTNERS_MAX + 1)
    progress = news.progress
    if progress.policy_version not in ("", parameters.version):
        raise OtherPolicy(
            f"the read model was derived by policy {progress.policy_version}, this is {parameters.version}: "
            "run `sagecert compliance rebuild`, which publishes what this corrects"
        )
    goal = _goal(news, known_through)
    if goal is None:
        return None
    plan = await _plan(connection, news, goal)
    through = plan.last.append_position if plan.last else progress.position
    derived = await _derive(connection, sorted(plan.partner_ids), progress, plan.end, through, parameters)
    await write(connection, news.version, _after(progress, plan, goal, derived, parameters), derived, held_by)
    return Advanced(plan.end, plan.end < goal or not news.all_read)


async def advance_fully(
    connection: Connection, parameters: Parameters, known_through: datetime | None, held_by: str
) -> bool:
    """Batch after batch until there is nothing more to do; returns whether there was anything."""
    advanced = await advance(connection, parameters, known_through, held_by)
    anything = advanced is not None
    while advanced is not None and advanced.more:
        advanced = await advance(connection, parameters, known_through, held_by)
    return anything


def _goal(news: News, known_through: datetime | None) -> StepKey | None:
    """The last step that could be done, if no batch were too great; None: there is nothing new."""
    keys = [_key(group) for group in news.groups[-1:]]
    if known_through is not None and news.all_read:
        keys.append(StepKey(known_through, TIMER, 0, EVERY_PARTNER))
    cursor = news.progress.cursor
    goal = max(keys, default=cursor)
    return goal if goal > cursor else None


async def _plan(connection: Connection, news: News, goal: StepKey) -> Plan:
    progress, end = news.progress, goal
    timers = [timer for timer in news.timers if timer[0] <= goal.instant]
    if len(timers) > PARTNERS_MAX:
        del timers[-1]
        end = min(end, StepKey(timers[-1][0], TIMER, 0, timers[-1][1]))
    partner_ids: set[str] = set()
    last: Group | None = None
    for group in news.groups:
        start = StepKey(group.recorded_at, FACTS, group.append_position, "")
        if start > end:
            break
        if group.for_everybody and last is not None:
            end = _key(last)
            break
        touched = set(group.partner_ids)
        if start < progress.cursor:
            touched = {partner_id for partner_id in touched if partner_id > progress.cursor.partner_id}
        if group.for_everybody:
            after = progress.cursor.partner_id if start < progress.cursor else ""
            touched.update(await mentioned_after(connection, after, PARTNERS_MAX + 1))
        if len(partner_ids | touched) > PARTNERS_MAX:
            if last is not None:
                end = _key(last)
            elif timers and timers[0][0] <= group.recorded_at:
                end = StepKey(group.recorded_at, TIMER, 0, EVERY_PARTNER)
            else:
                slice_ids = sorted(touched)[:PARTNERS_MAX]
                end, last = start._replace(partner_id=slice_ids[-1]), group
                partner_ids.update(slice_ids)
            break
        partner_ids |= touched
        last = group
    partner_ids.update(partner_id for due_at, partner_id in timers if StepKey(due_at, TIMER, 0, partner_id) <= end)
    return Plan(end, partner_ids, last)


def _key(group: Group) -> StepKey:
    return StepKey(group.recorded_at, FACTS, group.append_position, EVERY_PARTNER)


async def _derive(
    connection: Connection,
    partner_ids: Sequence[str],
    progress: Progress,
    until: StepKey,
    through: int,
    parameters: Parameters,
) -> list[Derived]:
    derived = []
    for first in range(0, len(partner_ids), _PARTNERS_AT_ONCE):
        some = partner_ids[first : first + _PARTNERS_AT_ONCE]
        facts = await routed(connection, some, through)
        past = await past_of(connection, some, progress.adopted)
        for partner_id, of_partner in facts.items():
            derived.append(derive(partner_id, of_partner, progress.cursor, until, parameters, past.get(partner_id)))
            await asyncio.sleep(0)
    return derived


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
