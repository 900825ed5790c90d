"""How a partner stands now, from the read model.

Each segment holds the bytes of the members that follow `position`, the same bytes that
`services.compliance.historical_answers` derives from the log.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Final, NamedTuple

from services.compliance.database import Connection
from services.compliance.historical_answers.as_of import AsOf
from services.compliance.read_model.known_policy import IN_FORCE
from services.compliance.read_model.near_people import LINKED_PEOPLE
from shared.events.compliance_events import Status

_NOW: Final = f"""
    FROM progress p
    CROSS JOIN LATERAL (
        SELECT p.cursor_position > 0 AND p.cursor_partner_id <> '~' AND $1::text <= p.cursor_partner_id AS here OFFSET 0
    ) sliced
    CROSS JOIN LATERAL (
        SELECT greatest(certification.now(), p.known_through, p.cursor_instant) AS at,
            CASE WHEN sliced.here THEN p.cursor_instant ELSE p.known_through END AS known_at,
            CASE WHEN sliced.here THEN p.cursor_position ELSE p.position END AS position OFFSET 0
    ) known
    {IN_FORCE}
"""
"""`here`: the cursor lies inside a group of facts, and this partner's part of it is done already."""

_ENGINE: Final = "coalesce(nullif(p.policy_version, ''), (SELECT e.engine_id FROM certification.engine() e), '')"
"""What derived the read model; before it derived anything, what is installed."""

_KNOWN: Final = f"""
    known.at, known.known_at, known.position, policy.policy_id, {_ENGINE} AS engine, policy.revised_at,
    p.position AS applied
"""

_NAME: Final = "(SELECT n.name FROM certification.partner_name n WHERE n.partner_id = $1) AS name"

_PRESENT: Final = f"""
    SELECT {_KNOWN}, {_NAME}, s.valid_to, s.status, s.body,
        CASE WHEN s.shortfall > 0 THEN ({LINKED_PEOPLE}) END AS people {_NOW}
    LEFT JOIN LATERAL (
        SELECT s.valid_to, s.status, s.product, s.shortfall, s.body FROM standing s
        WHERE s.partner_id = $1 AND s.product = $2 AND s.valid_from <= known.at ORDER BY s.valid_from DESC LIMIT 1
    ) s ON true
"""

_PRESENT_AND_FUTURE: Final = f"""
    SELECT {_KNOWN}, {_NAME}, s.product, s.valid_to, s.status, s.body,
        CASE WHEN s.shortfall > 0 AND s.valid_from <= known.at THEN ({LINKED_PEOPLE}) END AS people {_NOW}
    CROSS JOIN unnest($2::text[]) sold (product)
    LEFT JOIN LATERAL (
        SELECT s.product, s.valid_from, s.valid_to, s.status, s.shortfall, s.body FROM standing s
        WHERE s.partner_id = $1 AND s.product = sold.product AND (s.valid_to IS NULL OR s.valid_to > known.at)
        ORDER BY s.valid_from LIMIT $3
    ) s ON true
    ORDER BY s.product, s.valid_from
"""

_PRESENT_MOMENT: Final = f"""
    SELECT known.at, known.known_at, known.position, policy.policy_id, known.engine, policy.revised_at FROM (
        SELECT greatest(certification.now(), p.known_through) AS at, p.known_through AS known_at, p.position,
            {_ENGINE} AS engine
        FROM progress p OFFSET 0
    ) known
    {IN_FORCE}
"""


class StoredSegment(NamedTuple):
    """A standing until `valid_to` (None: for ever) if no fact comes, as the bytes of its members.

    `body` is empty if it lies too far ahead to be stored: then the log answers. `people`: of the present one, those
    of the partner (see `decode_people`), where any is missing.
    """

    valid_to: datetime | None
    status: Status
    body: bytes
    people: str | None


class PresentPartner(NamedTuple):
    """A partner as it is known at the moment. `name`: None where it is unknown or erased."""

    partner_id: str
    name: str | None
    moment: AsOf


async def present(
    connection: Connection, partner_id: str, product: str
) -> tuple[int, tuple[PresentPartner, StoredSegment | None]]:
    """How far the projection is; the partner and its standing now. None: the partner was never mentioned.

    The standing is empty where the projection is so far behind that it was not stored: only the log can answer.
    """
    row = await connection.fetchrow(_PRESENT, partner_id, product)
    assert row is not None, "progress has one row"
    *moment, applied, name = tuple(row)[:8]
    partner = PresentPartner(partner_id, name, AsOf(*moment))
    return applied, (partner, None if row["body"] is None else StoredSegment(*tuple(row)[8:]))


async def present_and_future(
    connection: Connection, partner_id: str, products: Iterable[str], segments_max: int
) -> tuple[int, tuple[PresentPartner, dict[str, list[StoredSegment]]]]:
    """The same for several products, with segments that follow, so many in all; without any: never mentioned."""
    rows = await connection.fetch(_PRESENT_AND_FUTURE, partner_id, list(products), segments_max)
    parts: dict[str, list[StoredSegment]] = {}
    for row in rows:
        if row["product"] is not None:
            parts.setdefault(row["product"], []).append(
                StoredSegment(row["valid_to"], row["status"], row["body"], row["people"])
            )
    first = rows[0]
    partner = PresentPartner(partner_id, first["name"], AsOf(*first[:6]))
    return first["applied"], (partner, parts)


async def present_moment(connection: Connection) -> tuple[int, AsOf]:
    """How far the projection is, then the present as it knows it."""
    row = await connection.fetchrow(_PRESENT_MOMENT)
    assert row is not None, "progress has one row"
    return row["position"], AsOf(*row)
