"""Routing: which facts concern a partner, and which partners a fact concerns.

Every query walks indexes: its cost depends on the partners and people in question, not on the length of the log. It
may return too much, since the policy ignores facts that do not concern a partner. It never returns too little, because
routes only grow: a void removes no link and no merger from them.

Routed to a partner P are
- the facts that name P,
- the links, departures, grants and maintenance completions (and their voids) of every person ever linked to P, or to a
  partner from which mergers lead to P,
- the closures and mergers of every partner that these people were ever linked to or moved to, and of every partner that
  mergers of P lead to (they can contradict each other),
- every portal change, with its corrections, and every revision of the policy.
"""

from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Final, NamedTuple

import asyncpg

from services.compliance.database import Connection
from services.web.statements import statements
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
    PolicyRevised,
    PortalChangeCorrected,
    PortalChangeDeclared,
    RevocationOrdered,
)
from shared.events.wire import decode


def topics(*facts: type[FactData]) -> str:
    """The topics of these facts, as SQL lists them."""
    return ", ".join(f"'{TOPIC_OF[fact]}'" for fact in facts)


REVISED: Final = topics(PolicyRevised, FactVoided)
LINKED: Final = topics(ConsultantLinked)
# Compliance needs no course or score of a person.
OF_PEOPLE: Final = topics(
    CertificationRevoked, ConsultantCertified, ConsultantLeft, ConsultantLinked, FactVoided, MaintenanceCompleted
)


_NOBODY: Final = "ARRAY[]::text[]"


def routing_statements(
    log: str, *, of_all: bool = False, apart: str = _NOBODY, known_shared: str = _NOBODY, shared_min: str = "NULL"
) -> dict[str, str]:
    """The statements of `routing.sql` over the fact log, or over a relation with its columns.

    `of_all`: for all partners at once, which reads the log a few times and not once for each. `apart`: the people whose
    links are followed once for all their partners. `known_shared`, `shared_min`: likewise, where a group finds them.
    """
    return statements(
        __file__,
        log=log,
        by_id="" if of_all else "OFFSET 0",
        read_once="NOT MATERIALIZED" if of_all else "MATERIALIZED",
        apart=apart,
        any_apart="false" if apart == _NOBODY else "true",
        known_shared=known_shared,
        shared_min=shared_min,
        linked=LINKED,
        of_people=OF_PEOPLE,
        # They concern every partner that ever employed the people of the partner that ends.
        ending=topics(PartnerClosed, PartnersMerged, FactVoided),
        # The reason in an answer about a person; the grants that it ended are facts of their own.
        revoked=topics(RevocationOrdered),
        merged=topics(PartnersMerged),
        declared=topics(PortalChangeDeclared, PortalChangeCorrected, FactVoided),
        revised=REVISED,
        naming=topics(CourseCompleted, ExamRegistered),
    )


_LOG: Final = "certification.stored_events"
_SQL: Final = routing_statements(_LOG)
ROUTES_OF_ALL_PARTNERS: Final = routing_statements(_LOG, of_all=True)["partner_routes"]
PARTNER_ROUTES: Final = _SQL["partner_routes"]
PERSON_ROUTES: Final = _SQL["person_routes"]
GROUP_ROUTES: Final = routing_statements(_LOG, known_shared="$4::text[]", shared_min="$5::int")["group_routes"]
_ROUTED: Final = routing_statements(_LOG, apart="$3::text[]")["routed"]
LOGGED_COLUMNS: Final = _SQL["logged_columns"]
MATTERS: Final = _SQL["matters"]
POLICY_KNOWN: Final = _SQL["policy_known"]
_PAGE: Final = 1_000


async def log_head(connection: Connection) -> tuple[int, None]:
    """The last position of the fact log: a fact is known as soon as it is recorded."""
    head = await connection.fetchval("SELECT max(notification_id) FROM certification.stored_events")
    return head or 0, None


async def declaration(connection: Connection, portal_change_id: str, through: int) -> list[Fact]:
    """The declarations and corrections of a portal change, with their voids (R33, R38); without any, what names it."""
    rows = await connection.fetch(_SQL["declaration"], portal_change_id, through)
    rows = rows or await connection.fetch(_SQL["named"], portal_change_id, through)
    return [decode(*row) for row in rows]


async def policy_facts(connection: Connection, fact_id: str) -> list[Fact]:
    """The revisions of the policy and their voids up to this fact, in log order."""
    return _broadcast(await connection.fetch(_SQL["policy_facts"], fact_id))


async def revisions(connection: Connection, through: int) -> list[Fact]:
    """The same up to a position."""
    return _broadcast(await connection.fetch(_SQL["revisions"], through))


async def declarations(connection: Connection, through: int) -> list[Fact]:
    """The declarations and corrections of every portal change with their voids, up to a position, in log order."""
    return _broadcast(await connection.fetch(_SQL["declarations"], through))


