"""One more fact costs what it can change: of a tenfold history no more, or at most tenfold, and nowhere its square."""

import gc
import json
from collections.abc import AsyncIterator, Callable
from time import thread_time

import psycopg
import pytest

from services.certification.decision import RequestReceipt
from services.certification.domain.consultant import Consultant, evolve, follow
from services.certification.domain.exam_registration import progress
from services.certification.domain.fact_report import FactReport
from services.certification.event_store.database import Connection
from services.certification.event_store.database import Database as Log
from services.certification.event_store.decision_scope import Scope
from services.certification.event_store.store import LOAD, EventStore
from services.certification.event_store.stored_facts import Loaded
from services.certification.record_fact import record
from shared.events.envelope import Fact
from shared.events.facts import (
    AttemptScored,
    CertificationRecognised,
    CourseCompleted,
    ExamRegistered,
    FactData,
    FactVoided,
    Reported,
    RevocationOrdered,
    ScoreCorrected,
)
from tests.certification.seed import day
from tests.databases import Database

FEW, MANY = 12, 120
"""What a person did before, through the database."""

SMALL, GREAT = 400, 4000
"""What a person did before, where it is decided."""

TENFOLD = 30
"""Ten, and what a busy machine adds; a square would be a hundred."""

Kind = Callable[[int], list[FactData]]


def _corrections(number: int) -> list[FactData]:
    """Of two attempts, so that one passes where the other does not."""
    first: list[FactData] = [
        ExamRegistered("R", "C1", "S200P"),
        AttemptScored("R", 1, "90"),
        AttemptScored("R", 2, "91"),
    ]
    return [
        *(first if number == 0 else []),
        ScoreCorrected("R", 1, "60" if number % 2 else "90"),
        ScoreCorrected("R", 2, "61" if number % 2 else "91"),
    ]


KINDS: dict[str, Kind] = {
    "registrations": lambda n: [ExamRegistered(f"R{n}", "C1", "S200P")],
    "attempts": lambda n: [
        ExamRegistered(f"R{n}", "C1", "S200P"),
        AttemptScored(f"R{n}", 1, "70"),
        AttemptScored(f"R{n}", 2, "85"),
    ],
    "corrections": _corrections,
    "courses": lambda n: [CourseCompleted("C1", "S200P"), ExamRegistered(f"R{n}", "C1", "S200P")],
    "recognitions": lambda _: [CertificationRecognised("C1", "S200P")],
    "revocations": lambda _: [CertificationRecognised("C1", "S200P"), RevocationOrdered("C1", "S200P")],
    "maintenance": lambda n: [
        CourseCompleted("C1", "S200P", f"CH{n}"),
        ExamRegistered(f"M{n}", "C1", "S200P", f"CH{n}"),
        AttemptScored(f"M{n}", 1, "85"),
    ],
    "maintenance for one change": lambda n: [
        CourseCompleted("C1", "S200P", "CH"),
        ExamRegistered(f"M{n}", "C1", "S200P", "CH"),
        AttemptScored(f"M{n}", 1, "85"),
    ],
}


@pytest.fixture
async def store(database: Database) -> AsyncIterator[EventStore]:
    async with Log(database.certification_url, None, 2, 20.0) as log, EventStore(log) as opened:
        yield opened


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many facts each decision looked at."""
    found: list[int] = []
    original = EventStore.load

    async def counting(self: EventStore, actor: str, key: str, scope: Scope = Scope()) -> Loaded:  # noqa: B008 - frozen
        answer = await original(self, actor, key, scope)
        found.append(len(answer.facts))
        return answer

    monkeypatch.setattr(EventStore, "load", counting)
    return found


class TestLoaded:
    """However much a person did, a decision looks only at what the fact can change."""

    async def told(self, store: EventStore, tag: str, *reports: Reported) -> None:
        for number, data in enumerate(reports):
            report = FactReport(f"{tag}-{number}", data, None, "test")
            await record(store, ("S200P", "S200S"), report, RequestReceipt("test", report.fact_id, b""))

    async def looked_at(self, store: EventStore, loaded: list[int], tag: str) -> list[int]:
        """At how many facts one more of each kind looks."""
        loaded.clear()
        await self.told(
            store,
            tag,
            ExamRegistered(tag, "C1", "S200P"),
            AttemptScored(tag, 1, "70"),
            ScoreCorrected(tag, 1, "85"),
            AttemptScored(tag, 2, "85"),
            CertificationRecognised("C1", "S200P"),
            FactVoided(f"{tag}-4"),
            FactVoided(f"{tag}-3"),
            FactVoided(f"{tag}-2"),
            CourseCompleted("C1", "S200P"),
            CourseCompleted("C1", "S200S", tag),
            ExamRegistered(f"M{tag}", "C1", "S200S", tag),
            AttemptScored(f"M{tag}", 1, "85"),
        )
        return list(loaded)

    async def test_one_more_fact_looks_at_no_more_after_a_tenfold_history(
        self, store: EventStore, loaded: list[int]
    ) -> None:
        figures = []
        for count in (FEW, MANY):
            await self.told(store, f"course-{count}", CourseCompleted("C1", "S200P"))
            for turn in range(count):
                await self.told(
                    store,
                    f"{count}-{turn}",
                    ExamRegistered(f"R{count}-{turn}", "C1", "S200P"),
                    AttemptScored(f"R{count}-{turn}", 1, "85"),
                    CertificationRecognised("C1", "S200P"),
                    RevocationOrdered("C1", "S200P"),
                    CourseCompleted("C1", "S200P"),
                )
            figures.append(await self.looked_at(store, loaded, f"more-{count}"))
        assert figures[0] == figures[1]
        assert max(figures[1]) < 12


OTHERS: str = """
    INSERT INTO certification.stored_events (
        originator_id, originator_version, topic, state, notification_id, append_position, fact_id, recorded_at,
        effective_at, consultant_id)
    SELECT 'stream-' || n, 1, topic, convert_to(json_build_object('data', json_build_object(
            'consultant_id', person, 'product', 'S200P', 'grant_id', person))::text, 'UTF8'),
        n, n, 'other-' || n, '2026-01-01', '2026-01-01', person
    FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS n,
        LATERAL (SELECT 'X' || n %% %(people)s, 'com.sage.partnercloud.' || (ARRAY[
            'course-completed', 'exam-registered',
            'certification-recognised', 'revocation-ordered', 'consultant-certified'])[1 + n %% 5] || '.v1')
            AS fact (person, topic)
