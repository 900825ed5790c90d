"""What to derive next, as of one instant: the checkpoint, the facts recorded since, the timers due.

A group of facts comes with every partner that its facts are routed to (see `routing`), except those of portal changes:
the partners it names, every partner of its people and of the people of a partner that it ends, and the partners into
which these merge.
"""

from datetime import datetime
from typing import Final, NamedTuple

from services.compliance.database import Connection
from services.compliance.read_model.checkpoint import COLUMNS, FROM, Checkpoint, checkpoint_of
from services.compliance.read_model.routing import ENDING, LINKED, OF_PERSONS


class Group(NamedTuple):
    """Facts appended together. `broadcast`: besides these partners they concern all others."""

    append_position: int
    recorded_at: datetime
    broadcast: bool
    partner_ids: frozenset[str]


class Timer(NamedTuple):
    """When time alone next changes or announces something for a partner."""

    due_at: datetime
    partner_id: str


class Backlog(NamedTuple):
    """What one snapshot of the database shows.

    `version`: of the checkpoint; a write checks that it is still this one. `all_read`: no group follows these.
    `timers`: in order.
    """

    version: int
    checkpoint: Checkpoint
    groups: list[Group]
    all_read: bool
    timers: list[Timer]


_BACKLOG: Final = f"""
    WITH RECURSIVE
    newer AS MATERIALIZED (
        SELECT e.append_position, e.recorded_at, e.topic, e.partner_id, e.into_partner_id, e.consultant_id,
            e.originator_id >= 'portal_change-' AND e.originator_id < 'portal_change.' AS broadcast
        FROM certification.stored_events e
        WHERE e.notification_id > (SELECT p.position FROM progress p) AND e.notification_id <= (
            SELECT coalesce(max(l.append_position), max(p.position) + $1)
            FROM progress p LEFT JOIN certification.stored_events l ON l.notification_id = p.position + $1
        )
    ),
    feeder (append_position, partner_id) AS (
        SELECT n.append_position, n.partner_id FROM newer n
        WHERE n.partner_id IS NOT NULL AND n.consultant_id IS NULL AND n.topic IN ({ENDING})
        UNION
        SELECT f.append_position, m.partner_id
        FROM feeder f JOIN certification.stored_events m ON m.into_partner_id = f.partner_id
    ),
    person (append_position, consultant_id) AS (
        SELECT n.append_position, n.consultant_id FROM newer n
        WHERE n.consultant_id IS NOT NULL AND n.topic IN ({OF_PERSONS})
        UNION
        SELECT f.append_position, l.consultant_id
        FROM feeder f JOIN certification.stored_events l ON l.partner_id = f.partner_id
        WHERE l.topic = {LINKED}
    ),
    concerned (append_position, partner_id) AS (
        (SELECT f.append_position, f.partner_id FROM feeder f
         UNION
         SELECT p.append_position, l.partner_id
         FROM person p JOIN certification.stored_events l ON l.consultant_id = p.consultant_id
         WHERE l.topic = {LINKED})
        UNION
        SELECT c.append_position, m.into_partner_id
        FROM concerned c JOIN certification.stored_events m ON m.partner_id = c.partner_id
        WHERE m.consultant_id IS NULL AND m.into_partner_id IS NOT NULL
    ),
    touched (append_position, recorded_at, broadcast, partner_id) AS (
        SELECT n.append_position, n.recorded_at, n.broadcast, n.partner_id FROM newer n
        UNION ALL
        SELECT n.append_position, n.recorded_at, n.broadcast, n.into_partner_id FROM newer n
        UNION ALL
        SELECT c.append_position, NULL, NULL, c.partner_id FROM concerned c
    )
    SELECT p.xmin AS version,
        ARRAY(
            SELECT ROW (t.append_position, max(t.recorded_at), bool_or(t.broadcast),
                array_agg(t.partner_id) FILTER (WHERE t.partner_id IS NOT NULL))
            FROM touched t GROUP BY t.append_position ORDER BY t.append_position
        ) AS groups,
        ARRAY(
            SELECT ROW (t.due_at, t.partner_id) FROM timer t
            WHERE t.due_at <= greatest((SELECT max(n.recorded_at) FROM newer n), $2)
            ORDER BY t.due_at, t.partner_id LIMIT $3
        ) AS timers,
        {COLUMNS}
    {FROM}
"""

_MENTIONED_AFTER: Final = """
    SELECT DISTINCT partner_id FROM standing WHERE partner_id > $1 ORDER BY partner_id LIMIT $2
"""


async def read_backlog(
    connection: Connection, known_through: datetime | None, facts_max: int, timers_max: int
) -> Backlog:
    """The next groups, whole, of about `facts_max` facts; the first timers due by the last of them or `known_through`.

    Raises `LookupError` where the read model was not migrated.
    """
    row = await connection.fetchrow(_BACKLOG, facts_max, known_through, timers_max)
    checkpoint = checkpoint_of(row)
    assert row is not None
    groups = [Group(position, at, broadcast, frozenset(ids or ())) for position, at, broadcast, ids in row["groups"]]
    all_read = not groups or groups[-1].append_position < checkpoint.position + facts_max
    return Backlog(row["version"], checkpoint, groups, all_read, [Timer(*timer) for timer in row["timers"]])


async def mentioned_after(connection: Connection, partner_id: str, partners_max: int) -> list[str]:
    """The first partners after `partner_id`, of all that were ever mentioned."""
    return [row["partner_id"] for row in await connection.fetch(_MENTIONED_AFTER, partner_id, partners_max)]
