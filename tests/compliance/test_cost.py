"""A page of a list, a search by name or id, and a preview read no more of a database ten times as large."""

from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime
from typing import Any, Final, NamedTuple, cast

import asyncpg
import msgspec
import psycopg
import pytest

from services.certification.event_store.database import Database as Log
from services.certification.event_store.fact_search import FactSearch, search
from services.certification.event_store.registrations import FACTS_MAX, REGISTRATIONS_OF
from services.compliance.database import OwnConnection, connect
from services.compliance.historical_answers.previews import preview
from services.compliance.historical_answers.questions import BEFORE_ALL, HypotheticalFact, Preview
from services.compliance.read_model.event_log import (
    count_recorded_events,
    read_events_of_fact,
    read_newest_events,
    read_recorded_events,
)
from services.compliance.read_model.list_queries import present_partners, present_suspensions, present_windows
from services.compliance.read_model.people_queries import DutyPlace, present_duties, present_people
from services.compliance.read_model.routing import mentioned_partners, mentioned_people, people_routed, routed
from shared.events.envelope import Fact
from shared.events.facts import (
    TOPIC_OF,
    ConsultantCertified,
    ConsultantLeft,
    ConsultantLinked,
    FactData,
    FactVoided,
    PartnerClosed,
    PartnerEnrolled,
    PartnersMerged,
    Period,
)
from shared.events.wire import encode
from tests.compliance.log import OURS, set_clock, settings_for
from tests.databases import Database

NOW: Final = datetime(2022, 3, 25, 9, tzinfo=UTC)
BEGIN: Final = datetime(2022, 1, 4, 9, tzinfo=UTC)
END: Final = datetime(2022, 5, 1, tzinfo=UTC)
"""When every window is over."""
SUSPENDED_SINCE: Final = datetime(2022, 1, 1, tzinfo=UTC)
BEGUN: Final = datetime(2022, 6, 15, tzinfo=UTC)
"""When what lay ahead has begun, but for the timers that say so."""
REWRITTEN: Final = {
    "standing": "SET since = valid_from",
    "replacement_window": "SET policy_id = 'P'",
    "consultant_certification": "SET certified = certified || '2022-12-01'::timestamptz WHERE certified <> '{}'",
    "maintenance_duty": "SET owed = '{2022-01-02}'",
}
"""As a portal change does: every row is there twice, the old one dead."""
FEW, MANY = 1_000, 10_000
"""Partners, each with one person."""
LIMIT: Final = 50
PARTNER, PERSON, OTHER_PARTNER, OTHER_PERSON = "P0000500", "C0000500", "P0000600", "C0000600"
"""In the middle of both."""
RARE: Final = 900
"""The names of this partner and person hold what no other does; they stand far behind the first page."""
FIRST_PAGE: Final = ("", "")

Question = Callable[[OwnConnection], Awaitable[Any]]

EVENT_TYPES: Final = ("com.sage.partnercloud.minimum-reached.v1", "com.sage.partnercloud.selling-suspended.v1")

