"""How far the projection has come, and writing what a batch derived together with it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

import asyncpg

from services.compliance.database import Connection
from services.compliance.policy.publication import PublicationState, PublishedEvent, read_back
from services.compliance.policy.replay_position import ReplayPosition
from services.compliance.read_model.rows import EventRow, PartnerRows


class PolicyUpgrade(NamedTuple):
    """Where the present policy took over: after the step `cursor` and the compliance event `sequence`.

    The events up to there were published by another policy, or correct what was.
    """

    sequence: int
    cursor: ReplayPosition


class Checkpoint(NamedTuple):
    """The state of the projection.

    `position`: the last fact applied for every partner. `known_through`: every fact recorded by then
    is at or before `position`. `cursor`: the last step that is done; it can lie inside one group of
    facts or one timer instant. `sequence`: the number of the last compliance event. `adopted`: None
    where everything was published by the present policy.
    """

    position: int
    known_through: datetime
    cursor: ReplayPosition
    sequence: int
    policy_version: str
    adopted: PolicyUpgrade | None = None


PROGRESS: Final = """
    p.position, p.known_through, p.cursor_instant, p.cursor_kind, p.cursor_position, p.cursor_partner_id, p.sequence,
    p.policy_version, a.sequence, a.cursor_instant, a.cursor_kind, a.cursor_position, a.cursor_partner_id
"""
FROM_PROGRESS: Final = """
    FROM progress p LEFT JOIN LATERAL (SELECT * FROM adoption ORDER BY number DESC LIMIT 1) a ON true
"""
_READ: Final = f"SELECT {PROGRESS} {FROM_PROGRESS}"

_PUBLISHED: Final = """
    SELECT partner_id, event_id, type, effective_at, subject, data FROM {table}
    WHERE partner_id = ANY($1) AND sequence <= $2 ORDER BY partner_id, sequence
"""

_ADVANCE: Final = """
    UPDATE progress SET position = $1, known_through = $2, cursor_instant = $3, cursor_kind = $4,
        cursor_position = $5, cursor_partner_id = $6, sequence = $7, policy_version = $8, held_by = $9,
        advanced_at = clock_timestamp()
"""
COMPLIANCE_CHANNEL: Final = "sagecert_compliance"
"""Notified of every advance, in its transaction."""
_TELL: Final = f"pg_notify('{COMPLIANCE_CHANNEL}', position::text)"

# Everything hangs on the progress: where that is no longer the row that was read, nothing is written. Whoever waits
# here for another to commit finds it changed; if the other fails, all is as it was read.
# The commit need not reach the disk: what a crash of the server takes is derived again from the facts, to the byte.
_WRITE: Final = f"""
    WITH advanced AS (
        {_ADVANCE} WHERE xmin = $10 RETURNING position
    ), event_written AS (
        INSERT INTO compliance_event (
            sequence, event_id, type, partner_id, products, effective_at, recorded_at, position, subject, data)
        SELECT $11::bigint + e.n, e.event_id, e.type, e.partner_id, string_to_array(e.products, ','), e.effective_at,
            e.recorded_at, e.position, e.subject, e.data
        FROM advanced, unnest($12::text[], $13::text[], $14::text[], $15::text[], $16::timestamptz[],
            $17::timestamptz[], $18::bigint[], $19::text[], $20::bytea[]) WITH ORDINALITY
            AS e (event_id, type, partner_id, products, effective_at, recorded_at, position, subject, data, n)
    ), standing_now AS (
        SELECT n.* FROM advanced, unnest($21::text[], $22::text[], $23::timestamptz[], $24::timestamptz[], $25::text[],
            $26::integer[], $27::integer[], $28::integer[], $29::bytea[])
            AS n (partner_id, product, valid_from, valid_to, status, headcount, minimum, shortfall, body)
    ), standing_gone AS (
        DELETE FROM standing s
        USING (SELECT partner_id, product, array_agg(valid_from) AS kept FROM standing_now GROUP BY 1, 2) n
        WHERE s.partner_id = n.partner_id AND s.product = n.product AND s.valid_from <> ALL (n.kept)
    ), standing_written AS (
        INSERT INTO standing AS s SELECT * FROM standing_now
        ON CONFLICT (partner_id, product, valid_from) DO UPDATE SET valid_to = EXCLUDED.valid_to,
            status = EXCLUDED.status, headcount = EXCLUDED.headcount, minimum = EXCLUDED.minimum,
            shortfall = EXCLUDED.shortfall, body = EXCLUDED.body
        WHERE s.body <> EXCLUDED.body
    ), window_gone AS (
        DELETE FROM replacement_window w USING advanced, unnest($30::text[], $31::text[], $32::integer[])
            AS n (partner_id, product, number_last)
        WHERE w.partner_id = n.partner_id AND w.product = n.product AND w.number > n.number_last
    ), window_written AS (
        INSERT INTO replacement_window AS w
        SELECT n.* FROM advanced, unnest($33::text[], $34::text[], $35::integer[], $36::timestamptz[], $37::date[],
            $38::timestamptz[], $39::timestamptz[], $40::text[]) AS n
        ON CONFLICT (partner_id, product, number) DO UPDATE SET opened_at = EXCLUDED.opened_at,
            deadline_on = EXCLUDED.deadline_on, deadline_at = EXCLUDED.deadline_at,
            closed_at = EXCLUDED.closed_at, closed_outcome = EXCLUDED.closed_outcome
        WHERE (w.opened_at, w.deadline_at, w.closed_at, w.closed_outcome)
            IS DISTINCT FROM (EXCLUDED.opened_at, EXCLUDED.deadline_at, EXCLUDED.closed_at, EXCLUDED.closed_outcome)
    ), timer_now AS (
        SELECT n.* FROM advanced, unnest($41::text[], $42::timestamptz[]) AS n (partner_id, due_at)
    ), timer_gone AS (
        DELETE FROM timer t USING timer_now n WHERE t.partner_id = n.partner_id AND n.due_at IS NULL
    ), timer_written AS (
        INSERT INTO timer AS t SELECT * FROM timer_now n WHERE n.due_at IS NOT NULL
        ON CONFLICT (partner_id) DO UPDATE SET due_at = EXCLUDED.due_at WHERE t.due_at <> EXCLUDED.due_at
    )
    SELECT pg_current_xact_id()::xid AS version, {_TELL}, set_config('synchronous_commit', 'off', true) FROM advanced
