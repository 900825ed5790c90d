"""The extent of the next batch of the projection: its last step, and the partners with steps up to it."""

from datetime import datetime
from typing import Final, NamedTuple

from services.compliance.database import Connection
from services.compliance.policy.parameters import Parameters
from services.compliance.policy.step_position import LAST_PARTNER, StepPosition
from services.compliance.projection.revised_partners import candidates_after
from services.compliance.read_model.backlog import Backlog, Group, mentioned_after

PARTNERS_MAX: Final = 1_024
"""A batch touches at most about twice as many partners: a larger step is taken in slices."""
PAIRS_MAX: Final = 30_000
"""Pairs of a group and a partner that it touches in one batch, unless its first group has more."""


class Plan(NamedTuple):
    """The step that a batch ends with, the partners that have steps up to it, and the last group it takes in.

    `broadcast`: it takes in a portal change, which concerns every partner. `revision`: the last group revises the
    policy; these partners are those whom that may change.
    """

    end: StepPosition
    partner_ids: set[str]
    last: Group | None
    broadcast: bool
    revision: bool = False


def goal_of(backlog: Backlog, known_through: datetime | None) -> StepPosition | None:
    """The last step that could be derived now in a batch of any size; None: there is nothing new."""
    keys = [_key(group) for group in backlog.groups[-1:]]
    if known_through is not None and backlog.all_read:
        keys.append(StepPosition(known_through, 0, LAST_PARTNER))
    cursor = backlog.progress.cursor
    goal = max(keys, default=cursor)
    return goal if goal > cursor else None


async def plan_of(
    connection: Connection, backlog: Backlog, goal: StepPosition, parameters: Parameters, partners_max: int
) -> Plan:
    """The next batch on the way to the goal. `partners_max`: see `PARTNERS_MAX`."""
    progress, end = backlog.progress, goal
    timers = [timer for timer in backlog.timers if timer.due_at <= goal.instant]
    if len(timers) > partners_max:
        del timers[-1]
        end = min(end, StepPosition(timers[-1].due_at, 0, timers[-1].partner_id))
    partner_ids: set[str] = set()
    last: Group | None = None
    broadcast = False
    pairs = 0
    for group in backlog.groups:
        start = StepPosition(group.recorded_at, group.append_position, "")
        if start > end:
            break
        if (group.broadcast or group.revision) and last is not None:
            end = _key(last)
            break
        touched = set(group.partner_ids)
        if start < progress.cursor:
            touched = {partner_id for partner_id in touched if partner_id > progress.cursor.partner_id}
        after = progress.cursor.partner_id if start < progress.cursor else ""
        if group.broadcast:
            touched.update(await mentioned_after(connection, after, partners_max + 1))
        if group.revision:
            touched.update(await candidates_after(connection, group, parameters, after, partners_max + 1))
        pairs += len(touched)
        if len(partner_ids | touched) > partners_max or (pairs > PAIRS_MAX and last is not None):
            if last is not None:
                end = _key(last)
            elif timers and timers[0].due_at <= group.recorded_at:
                end = StepPosition(group.recorded_at, 0, LAST_PARTNER)
            else:
                broadcast = broadcast or group.broadcast
                slice_ids = sorted(touched)[:partners_max]
                end, last = start._replace(partner_id=slice_ids[-1]), group
                partner_ids.update(slice_ids)
            break
        partner_ids |= touched
        last, broadcast = group, broadcast or group.broadcast
        if group.revision:
            end = min(end, _key(group))
            break
    partner_ids.update(partner_id for due_at, partner_id in timers if StepPosition(due_at, 0, partner_id) <= end)
    return Plan(end, partner_ids, last, broadcast, last is not None and last.revision)


def _key(group: Group) -> StepPosition:
    return StepPosition(group.recorded_at, group.append_position, LAST_PARTNER)
