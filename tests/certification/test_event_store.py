"""The log itself: append-only, gapless, in the order of commits, each fact once, whoever appends at the same time."""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import datetime
from itertools import pairwise

import psycopg
import pytest
from pydantic import SecretStr, ValidationError

from services.certification.decision import RequestReceipt
from services.certification.domain.fact_report import FactReport
from services.certification.event_store.database import Database as Log
from services.certification.event_store.store import EventStore
from services.certification.record_fact import Answer, record
from services.certification.settings import CertificationSettings
from shared.events import wire
from shared.events.envelope import Fact
from shared.events.facts import (
    AttemptScored,
    CertificationRecognised,
    ConsultantLinked,
    CourseCompleted,
    ExamRegistered,
    Reported,
    RevocationOrdered,
    ScoreCorrected,
)
from tests.certification.seed import ConsultantFacts, day
from tests.databases import Database

WRITERS = 8
PRODUCTS = ("S200P", "S200S")

PROCESSES = 3
"""Stores side by side: each has an appender, turns and connections of its own, as if it were another process."""

Recording = Callable[[str, Reported, datetime | None], Awaitable[Answer]]


@pytest.fixture
async def tell(database: Database) -> AsyncIterator[Recording]:
    """Records a fact, through one store after the other; its id is its key."""
    async with AsyncExitStack() as opened:
        stores = []
        for _ in range(PROCESSES):
            log = await opened.enter_async_context(Log(database.certification_url, None, WRITERS, 30.0))
            stores.append(await opened.enter_async_context(EventStore(log)))
        turn = 0

        async def tell(fact_id: str, data: Reported, effective_at: datetime | None = None) -> Answer:
            nonlocal turn
            turn += 1
            report = FactReport(fact_id, data, effective_at, "test")
            return await record(stores[turn % PROCESSES], PRODUCTS, report, RequestReceipt("test", fact_id, b""))

        yield tell


def everything(owner: psycopg.Connection) -> list[Fact]:
    rows = owner.execute(
        "SELECT topic, state, notification_id, append_position FROM certification.stored_events ORDER BY 3"
    )
    return [wire.decode(*row) for row in rows]


async def by_writers(work: Callable[[int], Awaitable[None]]) -> None:
    await asyncio.gather(*(work(number) for number in range(WRITERS)))


def assert_sound(facts: list[Fact]) -> None:
    """Positions without gaps, instants of recording that rise from call to call, one instant for each call."""
    assert [fact.position for fact in facts] == list(range(1, len(facts) + 1))
    for one, two in pairwise(facts):
        if one.append_position == two.append_position:
            assert one.recorded_at == two.recorded_at
        else:
            assert one.append_position == one.position
            assert one.recorded_at < two.recorded_at


class TestConcurrency:
    async def test_every_fact_is_recorded_exactly_once(self, tell: Recording, owner: psycopg.Connection) -> None:
        """Each of 8 writers tells everything: one of them records it, the others are told so."""
        replayed = []

        async def work(number: int) -> None:
            for turn in range(30):
                fact = (turn * 7 + number) % 30
                replayed.append((await tell(f"f{fact}", ConsultantLinked("P1", f"C{fact}"), None)).replayed)

        await by_writers(work)
        facts = everything(owner)
        assert len(facts) == 30
        assert len(replayed) == 240
        assert_sound(facts)

    async def test_writers_on_one_consultant_decide_as_one_writer_would(
        self, tell: Recording, owner: psycopg.Connection
    ) -> None:
        """What was published at each step is what follows from exactly the facts before it."""

        async def work(number: int) -> None:
            registration = f"R{number}"
            reports: list[Reported] = [
                AttemptScored(registration, 1, "79" if number % 2 else "85"),
                ExamRegistered(registration, "C1", "S200P"),
                CourseCompleted("C1", "S200P"),
                ScoreCorrected(registration, 1, "90" if number % 2 else "60"),
                RevocationOrdered("C1", "S200P") if number == 3 else CertificationRecognised("C1", "S200P"),
            ]
            for turn, data in enumerate(reports):
                await tell(f"{registration}-{turn}", data, day(turn * 8 + number))

        await by_writers(work)
        facts = everything(owner)
        assert_sound(facts)
        serial = ConsultantFacts()
        for fact in facts:
            if fact.causation_id is None:
                serial.tell(fact.data, (fact.effective_at - day(0)).total_seconds() / 86400, fact.fact_id)  # type: ignore[arg-type]  # it was reported
        assert [fact.data for fact in facts] == [fact.data for fact in serial.log]
        assert len([fact for fact in facts if fact.causation_id is None]) == 5 * WRITERS

    async def test_decisions_made_at_the_instant_of_recording_carry_it(
        self, tell: Recording, owner: psycopg.Connection
    ) -> None:
        """R37: left out, `effective_at` is the instant of recording, also inside what follows from it."""

        async def work(number: int) -> None:
            for turn in range(5):
                await tell(f"recognised-{number}-{turn}", CertificationRecognised("C1", "S200P"), None)
                await tell(f"revoked-{number}-{turn}", RevocationOrdered("C1", "S200P"), None)

        await by_writers(work)
        facts = everything(owner)
        assert_sound(facts)
        by_id = {fact.fact_id: fact for fact in facts}
        instants = {fact.recorded_at for fact in facts}
        for fact in facts:
            assert fact.effective_at == fact.recorded_at
            if fact.causation_id is not None:
                assert not isinstance(fact.data, ConsultantLinked)
                for period in getattr(fact.data, "periods"):  # noqa: B009 - a decision has periods
                    assert {period.start, period.end or period.start} <= instants
                assert fact.recorded_at == by_id[fact.causation_id].recorded_at

    async def test_a_reader_never_meets_a_gap(self, tell: Recording, database: Database) -> None:
        """Whoever reads after the last position he saw misses nothing: commits come in the order of positions."""
        stop = threading.Event()
        seen: list[int] = []

        def read() -> None:
            with psycopg.connect(database.compliance_url, autocommit=True) as reader:
                while True:
                    done = stop.is_set()
                    after = seen[-1] if seen else 0
                    rows = reader.execute(
                        "SELECT notification_id FROM certification.stored_events WHERE notification_id > %s ORDER BY 1",
                        [after],
                    ).fetchall()
                    seen.extend(row[0] for row in rows)
                    if done:
                        return

        reading = threading.Thread(target=read)
        reading.start()

        async def work(number: int) -> None:
            for turn in range(40):
                await tell(f"{number}-{turn}", CourseCompleted(f"C{number}", "S200P"), None)

        await by_writers(work)
        stop.set()
        reading.join()
        assert seen == list(range(1, 40 * WRITERS + 1))


