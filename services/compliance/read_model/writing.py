"""How far the projection has come, and writing what a batch derived together with it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

from services.compliance.database import Connection
from services.compliance.policy.published import Publication, PublishedEvent, read_back
from services.compliance.read_model.derived import Derived, EventRow
from services.compliance.read_model.step_key import StepKey


class Adoption(NamedTuple):
    """Where the present policy took over: after the step `cursor` and the compliance event `sequence`.

    The events up to there were published by another policy, or correct what was.
    """

    sequence: int
    cursor: StepKey


class Progress(NamedTuple):
    """The state of the projection.

    `position`: the last fact applied for every partner. `known_through`: every fact recorded by then
    is at or before `position`. `cursor`: the last step that is done; it can lie inside one group of
    facts or one timer instant. `sequence`: the number of the last compliance event. `adopted`: None
    where everything was published by the present policy.
    """

    position: int
    known_through: datetime
    cursor: StepKey
    sequence: int
    policy_version: str
    adopted: Adoption | None = None


_PROGRESS: Final = """
    p.position, p.known_through, p.cursor_instant, p.cursor_kind, p.cursor_position, p.cursor_partner_id, p.sequence,
    p.policy_version, a.sequence, a.cursor_instant, a.cursor_kind, a.cursor_position, a.cursor_partner_id
"""
_FROM: Final = """
    FROM progress p LEFT JOIN LATERAL (SELECT * FROM adoption ORDER BY number DESC LIMIT 1) a ON true
"""
_READ: Final = f"SELECT {_PROGRESS} {_FROM}"

# The commit need not reach the disk: what a crash of the server takes is derived again from the facts, to the byte.
_LOCK: Final = f"SELECT {_PROGRESS}, set_config('synchronous_commit', 'off', true) {_FROM} FOR UPDATE OF p"

_PUBLISHED: Final = """
    SELECT partner_id, event_id, type, effective_at, subject, data FROM {table}
    WHERE partner_id = ANY($1) AND sequence <= $2 ORDER BY partner_id, sequence
"""

_MENTIONED_AFTER: Final = """
    SELECT DISTINCT partner_id FROM standing WHERE partner_id > $1 ORDER BY partner_id LIMIT $2
"""

_DUE: Final = """
    SELECT due_at, partner_id FROM timer WHERE due_at <= $1 ORDER BY due_at, partner_id LIMIT $2
"""

_WRITE: Final = """
    WITH standing_now AS (
        SELECT * FROM unnest($1::text[], $2::text[], $3::timestamptz[], $4::timestamptz[], $5::text[],
            $6::integer[], $7::integer[], $8::integer[], $9::bytea[])
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
        DELETE FROM replacement_window w USING unnest($10::text[], $11::text[], $12::integer[])
            AS n (partner_id, product, number_last)
        WHERE w.partner_id = n.partner_id AND w.product = n.product AND w.number > n.number_last
    ), window_written AS (
        INSERT INTO replacement_window AS w
        SELECT * FROM unnest($13::text[], $14::text[], $15::integer[], $16::timestamptz[], $17::date[],
            $18::timestamptz[], $19::timestamptz[], $20::text[])
        ON CONFLICT (partner_id, product, number) DO UPDATE SET opened_at = EXCLUDED.opened_at,
            deadline_on = EXCLUDED.deadline_on, deadline_at = EXCLUDED.deadline_at,
            closed_at = EXCLUDED.closed_at, closed_outcome = EXCLUDED.closed_outcome
        WHERE (w.opened_at, w.deadline_at, w.closed_at, w.closed_outcome)
            IS DISTINCT FROM (EXCLUDED.opened_at, EXCLUDED.deadline_at, EXCLUDED.closed_at, EXCLUDED.closed_outcome)
    ), timer_gone AS (
        DELETE FROM timer t USING unnest($21::text[], $22::timestamptz[]) AS n (partner_id, due_at)
        WHERE t.partner_id = n.partner_id AND n.due_at IS NULL
    )
    INSERT INTO timer AS t
    SELECT * FROM unnest($21::text[], $22::timestamptz[]) AS n (partner_id, due_at) WHERE n.due_at IS NOT NULL
    ON CONFLICT (partner_id) DO UPDATE SET due_at = EXCLUDED.due_at WHERE t.due_at <> EXCLUDED.due_at
