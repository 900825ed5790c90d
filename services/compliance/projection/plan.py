"""What the next batch of the projection takes on: up to which step, and which partners have steps until then."""

from datetime import datetime
from typing import Final, NamedTuple

from services.compliance.database import Connection
from services.compliance.read_model.news import Group, News, mentioned_after
from services.compliance.read_model.step_key import EVERY_PARTNER, FACTS, TIMER, StepKey

PARTNERS_MAX: Final = 1_024
"""A batch touches at most about twice as many partners: a greater step is taken in slices."""
PAIRS_MAX: Final = 30_000
"""How many pairs of a group and a partner that it touches a batch takes on, unless its first group has more."""


class Plan(NamedTuple):
    """The step that a batch ends with, the partners that have steps up to it, and the last group it takes in.

    `for_everybody`: it takes in a portal change, which concerns every partner.
    """

    end: StepKey
    partner_ids: set[str]
    last: Group | None
    for_everybody: bool


def goal_of(news: News, known_through: datetime | None) -> StepKey | None:
    """The last step that could be done, if no batch were too great; None: there is nothing new."""
    keys = [_key(group) for group in news.groups[-1:]]
    if known_through is not None and news.all_read:
        keys.append(StepKey(known_through, TIMER, 0, EVERY_PARTNER))
    cursor = news.progress.cursor
    goal = max(keys, default=cursor)
    return goal if goal > cursor else None


async def plan_of(connection: Connection, news: News, goal: StepKey, partners_max: int) -> Plan:
    """The next batch on the way to the goal. `partners_max`: see `PARTNERS_MAX`."""
    progress, end = news.progress, goal
    timers = [timer for timer in news.timers if timer[0] <= goal.instant]
    if len(timers) > partners_max:
        del timers[-1]
        end = min(end, StepKey(timers[-1][0], TIMER, 0, timers[-1][1]))
    partner_ids: set[str] = set()
    last: Group | None = None
    for_everybody = False
    pairs = 0
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
            touched.update(await mentioned_after(connection, after, partners_max + 1))
        pairs += len(touched)
        if len(partner_ids | touched) > partners_max or (pairs > PAIRS_MAX and last is not None):
            if last is not None:
                end = _key(last)
            elif timers and timers[0][0] <= group.recorded_at:
                end = StepKey(group.recorded_at, TIMER, 0, EVERY_PARTNER)
            else:
                for_everybody = for_everybody or group.for_everybody
                slice_ids = sorted(touched)[:partners_max]
                end, last = start._replace(partner_id=slice_ids[-1]), group
                partner_ids.update(slice_ids)
            break
        partner_ids |= touched
        last, for_everybody = group, for_everybody or group.for_everybody
    partner_ids.update(partner_id for due_at, partner_id in timers if StepKey(due_at, TIMER, 0, partner_id) <= end)
    return Plan(end, partner_ids, last, for_everybody)


def _key(group: Group) -> StepKey:
    return StepKey(group.recorded_at, FACTS, group.append_position, EVERY_PARTNER)
