"""Reading the fact log: everything that is routed to a partner.

Every question is answered by index: its cost depends on the partners and people asked about, not on
the length of the log. Asking for too much is harmless, since the policy ignores what does not
concern a partner; asking for too little never happens, because routes only grow: a void takes no
link and no merger out of them.

Routed to a partner P are
- the facts that name P,
- the links, departures, grants and maintenance completions (and voids of them) of every person who
  was ever linked to P, or to a partner whose links can reach P through mergers,
- the closures and mergers of every partner where these persons were ever linked or taken to, and of
  every partner that mergers of P lead to (they can contradict each other),
- every portal change.
"""

from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any, Final, NamedTuple

import asyncpg

from services.compliance.database import Connection
from shared.events.envelope import Fact
from shared.events.facts import (
    TOPIC_OF,
    CertificationRevoked,
    ConsultantCertified,
    ConsultantLeft,
    ConsultantLinked,
    CourseCompleted,
    ExamRegistered,
    FactData,
    FactVoided,
    MaintenanceCompleted,
    PartnerClosed,
    PartnersMerged,
    PortalChangeDeclared,
    RevocationOrdered,
)
from shared.events.wire import decode


def topics(*facts: type[FactData]) -> str:
    """The topics of these facts, as SQL lists them."""
    return ", ".join(f"'{TOPIC_OF[fact]}'" for fact in facts)


LINKED: Final = topics(ConsultantLinked)
OF_PERSONS: Final = topics(
    CertificationRevoked, ConsultantCertified, ConsultantLeft, ConsultantLinked, FactVoided, MaintenanceCompleted
)
"""What matters to compliance about people; it never looks at a course or a score."""
ENDING: Final = topics(PartnerClosed, PartnersMerged, FactVoided)
"""What can concern whoever ever employed the people of the partner that it names."""
_REVOKED: Final = topics(RevocationOrdered)
"""What a person's own answer gives as its reason; that the grants ended with it, they say themselves."""
_MERGED: Final = topics(PartnersMerged)
_DECLARED: Final = topics(PortalChangeDeclared, FactVoided)

PORTAL_CHANGES: Final = f"""
    SELECT NULL::text COLLATE "C" AS asked_id, e.notification_id, e.append_position, e.topic, e.state
    FROM certification.stored_events e
    WHERE e.originator_id >= 'portal_change-' AND e.originator_id < 'portal_change.'
        AND e.topic IN ({_DECLARED})
        AND e.notification_id <= (SELECT through.position FROM through)
"""
"""The declarations of portal changes and their voids: the streams of portal changes are neighbours."""

ROUTES: Final = f"""
    feeder (asked_id, partner_id) AS (
        SELECT a.partner_id, a.partner_id FROM asked a
        UNION
        SELECT f.asked_id, m.partner_id
        FROM feeder f JOIN certification.stored_events m ON m.into_partner_id = f.partner_id
    ),
    person AS MATERIALIZED (
        SELECT DISTINCT f.asked_id, l.consultant_id
        FROM feeder f JOIN certification.stored_events l ON l.partner_id = f.partner_id
        WHERE l.topic = {LINKED} AND l.notification_id <= (SELECT through.position FROM through)
    ),
    employer (asked_id, partner_id) AS (
        (SELECT a.partner_id, a.partner_id FROM asked a
         UNION
         SELECT p.asked_id, l.partner_id
         FROM person p JOIN certification.stored_events l ON l.consultant_id = p.consultant_id
         WHERE l.topic = {LINKED})
        UNION
        SELECT e.asked_id, m.into_partner_id
        FROM employer e JOIN certification.stored_events m ON m.partner_id = e.partner_id
        WHERE m.consultant_id IS NULL AND m.into_partner_id IS NOT NULL
    ),
    routed AS (
        SELECT a.partner_id AS asked_id, e.notification_id, e.append_position, e.topic, e.state
        FROM asked a JOIN certification.stored_events e ON e.partner_id = a.partner_id
        WHERE e.notification_id <= (SELECT through.position FROM through)
        UNION ALL
        SELECT a.partner_id, e.notification_id, e.append_position, e.topic, e.state
        FROM asked a JOIN certification.stored_events e ON e.into_partner_id = a.partner_id
        WHERE e.partner_id <> a.partner_id AND e.notification_id <= (SELECT through.position FROM through)
        UNION ALL
        SELECT p.asked_id, e.notification_id, e.append_position, e.topic, e.state
        FROM person p JOIN certification.stored_events e ON e.consultant_id = p.consultant_id
        WHERE e.topic IN ({OF_PERSONS}) AND e.partner_id IS DISTINCT FROM p.asked_id
            AND e.notification_id <= (SELECT through.position FROM through)
        UNION ALL
        SELECT o.asked_id, e.notification_id, e.append_position, e.topic, e.state
        FROM employer o JOIN certification.stored_events e ON e.partner_id = o.partner_id
        WHERE o.partner_id <> o.asked_id AND e.into_partner_id IS DISTINCT FROM o.asked_id
            AND e.consultant_id IS NULL AND e.topic IN ({ENDING})
            AND e.notification_id <= (SELECT through.position FROM through)
        UNION ALL
        {PORTAL_CHANGES}
    )
"""
"""Common table expressions behind `asked (partner_id)` and `through (position)`: the rows routed to each asked partner.

Each row comes once per partner. Portal changes concern everybody: they come once, with `asked_id` null.
"""

