"""What to derive next, as of one instant: the checkpoint, the facts recorded since, the timers due.

A group of facts comes with every partner that its facts are routed to (see `routing`), except those of portal changes
and revisions of the policy: the partners it names, every partner of its people and of the people of a partner that it
ends, and the partners into which these merge.
"""

from datetime import datetime
from typing import Final, NamedTuple

from services.compliance.database import Connection
from services.compliance.read_model.checkpoint import COLUMNS, FROM, Checkpoint, checkpoint_of
from services.compliance.read_model.routing import GROUP_ROUTES, REVISED
from services.web.statements import statements


class Group(NamedTuple):
    """Facts appended together. `broadcast`: besides these partners they concern all others.

    `revision`: they revise the policy, which concerns those whom it changes.
    """

    append_position: int
    recorded_at: datetime
    broadcast: bool
    revision: bool
    partner_ids: frozenset[str]


class Timer(NamedTuple):
    """When time alone next changes or announces something for a partner."""

    due_at: datetime
    partner_id: str


class Backlog(NamedTuple):
    """What one snapshot of the database shows.

    `version`: of the checkpoint; a write checks that it is still this one. `engine_id`: of the engine installed; None:
    none was. `all_read`: no group follows these. `timers`: in order.
    """

    version: int
    engine_id: str | None
    checkpoint: Checkpoint
    groups: list[Group]
    all_read: bool
    timers: list[Timer]


_SQL: Final = statements(__file__, group_routes=GROUP_ROUTES, checkpoint=COLUMNS, from_checkpoint=FROM, revised=REVISED)


async def read_backlog(
    connection: Connection, known_through: datetime | None, facts_max: int, timers_max: int
) -> Backlog:
    """The next groups, whole, of about `facts_max` facts; the first timers due by the last of them or `known_through`.

    Raises `LookupError` where the read model was not migrated.
    """
    row = await connection.fetchrow(_SQL["read_backlog"], facts_max, known_through, timers_max)
    checkpoint = checkpoint_of(row)
    assert row is not None
    groups = [
        Group(position, at, broadcast, revision, frozenset(ids or ()))
        for position, at, broadcast, revision, ids in row["groups"]
    ]
    all_read = not groups or groups[-1].append_position < checkpoint.position + facts_max
    timers = [Timer(*timer) for timer in row["timers"]]
    return Backlog(row["version"], row["engine_id"], checkpoint, groups, all_read, timers)


async def mentioned_after(connection: Connection, partner_id: str, partners_max: int) -> list[str]:
    """The first partners after `partner_id`, of all that were ever mentioned."""
    return [row["partner_id"] for row in await connection.fetch(_SQL["mentioned_after"], partner_id, partners_max)]
