"""When and known when: what a question says about it, resolved against the log and the projection."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

import asyncpg
import msgspec

from services.compliance.answering.queries import AskedMoment
from services.compliance.database import Connection
from services.compliance.refusals import InvalidQuery, KnownInTheFuture

AS_OF: Final = """
    moment AS MATERIALIZED (
        SELECT
            coalesce($2::timestamptz, greatest(c.now, p.known_through, h.recorded_at)) AS at,
            CASE
                WHEN $4::bigint = 0 THEN 'epoch'
                WHEN $4 IS NOT NULL
                    THEN (SELECT e.recorded_at FROM certification.stored_events e WHERE e.notification_id = $4)
                ELSE coalesce($3::timestamptz, greatest(p.known_through, h.recorded_at))
            END AS known_at,
            CASE
                WHEN $4 IS NOT NULL THEN $4
                WHEN $3 IS NULL THEN h.position
                ELSE coalesce((
                    SELECT e.notification_id FROM certification.stored_events e
                    WHERE e.recorded_at <= $3 ORDER BY e.recorded_at DESC, e.notification_id DESC LIMIT 1), 0)
            END AS position,
            h.position AS head,
            $3 IS NULL OR $3 <= p.known_through
                OR EXISTS (SELECT FROM certification.stored_events e WHERE e.recorded_at > $3) AS final,
            $3 IS NOT NULL AND $3 > c.now
                AND NOT EXISTS (SELECT FROM certification.stored_events e WHERE e.recorded_at >= $3) AS ahead
        FROM progress p
        CROSS JOIN LATERAL (SELECT certification.now() AS now OFFSET 0) c
        CROSS JOIN LATERAL (
            SELECT coalesce(max(l.notification_id), 0) AS position, coalesce(max(l.recorded_at), 'epoch') AS recorded_at
            FROM (SELECT e.notification_id, e.recorded_at FROM certification.stored_events e
                  ORDER BY e.notification_id DESC LIMIT 1) l
        ) h
    )
"""
"""A common table expression behind $2 `at`, $3 `known_at`, $4 `known_position`.

What is asked of the log is known as soon as it is recorded: nobody waits for the projection. `head`:
the last position of the log. `final`: no fact can be recorded any more that would have been
known by then. `ahead`: `known_at` lies after now.
"""

_MOMENT_ALONE: Final = f"WITH {AS_OF} SELECT m.* FROM moment m WHERE $1::text IS NULL"


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What every answer says of the moment that it is about; instants are UTC."""

    at: datetime
    known_at: datetime
    position: int


class AsOf(NamedTuple):
    """True at `at`, judged from the facts up to `position`, which were known at `known_at`."""

    at: datetime
    known_at: datetime
    position: int


async def moment_and_rows(
    connection: Connection, statement: str, asked: str | None, question: AskedMoment
) -> tuple[int, tuple[AsOf, Sequence[asyncpg.Record]]]:
    """How far the log goes, then the moment with the rows of a statement that joins them to `AS_OF`.

    Draws a barrier first where only that tells that nothing more can be known of then. Raises
    `InvalidQuery` for a moment that is not known yet.
    """
    if question.known_at is not None and question.known_position is not None:
        raise InvalidQuery("known_at and known_position are two ways to say what is known: give one.", "known_position")
    arguments = (asked, question.at, question.known_at, question.known_position)
    rows = await connection.fetch(statement, *arguments)
    if rows and not rows[0]["final"] and not rows[0]["ahead"]:
        await connection.execute("SELECT certification.barrier()")
        rows = await connection.fetch(statement, *arguments)
    first = rows[0]
    if first["ahead"]:
        raise KnownInTheFuture("known_at lies after now: what will be known then is not known yet.", "known_at")
    if first["known_at"] is None:
        raise InvalidQuery(f"The log does not reach position {question.known_position} yet.", "known_position")
    moment = AsOf(first["at"], first["known_at"], first["position"])
    return first["head"], (moment, rows)


async def moment_of(connection: Connection, question: AskedMoment) -> tuple[int, AsOf]:
    """How far the log goes, then the moment that a question to it is about."""
    position, (moment, _) = await moment_and_rows(connection, _MOMENT_ALONE, None, question)
    return position, moment