ROUTED: Final = f"""
    WITH RECURSIVE asked AS (SELECT unnest($1::text[]) COLLATE "C" AS partner_id),
    through AS (SELECT $2::bigint AS position),
    {ROUTES}
    SELECT r.asked_id, r.notification_id, r.append_position, r.topic, r.state
    FROM routed r ORDER BY r.asked_id NULLS FIRST, r.notification_id
"""

PERSON_ROUTES: Final = f"""
    employer (partner_id) AS (
        SELECT l.partner_id
        FROM asked a JOIN certification.stored_events l ON l.consultant_id = a.consultant_id
        WHERE l.topic = {LINKED}
        UNION
        SELECT m.into_partner_id
        FROM employer e JOIN certification.stored_events m ON m.partner_id = e.partner_id
        WHERE m.consultant_id IS NULL AND m.into_partner_id IS NOT NULL
    ),
    routed AS (
        SELECT a.consultant_id AS asked_id, e.notification_id, e.append_position, e.topic, e.state
        FROM asked a JOIN certification.stored_events e ON e.consultant_id = a.consultant_id
        WHERE e.topic IN ({OF_PERSONS}, {_REVOKED}) AND e.notification_id <= (SELECT through.position FROM through)
        UNION ALL
        SELECT a.consultant_id, e.notification_id, e.append_position, e.topic, e.state
        FROM asked a, employer o JOIN certification.stored_events e ON e.partner_id = o.partner_id
        WHERE e.consultant_id IS NULL AND e.notification_id <= (SELECT through.position FROM through)
        UNION ALL
        {PORTAL_CHANGES}
    )
"""
"""The same behind `asked (consultant_id)`: the rows routed to a person, for its own answers.

They are its links, departures, grants, revocations and maintenance completions, and everything about the partners
where it was ever linked or taken to.
"""

_DECLARATION: Final = f"""
    SELECT e.topic, e.state, e.notification_id, e.append_position
    FROM certification.stored_events e
    WHERE e.originator_id = 'portal_change-' || $1 AND e.topic IN ({_DECLARED})
        AND e.notification_id <= $2
    ORDER BY e.notification_id
"""

_NAMED: Final = f"""
    SELECT e.topic, e.state, e.notification_id, e.append_position
    FROM certification.stored_events e
    WHERE certification.portal_change_named(e.state) = $1
        AND e.topic IN ({topics(CourseCompleted, ExamRegistered)}) AND e.notification_id <= $2
    ORDER BY e.notification_id LIMIT 1
"""
"""A training or an assessment can be recorded before the portal change that it is for."""

_ABOUT_PARTNERS: Final = """
    SELECT e.topic, e.state, e.notification_id, e.append_position, e.partner_id
    FROM certification.stored_events e
    WHERE (e.partner_id, e.notification_id) > ($1, $2) AND e.consultant_id IS NULL AND e.notification_id <= $3
    ORDER BY e.partner_id, e.notification_id LIMIT $4
"""
_PAGE: Final = 1_000