READ_MODEL: Final = """
    WITH one AS (SELECT n, 'P' || lpad(n::text, 7, '0') AS partner, 'C' || lpad(n::text, 7, '0') AS person
        FROM generate_series({first}, {last}) n),
    product AS (SELECT unnest(ARRAY['S200P', 'S200S']) AS product),
    times AS (SELECT ARRAY['2022-01-01'::timestamptz] AS times),
    standings AS (
        INSERT INTO compliance.standing (
            partner_id, product, valid_from, valid_to, status, since, headcount, body, reason_rule,
            reason_text, ahead)
        SELECT partner, product, s.valid_from::timestamptz, s.valid_to::timestamptz,
            CASE WHEN n % 10 = 0 AND NOT ahead THEN 'suspended' ELSE s.status END, s.valid_from::timestamptz, 1,
            '{{}}', '', '', s.ahead
        FROM one, product, (VALUES ('2022-01-01', '2022-06-01', 'compliant', false),
            ('2022-06-01', '2022-07-01', 'in_window', true),
            ('2022-07-01', NULL, 'suspended', true)) s (valid_from, valid_to, status, ahead)),
    windows AS (
        INSERT INTO compliance.replacement_window (
            partner_id, product, number, opened_at, deadline_on, deadline_at, closed_at, closed_outcome, policy_id,
            ahead)
        SELECT partner, 'S200P', w.number, w.opened_at::timestamptz, w.deadline_at::date,
            w.deadline_at::timestamptz + n * interval '1 ms', w.closed_at::timestamptz,
            CASE WHEN w.closed_at IS NOT NULL THEN 'closed' END, '', w.ahead
        FROM one, (VALUES (1, '2022-01-01', '2022-02-01T00:00:00Z', '2022-01-15', false),
            (2, '2022-03-01', '2022-03-31T23:00:00Z', NULL, false),
            (3, '2022-06-01', '2022-06-30T23:00:00Z', NULL, true)
        ) w (number, opened_at, deadline_at, closed_at, ahead)),
    links AS (INSERT INTO compliance.consultant_link SELECT partner, person, times, times FROM one, times),
    certifications AS (
        INSERT INTO compliance.consultant_certification
        SELECT person, product, partner, CASE n % 3 WHEN 0 THEN '{{}}' ELSE times END FROM one, product, times),
    mentioned AS (INSERT INTO compliance.mentioned_partner SELECT partner FROM one),
    people AS (INSERT INTO compliance.mentioned_consultant SELECT person FROM one),
    partner_names AS (
        INSERT INTO certification.partner_profile (partner_id, name)
        SELECT partner, CASE n WHEN {rare} THEN 'Žq Õil' ELSE 'Firm ' || n || ' Ltd' END FROM one),
    names AS (
        INSERT INTO certification.profile (consultant_id, name, email)
        SELECT person, CASE n WHEN {rare} THEN 'Ÿx Œuvre' ELSE 'Ann ' || n || ' Lee' END, '' FROM one),
    duties AS (
        INSERT INTO compliance.maintenance_duty
        SELECT person, product, change, partner, due_on::date, times, NULL
        FROM one, times, product, (VALUES ('CH', '2022-03-01'), ('LATER', '2022-06-01')) announced (change, due_on)),
    events AS (
        INSERT INTO compliance.compliance_event (
            position, event_id, type, partner_id, products, effective_at, recorded_at, fact_position, about, data)
        SELECT n, 'e' || n, 'com.sage.partnercloud.minimum-reached.v1', partner, ARRAY['S200P'], at, at, n * 3, '',
            '{{}}'
        FROM one, LATERAL (SELECT '2022-01-01'::timestamptz + n * interval '1 min' AS at) recorded)
    UPDATE compliance.progress SET event_position = {last}, position = {last} * 3
"""

FACTS: Final[tuple[FactData, ...]] = (
    PartnerEnrolled("@P@", "VAR", "PARTNER_SUCCESS"),
    ConsultantLinked("@P@", "@C@"),
    ConsultantCertified("@C@", "S200P", "g-@C@", BEGIN, (Period(BEGIN),)),
)
"""Of each partner; '@' stands for its number."""

LOG: Final = """
    INSERT INTO certification.stored_events (
        originator_id, originator_version, topic, state, notification_id, append_position, fact_id, recorded_at,
        effective_at, partner_id, consultant_id)
    SELECT %(stream)s || CASE %(of_person)s WHEN true THEN person ELSE partner END, %(version)s, %(topic)s,
        convert_to(replace(replace(replace(%(state)s, '@P@', partner), '@C@', person), '@F@', fact_id), 'UTF8'),
        position, position, fact_id, %(at)s, %(at)s,
        CASE WHEN %(topic)s LIKE '%%certified%%' THEN NULL ELSE partner END,
        CASE WHEN %(topic)s LIKE '%%enrolled%%' THEN NULL ELSE person END
    FROM generate_series(%(first)s::bigint, %(last)s::bigint) n,
        LATERAL (SELECT 'P' || lpad(n::text, 7, '0') AS partner, 'C' || lpad(n::text, 7, '0') AS person,
            3 * (n - 1) + %(place)s AS position) one,
        LATERAL (SELECT 'f' || position AS fact_id) named
"""


def fill(database: Database, first: int, last: int, *, analysed: bool) -> None:
    """Partners of these numbers, in the log and in the read model.

    PostgreSQL counts nothing of it: what is written counts as no read, and autovacuum finds nothing to read or analyse.
    """
    with psycopg.connect(database.superuser_url, autocommit=True, options="-c track_counts=off") as owner:
        owner.execute(READ_MODEL.format(first=first, last=last, rare=RARE).encode())
        for place, data in enumerate(FACTS, start=1):
            topic, state = encode(Fact("@F@", BEGIN, BEGIN, data))
            of_person = isinstance(data, ConsultantCertified)
            version = 2 if isinstance(data, ConsultantLinked) else 1
            assert data.stream is not None
            told = {"stream": data.stream.prefix, "of_person": of_person, "version": version, "topic": topic}
            numbers = {"state": state.decode(), "at": BEGIN, "first": first, "last": last, "place": place}
            owner.execute(LOG, {**told, **numbers})
        for table, change in REWRITTEN.items():
            owner.execute(f"UPDATE compliance.{table} {change}".encode())
        if analysed:
            owner.execute("ANALYZE")


