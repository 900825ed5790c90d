"""How far the projection has come: the step behind which everything is derived and published."""

from datetime import datetime
from typing import Final, NamedTuple

import asyncpg

from services.compliance.database import Connection
from services.compliance.policy.step_position import StepPosition
from shared.events.channels import COMPLIANCE_CHANNEL


class Takeover(NamedTuple):
    """Where the present engine took over: after the step `cursor` and the compliance event at `event_position`.

    Another engine published the events up to there, or they correct what it published. `engine_fact_id`: the fact that
    installed the present engine, the cause of the corrections; None where no such fact was recorded yet.
    """

    event_position: int
    cursor: StepPosition
    engine_fact_id: str | None


class ProjectionProgress(NamedTuple):
    """The state of the projection.

    `position`: the last fact applied for every partner. `known_through`: every fact recorded by then is at or before
    `position`. `cursor`: the last step done; it can lie inside one group of facts or one timer instant.
    `event_position`: the last compliance event. `takeover`: None if the present policy published everything.
    """

    position: int
    known_through: datetime
    cursor: StepPosition
    event_position: int
    engine_id: str
    takeover: Takeover | None = None


COLUMNS: Final = """
    p.position, p.known_through, p.cursor_instant, p.cursor_position, p.cursor_partner_id, p.event_position,
    p.engine_id AS derived_by, u.event_position AS taken_over_at, u.cursor_instant AS takeover_instant,
    u.cursor_position AS takeover_position, u.cursor_partner_id AS takeover_partner_id, u.engine_fact_id
"""
FROM: Final = "FROM progress p LEFT JOIN LATERAL (SELECT * FROM policy_upgrade ORDER BY number DESC LIMIT 1) u ON true"

ADVANCE: Final = """
    UPDATE progress SET position = $1, known_through = $2, cursor_instant = $3, cursor_position = $4,
        cursor_partner_id = $5, event_position = $6, engine_id = $7, held_by = $8, advanced_at = clock_timestamp()
"""
NOTIFY: Final = f"pg_notify('{COMPLIANCE_CHANNEL}', position::text)"
"""Notifies of every advance, in its transaction."""


async def read_progress(connection: Connection) -> ProjectionProgress:
    """The committed progress."""
    return progress_of(await connection.fetchrow(f"SELECT {COLUMNS} {FROM}"))


async def store_progress(connection: Connection, progress: ProjectionProgress, held_by: str) -> None:
    """Stores it, and notifies listeners of its position when the transaction commits."""
    await connection.execute(f"{ADVANCE} RETURNING {NOTIFY}", *values_of(progress, held_by))


def progress_of(row: asyncpg.Record | None) -> ProjectionProgress:
    """The progress of a row of `COLUMNS`. Raises `LookupError` for None."""
    if row is None:
        raise LookupError("the read model has no progress: migrate it")
    takeover = None
    if row["taken_over_at"] is not None:
        cursor = StepPosition(row["takeover_instant"], row["takeover_position"], row["takeover_partner_id"])
        takeover = Takeover(row["taken_over_at"], cursor, row["engine_fact_id"])
    cursor = StepPosition(row["cursor_instant"], row["cursor_position"], row["cursor_partner_id"])
    return ProjectionProgress(
        row["position"], row["known_through"], cursor, row["event_position"], row["derived_by"], takeover
    )


def values_of(progress: ProjectionProgress, held_by: str) -> tuple[object, ...]:
    """The arguments of `ADVANCE`."""
    position, known_through, cursor, event_position, engine_id, _ = progress
    return (position, known_through, *cursor, event_position, engine_id, held_by)