_CONTRADICTORY_ENDINGS: Final = f"""
    SELECT e.topic, e.state, e.notification_id, e.append_position
    FROM certification.stored_events e
    WHERE e.partner_id IN (
        SELECT m.partner_id
        FROM certification.stored_events m JOIN certification.stored_events o ON o.effective_at = m.effective_at
        WHERE m.topic = {_MERGED} AND o.topic = {_MERGED} AND o.partner_id <> m.partner_id
            AND m.notification_id <= $1 AND o.notification_id <= $1
    ) AND e.consultant_id IS NULL AND e.topic IN ({ENDING}) AND e.notification_id <= $1
    ORDER BY e.notification_id
"""

_MENTIONED: Final = """
    WITH RECURSIVE named (partner_id) AS (
        (SELECT partner_id FROM certification.stored_events WHERE partner_id > $1 ORDER BY partner_id LIMIT 1)
        UNION ALL
        SELECT (SELECT e.partner_id FROM certification.stored_events e WHERE e.partner_id > n.partner_id
                ORDER BY e.partner_id LIMIT 1)
        FROM named n WHERE n.partner_id IS NOT NULL
    ), survivor (partner_id) AS (
        (SELECT into_partner_id FROM certification.stored_events WHERE into_partner_id > $1
         ORDER BY into_partner_id LIMIT 1)
        UNION ALL
        SELECT (SELECT e.into_partner_id FROM certification.stored_events e WHERE e.into_partner_id > s.partner_id
                ORDER BY e.into_partner_id LIMIT 1)
        FROM survivor s WHERE s.partner_id IS NOT NULL
    )
    SELECT partner_id FROM (
        (SELECT partner_id FROM named WHERE partner_id IS NOT NULL LIMIT $2)
        UNION
        (SELECT partner_id FROM survivor WHERE partner_id IS NOT NULL LIMIT $2)
    ) mentioned ORDER BY partner_id LIMIT $2
"""


async def declaration(connection: Connection, portal_change_id: str, through: int) -> list[Fact]:
    """The declarations of a portal change, each after the void of the last (R33); without any, a fact that names it."""
    rows = await connection.fetch(_DECLARATION, portal_change_id, through)
    rows = rows or await connection.fetch(_NAMED, portal_change_id, through)
    return [decode(*row) for row in rows]


async def contradictory_endings(connection: Connection, through: int) -> list[Fact]:
    """Closures and mergers, with their voids, of partners that share the instant of a merger with another one.

    Mergers of one instant can go round in a circle; whether a partner was merged away then is not for its own
    facts alone to say (R35).
    """
    return [decode(*row) for row in await connection.fetch(_CONTRADICTORY_ENDINGS, through)]


async def facts_about_partners(connection: Connection, through: int) -> AsyncIterator[list[Fact]]:
    """The facts about partners as such, their people aside: a list for each partner, in order of their ids."""
    partner_id, position = "", 0
    facts: list[Fact] = []
    page: Sequence[asyncpg.Record] | None = None
    while page is None or len(page) == _PAGE:
        page = await connection.fetch(_ABOUT_PARTNERS, partner_id, position, through, _PAGE)
        for row in page:
            if facts and row["partner_id"] != partner_id:
                yield facts
                facts = []
            facts.append(decode(row["topic"], row["state"], row["notification_id"], row["append_position"]))
            partner_id, position = row["partner_id"], row["notification_id"]
    if facts:
        yield facts


class LoggedFact(NamedTuple):
    """A fact with the columns by which it is routed.

    Of a void they are those of the fact that it voids. `broadcast`: it is about a portal change.
    """

    fact: Fact
    partner_id: str | None
    into_partner_id: str | None
    consultant_id: str | None
    broadcast: bool