class TestAppendOnly:
    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE certification.stored_events SET topic = topic",
            "DELETE FROM certification.stored_events",
            "TRUNCATE certification.stored_events",
            "SET session_replication_role = replica; DELETE FROM certification.stored_events",
        ],
    )
    async def test_nobody_changes_what_is_stored(self, tell: Recording, database: Database, statement: str) -> None:
        """R33. Not even a superuser, without taking the guard away first."""
        await tell("f1", ConsultantLinked("P1", "C1"), None)
        with (
            psycopg.connect(database.superuser_url, autocommit=True) as superuser,
            pytest.raises(psycopg.errors.RestrictViolation, match="append-only"),
        ):
            superuser.execute(statement)

    @pytest.mark.parametrize("role", ["certification_url", "compliance_url"])
    def test_only_the_append_function_inserts(self, database: Database, role: str) -> None:
        with psycopg.connect(getattr(database, role), autocommit=True) as service:
            for statement in (
                "INSERT INTO certification.stored_events DEFAULT VALUES",
                "TRUNCATE certification.stored_events",
            ):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    service.execute(statement)

    def test_compliance_cannot_append_nor_see_who_people_are(self, database: Database) -> None:
        with psycopg.connect(database.compliance_url, autocommit=True) as compliance:
            for statement in (
                "SELECT certification.append('[]')",
                "SELECT * FROM certification.profile",
                "SELECT * FROM certification.free_text",
                "SELECT certification.set_clock(now(), true)",
            ):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    compliance.execute(statement)

    def test_the_append_refuses_to_look_at_an_old_snapshot(self, database: Database) -> None:
        with psycopg.connect(database.certification_url) as service:
            service.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            with pytest.raises(psycopg.errors.RaiseException, match="read committed"):
                service.execute("SELECT certification.append('[]')")


class TestBarrier:
    async def test_nothing_is_recorded_before_it_any_more(
        self, tell: Recording, owner: psycopg.Connection, database: Database
    ) -> None:
        await tell("f1", ConsultantLinked("P1", "C1"), None)
        with psycopg.connect(database.compliance_url, autocommit=True) as compliance:
            row = compliance.execute("SELECT floor, head FROM certification.barrier()").fetchone()
        assert row is not None
        floor, head = row
        assert head == 1
        await tell("f2", ConsultantLinked("P1", "C2"), None)
        one, two = everything(owner)
        assert one.recorded_at < floor <= two.recorded_at

    async def test_recording_never_goes_back_when_the_clock_does(
        self, tell: Recording, owner: psycopg.Connection
    ) -> None:
        owner.execute("UPDATE certification.recording SET floor = now() + interval '1 hour'")
        await tell("f1", ConsultantLinked("P1", "C1"), None)
        await tell("f2", ConsultantLinked("P1", "C2"), None)
        row = owner.execute("SELECT floor FROM certification.recording").fetchone()
        assert row is not None
        one, two = everything(owner)
        assert row[0] == one.recorded_at < two.recorded_at


class TestTheLibrary:
    @pytest.mark.parametrize("value", ["1", "t", "TRUE", "yes", "on", " y "])
    def test_its_flag_that_drops_the_lock_is_refused_at_start(
        self, monkeypatch: pytest.MonkeyPatch, value: str
    ) -> None:
        monkeypatch.setenv("POSTGRES_ENABLE_DB_FUNCTIONS", value)
        with pytest.raises(ValidationError, match="followers of the log would miss facts"):
            CertificationSettings(database_url=SecretStr("postgresql://unused"))