"""

_APPEND: Final = """
    INSERT INTO compliance_event (
        sequence, event_id, type, partner_id, products, effective_at, recorded_at, position, subject, data)
    SELECT $1::bigint + n, event_id, type, partner_id, string_to_array(products, ','), effective_at, recorded_at,
        position, subject, data
    FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::timestamptz[], $7::timestamptz[],
        $8::bigint[], $9::text[], $10::bytea[]) WITH ORDINALITY
        AS e (event_id, type, partner_id, products, effective_at, recorded_at, position, subject, data, n)
"""

_ADVANCE: Final = """
    UPDATE progress SET position = $1, known_through = $2, cursor_instant = $3, cursor_kind = $4,
        cursor_position = $5, cursor_partner_id = $6, sequence = $7, policy_version = $8, held_by = $9,
        advanced_at = clock_timestamp()
    RETURNING pg_notify('sagecert_compliance', position::text)
"""


async def lock_progress(connection: Connection) -> Progress:
    """The progress, locked until the transaction ends: whoever holds it is the only one to derive."""
    return await _read_progress(connection, _LOCK)


async def read_progress(connection: Connection) -> Progress:
    """The progress as it is committed."""
    return await _read_progress(connection, _READ)


async def _read_progress(connection: Connection, statement: str) -> Progress:
    row = await connection.fetchrow(statement)
    if row is None:
        raise LookupError("the read model has no progress: migrate it")
    position, known_through, instant, kind, cursor_position, partner_id, sequence, policy_version, *adopted = row
    cursor = StepKey(instant, kind, cursor_position, partner_id)
    adoption = None if adopted[0] is None else Adoption(adopted[0], StepKey(*adopted[1:5]))
    return Progress(position, known_through, cursor, sequence, policy_version, adoption)


async def published(
    connection: Connection, partner_ids: Sequence[str], through: int, schema: str | None = None
) -> dict[str, Publication]:
    """What the events up to the number `through` say about each partner; `schema`: of another read model."""
    found: dict[str, list[PublishedEvent]] = {partner_id: [] for partner_id in partner_ids}
    table = "compliance_event" if schema is None else f'"{schema}".compliance_event'
    for partner_id, *event in await connection.fetch(_PUBLISHED.format(table=table), partner_ids, through):
        found[partner_id].append(PublishedEvent(*event))
    return {partner_id: read_back(events) for partner_id, events in found.items()}


async def mentioned_after(connection: Connection, partner_id: str, partners_max: int) -> list[str]:
    """The first partners after `partner_id`, of all that were ever mentioned."""
    return [row["partner_id"] for row in await connection.fetch(_MENTIONED_AFTER, partner_id, partners_max)]


async def due_timers(connection: Connection, until: datetime, timers_max: int) -> list[tuple[datetime, str]]:
    """The first timers due at or before `until`: (due_at, partner id), in this order."""
    return [(row["due_at"], row["partner_id"]) for row in await connection.fetch(_DUE, until, timers_max)]


async def write_partners(connection: Connection, derived: Sequence[Derived]) -> None:
    """Replaces the standings, windows and timers of these partners, in one round trip."""
    standings = [row for one in derived for row in one.standings]
    windows = [row for one in derived for row in one.windows]
    number_last = {(row.partner_id, row.product): 0 for row in standings}
    number_last.update({(row.partner_id, row.product): row.number for row in windows})
    await connection.execute(
        _WRITE,
        *_columns(standings, 9),
        *_columns([(*key, number) for key, number in number_last.items()], 3),
        *_columns(windows, 8),
        *_columns([(one.partner_id, one.due_at) for one in derived], 2),
    )


async def append_events(connection: Connection, sequence: int, rows: Sequence[EventRow]) -> None:
    """Appends the events, in this order, to a log whose last number is `sequence`."""
    await connection.execute(
        _APPEND,
        sequence,
        [row.event.event_id for row in rows],
        [row.event.type for row in rows],
        [row.event.partner_id for row in rows],
        [",".join(row.event.products) for row in rows],
        [row.event.effective_at for row in rows],
        [row.event.recorded_at for row in rows],
        [row.key.position for row in rows],
        [row.event.subject for row in rows],
        [row.event.data for row in rows],
    )


async def advance_progress(connection: Connection, progress: Progress, held_by: str) -> None:
    """Stores the progress; whoever listens hears its position when the transaction commits."""
    await connection.execute(
        _ADVANCE,
        progress.position,
        progress.known_through,
        *progress.cursor,
        progress.sequence,
        progress.policy_version,
        held_by,
    )


def _columns(rows: Sequence[tuple[object, ...]], width: int) -> list[list[object]]:
    """Rows as columns, for `unnest`."""
    return [list(column) for column in zip(*rows, strict=True)] or [[] for _ in range(width)]