_LOGGED: Final = """
    SELECT e.topic, e.state, e.notification_id, e.append_position, e.partner_id, e.into_partner_id, e.consultant_id,
        e.originator_id >= 'portal_change-' AND e.originator_id < 'portal_change.'
    FROM certification.stored_events e
"""
_NEWER: Final = f"""
    {_LOGGED} WHERE e.notification_id > $1 AND e.notification_id <= $2
        AND (e.topic IN ({OF_PERSONS}) OR (e.consultant_id IS NULL AND (
            e.partner_id IS NOT NULL OR (e.originator_id >= 'portal_change-' AND e.originator_id < 'portal_change.'))))
    ORDER BY e.notification_id
"""
_ABOUT_PEOPLE: Final = f"""
    {_LOGGED} WHERE e.consultant_id = ANY($1::text[]) AND e.topic IN ({OF_PERSONS}) AND e.notification_id <= $2
    ORDER BY e.notification_id
"""
_ENDINGS: Final = f"""
    {_LOGGED} WHERE e.partner_id = ANY($1::text[]) AND e.consultant_id IS NULL AND e.topic IN ({ENDING})
        AND e.notification_id <= $2
    ORDER BY e.notification_id
"""
_LINKED_TO: Final = f"""
    SELECT DISTINCT l.consultant_id FROM certification.stored_events l
    WHERE l.partner_id = ANY($1::text[]) AND l.topic = {LINKED} AND l.notification_id <= $2
"""
_SURVIVORS: Final = """
    SELECT DISTINCT m.into_partner_id FROM certification.stored_events m WHERE m.into_partner_id = ANY($1::text[])
"""


async def newer_facts(connection: Connection, after: int, through: int) -> list[LoggedFact]:
    """The facts after one position up to another that can matter to a partner, in log order.

    What is about nobody is passed by unread, whatever it is: applications of the library write events of their own.
    """
    return _logged(await connection.fetch(_NEWER, after, through))


async def facts_about_people(connection: Connection, people: Sequence[str], through: int) -> list[LoggedFact]:
    """What matters to compliance about these people, up to the position, in log order."""
    return _logged(await connection.fetch(_ABOUT_PEOPLE, people, through))


async def endings_of(connection: Connection, partner_ids: Sequence[str], through: int) -> list[LoggedFact]:
    """The closures and mergers of these partners, with their voids, up to the position, in log order."""
    return _logged(await connection.fetch(_ENDINGS, partner_ids, through))


async def people_linked_to(connection: Connection, partner_ids: Sequence[str], through: int) -> list[str]:
    """The people who were linked to any of these partners by the position."""
    return [row["consultant_id"] for row in await connection.fetch(_LINKED_TO, partner_ids, through)]


async def survivors(connection: Connection, partner_ids: Sequence[str]) -> list[str]:
    """Those of these partners into which any other was ever merged."""
    return [row["into_partner_id"] for row in await connection.fetch(_SURVIVORS, partner_ids)]


def _logged(rows: Iterable[asyncpg.Record]) -> list[LoggedFact]:
    return [LoggedFact(decode(*row[:4]), *row[4:]) for row in rows]


async def mentioned_partners(connection: Connection, after: str, partners_max: int) -> list[str]:
    """The first partners after `after` that any fact names, in order."""
    return [row["partner_id"] for row in await connection.fetch(_MENTIONED, after, partners_max)]


async def routed(connection: Connection, partner_ids: Sequence[str], through: int) -> dict[str, list[Fact]]:
    """For each partner the facts routed to it, up to the position `through`, in log order."""
    return routed_facts(partner_ids, await connection.fetch(ROUTED, partner_ids, through))


def routed_facts(partner_ids: Iterable[str], rows: Iterable[asyncpg.Record | tuple[Any, ...]]) -> dict[str, list[Fact]]:
    """Rows of `ROUTES`, ordered by partner (null first) and position, as facts of each partner, who share them."""
    broadcast: list[Fact] = []
    own: dict[str, list[Fact]] = {partner_id: [] for partner_id in partner_ids}
    decoded: dict[int, Fact] = {}
    for asked_id, position, append_position, topic, state in rows:
        fact = decoded.get(position)
        if fact is None:
            fact = decoded[position] = decode(topic, state, position, append_position)
        (broadcast if asked_id is None else own[asked_id]).append(fact)
    if broadcast:
        for facts in own.values():
            facts += broadcast
            facts.sort(key=_by_position)
    return own


def _by_position(fact: Fact) -> int:
    return fact.position