"""


class ConcurrentUpdate(Exception):
    """Somebody else advanced the projection meanwhile."""


async def read_progress(connection: Connection) -> Checkpoint:
    """The progress as it is committed."""
    return progress_of(await connection.fetchrow(_READ) or ())


def progress_of(columns: Sequence[Any] | asyncpg.Record) -> Checkpoint:
    """The progress from what `PROGRESS` selects. Raises `LookupError` where it found nothing."""
    if not columns:
        raise LookupError("the read model has no progress: migrate it")
    position, known_through, instant, kind, cursor_position, partner_id, sequence, policy_version, *adopted = columns
    cursor = ReplayPosition(instant, kind, cursor_position, partner_id)
    adoption = None if adopted[0] is None else PolicyUpgrade(adopted[0], ReplayPosition(*adopted[1:5]))
    return Checkpoint(position, known_through, cursor, sequence, policy_version, adoption)


async def published(
    connection: Connection, partner_ids: Sequence[str], through: int, schema: str | None = None
) -> dict[str, PublicationState]:
    """What the events up to the number `through` say about each partner; `schema`: of another read model."""
    found: dict[str, list[PublishedEvent]] = {partner_id: [] for partner_id in partner_ids}
    table = "compliance_event" if schema is None else f'"{schema}".compliance_event'
    for partner_id, *event in await connection.fetch(_PUBLISHED.format(table=table), partner_ids, through):
        found[partner_id].append(PublishedEvent(*event))
    return {partner_id: read_back(events) for partner_id, events in found.items()}


async def advance_progress(connection: Connection, progress: Checkpoint, held_by: str) -> None:
    """Stores the progress; whoever listens hears its position when the transaction commits."""
    await connection.execute(f"{_ADVANCE} RETURNING {_TELL}", *_advanced(progress, held_by))


async def write(
    connection: Connection, version: int, progress: Checkpoint, derived: Sequence[PartnerRows], held_by: str
) -> int:
    """Replaces the standings, windows and timers of these partners, appends their events and stores the progress.

    All or nothing, in one statement, which notifies listeners of the position. `version`: of the progress that all
    this was derived from. Raises `ConcurrentUpdate`, with nothing written, if the progress has another version by now.
    Returns the version of the progress that it wrote.
    """
    standings = [row for one in derived for row in one.standings]
    windows = [row for one in derived for row in one.windows]
    window_counts = [(found.partner_id, *count) for found in derived for count in found.window_counts]
    events = [_event(row) for row in sorted(row for one in derived for row in one.events)]
    written = await connection.fetchrow(
        _WRITE,
        *_advanced(progress, held_by),
        version,
        progress.sequence - len(events),
        *_columns(events, 9),
        *_columns(standings, 9),
        *_columns(window_counts, 3),
        *_columns(windows, 8),
        *_columns([(one.partner_id, one.due_at) for one in derived], 2),
    )
    if written is None:
        raise ConcurrentUpdate
    written_version: int = written["version"]
    return written_version


def _advanced(progress: Checkpoint, held_by: str) -> tuple[object, ...]:
    position, known_through, cursor, sequence, policy_version, _ = progress
    return (position, known_through, *cursor, sequence, policy_version, held_by)


def _event(row: EventRow) -> tuple[object, ...]:
    event = row.event
    return (
        event.event_id,
        event.type,
        event.partner_id,
        ",".join(event.products),
        event.effective_at,
        event.recorded_at,
        row.key.position,
        event.subject,
        event.data,
    )


def _columns(rows: Sequence[tuple[object, ...]], width: int) -> list[list[object]]:
    """Rows as columns, for `unnest`."""
    return [list(column) for column in zip(*rows, strict=True)] or [[] for _ in range(width)]