_BLOCKS: Final = """
    SELECT sum(coalesce(heap_blks_hit, 0) + coalesce(heap_blks_read, 0) + coalesce(idx_blks_hit, 0)
        + coalesce(idx_blks_read, 0))::bigint FROM pg_catalog.pg_statio_user_tables
"""


async def blocks(connection: OwnConnection) -> int:
    """How many blocks of tables and their indexes were read so far."""
    await connection.execute("SELECT pg_catalog.pg_stat_force_next_flush()")
    read: int = await connection.fetchval(_BLOCKS)
    return read


class Searched(NamedTuple):
    """The connection as that of the log of certification, whose sessions are set up alike."""

    select: Callable[..., Awaitable[list[asyncpg.Record]]]


def supposed(number: int, data: FactData) -> HypotheticalFact:
    content = msgspec.json.encode(data)
    return HypotheticalFact(f"supposed-{number}", TOPIC_OF[type(data)], None, None, content)


def partners(at: datetime = NOW, **more: Any) -> Question:
    given = {"statuses": (), "product": None, "q": None, **more}
    after = (PARTNER, "S200P") if given["q"] is None else FIRST_PAGE

    async def ask(connection: OwnConnection) -> Any:
        return (await present_partners(connection, at, after, LIMIT, **given))[1]

    return ask


def windows(at: datetime = NOW, **more: Any) -> Question:
    given = {"outcome": None, "product": None, "due_before": None, **more}
    return lambda connection: present_windows(connection, at, BEFORE_ALL, LIMIT, **given)


def people(**more: Any) -> Question:
    given = {"partner_id": None, "product": None, "certified": None, "q": None, **more}
    after = (PERSON, "S200P") if given["q"] is None else FIRST_PAGE

    async def ask(connection: OwnConnection) -> Any:
        return (await present_people(connection, NOW, after, LIMIT, **given)).rows

    return ask


def duties(**more: Any) -> Question:
    after = DutyPlace(date(2022, 3, 1), "CH", PERSON, "S200P")
    given = {"partner_id": None, "portal_change_id": None, "product": None, "due_before": None, **more}

    async def ask(connection: OwnConnection) -> Any:
        _, found = await present_duties(connection, NOW, after, LIMIT, **given)
        return found

    return ask


def facts(**which: Any) -> Question:
    return lambda connection: search(cast(Log, Searched(connection.fetch)), FactSearch(**which), LIMIT)


def previewed(*data: FactData) -> Question:
    asked = Preview(facts=tuple(supposed(number, one) for number, one in enumerate(data)), after="", limit=LIMIT)
    return lambda connection: preview(connection, asked, OURS)