def _broadcast(rows: Iterable[asyncpg.Record]) -> list[Fact]:
    return [decode(row["topic"], row["state"], row["notification_id"], row["append_position"]) for row in rows]


async def contradictory_endings(connection: Connection, through: int) -> list[Fact]:
    """Closures and mergers, with their voids, of partners that share the instant of a merger with another one.

    Mergers of one instant can form a circle; whether one of its partners was merged away depends on all of them (R35).
    """
    return [decode(*row) for row in await connection.fetch(_SQL["contradictory_endings"], through)]


async def facts_about_partners(connection: Connection, through: int) -> AsyncIterator[list[Fact]]:
    """The facts about partners as such, their people aside: a list for each partner, in order of their ids."""
    partner_id, position = "", 0
    facts: list[Fact] = []
    page: Sequence[asyncpg.Record] | None = None
    while page is None or len(page) == _PAGE:
        page = await connection.fetch(_SQL["about_partners"], partner_id, position, through, _PAGE)
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

    Of a void they are those of the fact that it voids. `broadcast`: it is about a portal change
    or the policy.
    """

    fact: Fact
    partner_id: str | None
    into_partner_id: str | None
    consultant_id: str | None
    broadcast: bool


async def facts_about_people(connection: Connection, people: Sequence[str], through: int) -> list[LoggedFact]:
    """What matters to compliance about these people, up to the position, in log order."""
    return logged_facts(await connection.fetch(_SQL["about_people"], people, through))


async def endings_of(connection: Connection, partner_ids: Sequence[str], through: int) -> list[LoggedFact]:
    """The closures and mergers of these partners, with their voids, up to the position, in log order."""
    return logged_facts(await connection.fetch(_SQL["endings"], partner_ids, through))


async def people_linked_to(connection: Connection, partner_ids: Sequence[str], through: int) -> list[str]:
    """The people who were linked to any of these partners by the position."""
    return [row["consultant_id"] for row in await connection.fetch(_SQL["linked_to"], partner_ids, through)]


async def feeders(connection: Connection, partner_ids: Sequence[str]) -> list[str]:
    """These partners, and those from which mergers ever led to any of them."""
    return [row["partner_id"] for row in await connection.fetch(_SQL["feeders"], partner_ids)]


def logged_facts(rows: Iterable[asyncpg.Record]) -> list[LoggedFact]:
    """Facts of rows with the columns of `logged_columns`."""
    return [LoggedFact(decode(*row[:4]), *row[4:]) for row in rows]


async def mentioned_partners(connection: Connection, after: str, partners_max: int) -> list[str]:
    """The first partners after `after` that any fact names, in order."""
    return [row["partner_id"] for row in await connection.fetch(_SQL["mentioned"], after, partners_max)]


async def routed(
    connection: Connection, partner_ids: Sequence[str], through: int, apart: Sequence[str] = ()
) -> dict[str, list[Fact]]:
    """For each partner the facts routed to it, up to the position `through`, in log order.

    `apart`: people of whom only those come that name the partner, or one from which mergers lead to it.
    """
    return routed_facts(partner_ids, await connection.fetch(_ROUTED, partner_ids, through, apart))


def routed_facts(partner_ids: Iterable[str], rows: Iterable[asyncpg.Record]) -> dict[str, list[Fact]]:
    """Rows of `PARTNER_ROUTES`, ordered by partner (null first) and position, as the facts of each partner."""
    broadcast: list[Fact] = []
    own: dict[str, list[Fact]] = {partner_id: [] for partner_id in partner_ids}
    decoded: dict[int, Fact] = {}
    for row in rows:
        position = row["notification_id"]
        fact = decoded.get(position)
        if fact is None:
            fact = decoded[position] = decode(row["topic"], row["state"], position, row["append_position"])
        (broadcast if row["target_id"] is None else own[row["target_id"]]).append(fact)
    if broadcast:
        for facts in own.values():
            facts += broadcast
            facts.sort(key=_by_position)
    return own


async def people_routed(connection: Connection, consultant_ids: Sequence[str], through: int) -> dict[str, list[Fact]]:
    """For each of these people the facts that say when it is linked, certified and obliged, in log order.

    Up to the position `through`. Facts about partners are only those by which links end or move.
    """
    return routed_facts(consultant_ids, await connection.fetch(_SQL["people"], consultant_ids, through))


async def mentioned_people(connection: Connection, after: str, through: int, people_max: int) -> list[str]:
    """The first people after `after` whom a fact up to the position names, in order."""
    rows = await connection.fetch(_SQL["mentioned_people"], after, through, people_max)
    return [row["consultant_id"] for row in rows]


def _by_position(fact: Fact) -> int:
    return fact.position
