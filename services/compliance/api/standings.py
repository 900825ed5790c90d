"""Where an answer about a partner comes from: the read model for the present, the log for every other moment.

Both give the standing, with its reasons, as the bytes of the members that follow `position`, one
stretch after the other; the bytes are the same wherever they come from.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Final, NamedTuple

from services.compliance.api.moment import MOMENT, Moment, moment_and_rows
from services.compliance.api.question import Question
from services.compliance.database import Connection
from services.compliance.policy.answers import partner_stretches
from services.compliance.policy.parameters import Parameters
from services.compliance.read_model.answer import body_of
from services.compliance.read_model.fact_log import ROUTES, routed_facts
from shared.events.envelope import Fact

_NOW: Final = """
    FROM progress p
    CROSS JOIN LATERAL (
        SELECT p.cursor_kind = 1 AND p.cursor_partner_id <> '~' AND $1::text <= p.cursor_partner_id AS here OFFSET 0
    ) sliced
    CROSS JOIN LATERAL (
        SELECT greatest(certification.now(), p.known_through, p.cursor_instant) AS at OFFSET 0
    ) c
"""
"""`here`: the cursor lies inside a group of facts, and this partner's part of it is done already."""

_KNOWN: Final = """
    c.at, CASE WHEN sliced.here THEN p.cursor_instant ELSE p.known_through END AS known_at,
    CASE WHEN sliced.here THEN p.cursor_position ELSE p.position END AS position, p.position AS applied
"""

_PRESENT: Final = f"""
    SELECT {_KNOWN}, s.body {_NOW}
    LEFT JOIN LATERAL (
        SELECT s.body FROM standing s
        WHERE s.partner_id = $1 AND s.product = $2 AND s.valid_from <= c.at ORDER BY s.valid_from DESC LIMIT 1
    ) s ON true
"""

_PRESENT_AND_FUTURE: Final = f"""
    SELECT {_KNOWN}, s.product, s.valid_to, s.body {_NOW}
    LEFT JOIN standing s ON s.partner_id = $1 AND s.product = ANY ($2::text[])
        AND (s.valid_to IS NULL OR s.valid_to > c.at)
    ORDER BY s.product, s.valid_from
"""

_ROUTED: Final = f"""
    WITH RECURSIVE {MOMENT},
    through AS (SELECT m.position FROM moment m),
    asked AS (SELECT $1::text COLLATE "C" AS partner_id),
    {ROUTES}
    SELECT m.at, m.known_at, m.position, m.head, m.final, m.ahead,
        r.asked_id, r.notification_id, r.append_position, r.topic, r.state
    FROM moment m LEFT JOIN routed r ON true ORDER BY r.asked_id NULLS FIRST, r.notification_id
"""


class Part(NamedTuple):
    """One stretch: until when it holds if no fact comes (None: for ever), and the bytes of its members."""

    valid_to: datetime | None
    body: bytes


class AsOf(NamedTuple):
    """A moment, and the facts routed to the partner that were known then."""

    moment: Moment
    facts: list[Fact]


async def present(connection: Connection, partner_id: str, product: str) -> tuple[int, tuple[Moment, bytes | None]]:
    """How far the projection is; the moment and the standing now. None: the partner was never mentioned."""
    row = await connection.fetchrow(_PRESENT, partner_id, product)
    assert row is not None, "progress has one row"
    at, known_at, position, applied, body = row
    return applied, (Moment(at, known_at, position), body)


async def present_and_future(
    connection: Connection, partner_id: str, products: Iterable[str]
) -> tuple[int, tuple[Moment, dict[str, list[Part]]]]:
    """The same for several products, with every stretch that follows; without products: never mentioned."""
    rows = await connection.fetch(_PRESENT_AND_FUTURE, partner_id, list(products))
    parts: dict[str, list[Part]] = {}
    for row in rows:
        if row["product"] is not None:
            parts.setdefault(row["product"], []).append(Part(row["valid_to"], row["body"]))
    first = rows[0]
    return first["applied"], (Moment(first["at"], first["known_at"], first["position"]), parts)


async def as_of(connection: Connection, partner_id: str, question: Question) -> tuple[int, AsOf]:
    """How far the log goes; the moment asked about, and the facts routed to the partner by then."""
    head, (moment, rows) = await moment_and_rows(connection, _ROUTED, partner_id, question)
    routed = (row[6:] for row in rows if row["topic"] is not None)
    return head, AsOf(moment, routed_facts([partner_id], routed)[partner_id])


def parts_from(known: AsOf, partner_id: str, product: str, parameters: Parameters) -> list[Part]:
    """The stretch at the moment and those that follow; nothing if the partner was never mentioned."""
    stretches = partner_stretches(known.facts, partner_id, product, known.moment.at, parameters)
    return [Part(stretch.next_change_at, body_of(stretch)) for stretch in stretches]