QUESTIONS: Final[dict[str, Question]] = {
    "partners": partners(),
    "partners of a product": partners(product="S200P"),
    "partners of a status": partners(statuses=("suspended",)),
    "partners of statuses": partners(statuses=("suspended", "compliant"), product="S200P"),
    "partners of a status that lies ahead": partners(statuses=("in_window", "void")),
    "partners of a status that has begun since": partners(BEGUN, statuses=("in_window",)),
    "partners by what one id holds": partners(q="p0000900"),
    "partners by what all ids hold": partners(q="p00"),
    "partners by what one name holds": partners(q="žq õ"),
    "partners by two letters that one name holds": partners(q="ZQ"),
    "partners by what nobody holds": partners(q="nobody"),
    "partners of a status by a letter": partners(q="f", statuses=("suspended",), product="S200P"),
    "suspensions": lambda c: present_suspensions(c, NOW, None, LIMIT, product=None),
    "suspensions that began together": lambda c: present_suspensions(
        c, NOW, (SUSPENDED_SINCE, PARTNER, "S200P"), LIMIT, product="S200P"
    ),
    "windows": windows(),
    "open windows": windows(outcome="open", product="S200P"),
    "open windows where all have ended": windows(END, outcome="open"),
    "windows of a product": windows(product="S200P", due_before=END),
    "windows that are closed": windows(outcome="closed"),
    "windows that expired": windows(END, outcome="expired"),
    "windows that never were": windows(outcome="void"),
    "windows that have opened since": windows(BEGUN, outcome="open"),
    "people": people(),
    "people of a product": people(product="S200S"),
    "people who are certified": people(certified=True, product="S200P"),
    "people who are not certified": people(certified=False),
    "people of a partner": people(partner_id=OTHER_PARTNER),
    "people by what one id holds": people(q="c0000900"),
    "people by what all ids hold": people(q="c00"),
    "people by what one name holds": people(q="ÿx œ"),
    "people by two letters that one name holds": people(q="YX"),
    "people by what nobody holds": people(q="nobody"),
    "certified people by a letter": people(q="a", certified=True, product="S200P"),
    "people of a partner by a letter": people(q="a", partner_id=OTHER_PARTNER),
    "maintenance": duties(),
    "maintenance before a day": duties(due_before=date(2022, 4, 1)),
    "maintenance of a product": duties(product="S200S"),
    "maintenance of a change": duties(portal_change_id="CH"),
    "maintenance of a later change": duties(portal_change_id="LATER"),
    "maintenance of no change": duties(portal_change_id="NONE"),
    "maintenance of a partner": duties(partner_id=OTHER_PARTNER),
    "facts": facts(),
    "facts about a person": facts(consultant_id=PERSON),
    "facts about a partner": facts(partner_id=PARTNER),
    "facts of a conversation": facts(correlation_id="f1500"),
    "facts about whatever an id names": facts(about=PERSON),
    "registrations of a person": lambda c: c.fetch(REGISTRATIONS_OF, PERSON, None, LIMIT, NOW, FACTS_MAX),
    "facts that follow": facts(causation_id="f1500"),
    "revisions": facts(topics=("com.sage.partnercloud.policy-revised.v1",)),
    "recorded events": lambda c: read_recorded_events(c, None, None, None, None, LIMIT),
    "recorded events since": lambda c: read_recorded_events(c, BEGIN, FEW // 2, None, None, LIMIT),
    "recorded events of a partner": lambda c: read_recorded_events(c, None, None, None, [PARTNER], LIMIT),
    "recorded events counted": lambda c: count_recorded_events(c, (None, BEGIN), EVENT_TYPES, LIMIT),
    "newest events": lambda c: read_newest_events(c, BEGIN, EVENT_TYPES, LIMIT),
    "events of a fact": lambda c: read_events_of_fact(c, "f1500", 0, LIMIT),
    "routed to partners": lambda c: routed(c, [PARTNER, OTHER_PARTNER], 3 * FEW),
    "routed to people": lambda c: people_routed(c, [PERSON, OTHER_PERSON], 3 * FEW),
    "mentioned partners": lambda c: mentioned_partners(c, PARTNER, LIMIT),
    "mentioned people": lambda c: mentioned_people(c, PERSON, 3 * FEW, LIMIT),
    "preview of a departure": previewed(ConsultantLeft(PARTNER, PERSON)),
    "preview of a closure": previewed(PartnerClosed(PARTNER)),
    "preview of a merger": previewed(PartnersMerged(PARTNER, OTHER_PARTNER)),
    "preview of a void": previewed(FactVoided("f1499")),
    "preview of several": previewed(ConsultantLinked(PARTNER, OTHER_PERSON), ConsultantLeft(OTHER_PARTNER, PERSON)),
}


@pytest.mark.parametrize("analysed", [True, False])
async def test_a_question_reads_no_more_of_a_tenfold_database(sandbox_database: Database, analysed: bool) -> None:
    """Whether or not PostgreSQL knows how the tables look."""
    set_clock(sandbox_database, NOW)
    read: list[dict[str, int]] = []
    for first, last in ((1, FEW), (FEW + 1, MANY)):
        fill(sandbox_database, first, last, analysed=analysed)
        connection = await connect(settings_for(sandbox_database))
        try:
            read.append({})
            for name, ask in QUESTIONS.items():
                before = await blocks(connection)
                rows = await ask(connection)
                read[-1][name] = await blocks(connection) - before
                if " one " in name:
                    assert [row[0][1:] for row in rows] == [f"{RARE:07}"] * 2, name
        finally:
            await connection.close()
    few, many = read
    assert all(many.values())
    assert {name: (few[name], many[name]) for name in QUESTIONS if many[name] > 2 * few[name] + 30} == {}