"""
"""Facts about so many other people."""


@pytest.mark.parametrize("people", [1, 100_000])
@pytest.mark.parametrize("analysed", [True, False])
async def test_a_decision_reads_no_more_of_a_tenfold_log(
    database: Database, owner: psycopg.Connection, analysed: bool, people: int
) -> None:
    """Blocks read for whatever a decision may look at, whether or not PostgreSQL knows how the log looks."""
    scopes = [
        Scope("C1", None, None, "S200P"),
        Scope("C1", "exam_registration-R1", None, "S200P"),
        Scope("C1", None, None, "S200P", "CH1", None, "course"),
        Scope("C1", None, None, "S200P", None, None, "course"),
        Scope("C1", None, None, "S200P", None, None, "whole"),
        Scope(originator_id="exam_registration-R1"),
        Scope(fact_id="other-7"),
    ]
    figures = []
    last = 0
    async with Log(database.certification_url, None, 1, 20.0) as log:
        connection = await log.connect()
        for facts in (1_000, 10_000):
            owner.execute(OTHERS, {"first": last + 1, "last": facts, "people": people})
            if analysed:
                owner.execute("ANALYZE certification.stored_events")
            last = facts
            found = []
            for scope in scopes:
                who, stream, fact_id, *about = scope
                found.append(await _blocks(connection, who, stream, fact_id, "test", "k", *about))
            figures.append(found)
        connection.terminate()
    assert all(many <= 2 * few + 30 for few, many in zip(*figures, strict=True)), figures


async def _blocks(connection: Connection, *parameters: object) -> int:
    """How many blocks the statement reads, planned as it is when it is asked often."""
    types = "text, text, text, text, text, text, text, timestamptz, text"
    values = ", ".join("NULL" if value is None else f"'{value}'" for value in parameters)
    await connection.execute(f"PREPARE look ({types}) AS {LOAD}")
    plan = await connection.fetchval(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE look ({values})")
    await connection.execute("DEALLOCATE look")
    top = json.loads(plan)[0]["Plan"]
    return int(top["Shared Hit Blocks"]) + int(top["Shared Read Blocks"])


@pytest.mark.parametrize("kind", KINDS)
def test_deciding_costs_in_proportion_to_what_is_looked_at(kind: str) -> None:
    """Also where all of it must be looked at."""
    more = Fact("more", day(-1), day(9000), CourseCompleted("C1", "S200P"))

    def decide(facts: list[Fact]) -> None:
        follow(evolve(Consultant("C1"), *facts), more)
        progress(facts, day(9000))

    small, great = (cost(decide, history(KINDS[kind], count)) for count in (SMALL, GREAT))
    assert great < TENFOLD * small, f"{great / small:.1f} times the CPU for ten times the history"


def history(kind: Kind, count: int) -> list[Fact]:
    data = [CourseCompleted("C1", "S200P"), *(one for number in range(count) for one in kind(number))]
    return [Fact(f"f{n}", day(n), day(n), one, position=n) for n, one in enumerate(data)]


def cost(decide: Callable[[list[Fact]], None], facts: list[Fact]) -> float:
    """Seconds of CPU, the least of a few tries; the collector of garbage looks at what others left behind."""
    taken = []
    gc.disable()
    try:
        for _ in range(3):
            started = thread_time()
            decide(facts)
            taken.append(thread_time() - started)
    finally:
        gc.enable()
    return min(taken)
