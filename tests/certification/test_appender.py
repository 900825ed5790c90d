"""Many callers at once: none of them, late, gone or refused, harms another; and afterwards everything goes on."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from time import monotonic

import asyncpg
import psycopg
import pytest

from services.certification.decision import RequestReceipt
from services.certification.domain.fact_report import FactReport
from services.certification.domain.refusals import Overloaded, Unavailable
from services.certification.event_store import group_commit, turns_by_subject
from services.certification.event_store.database import Database as Log
from services.certification.event_store.deadline import Deadline
from services.certification.event_store.store import EventStore
from services.certification.record_fact import Answer, record
from shared.events.facts import (
    AttemptScored,
    CertificationRecognised,
    ConsultantLinked,
    ExamRegistered,
    Reported,
    RevocationOrdered,
)
from tests.databases import Database

SECONDS_MAX = 20.0


@pytest.fixture
async def log(database: Database) -> AsyncIterator[Log]:
    async with Log(database.certification_url, None, 4, SECONDS_MAX) as opened:
        yield opened


@pytest.fixture
async def store(log: Log) -> AsyncIterator[EventStore]:
    async with EventStore(log) as opened:
        yield opened


async def tell(store: EventStore, fact_id: str, data: Reported) -> Answer:
    return await record(
        store, ("S200P",), FactReport(fact_id, data, None, "test"), RequestReceipt("test", fact_id, b"")
    )


async def within(seconds: float, store: EventStore, fact_id: str) -> str:
    """How a call ended that has so much time."""
    try:
        async with Deadline(asyncio.get_running_loop().time() + seconds):
            await tell(store, fact_id, ConsultantLinked("P1", fact_id))
    except Unavailable:
        return "unavailable"
    return "recorded"


@asynccontextmanager
async def lock_held(database: Database) -> AsyncIterator[None]:
    """Nobody can append."""
    holder = await asyncpg.connect(database.owner_url)
    try:
        async with holder.transaction():
            await holder.execute("LOCK TABLE certification.recording IN EXCLUSIVE MODE")
            yield
    finally:
        await holder.close()


async def until(condition: Callable[[], bool]) -> None:
    """Lets others go on until it is so."""
    while not condition():  # noqa: ASYNC110 - the state of what is tested, which sets no event
        await asyncio.sleep(0)


def facts(owner: psycopg.Connection) -> list[str]:
    rows = owner.execute("SELECT fact_id FROM certification.stored_events ORDER BY notification_id")
    return [row[0] for row in rows]


async def test_a_call_whose_time_is_up_leaves_and_stops_nobody(store: EventStore, database: Database) -> None:
    """One sends, one is late while the first waits for the lock, one has passed its deadline before it came."""
    async with lock_held(database):
        first = asyncio.create_task(within(10, store, "first"))
        await until(lambda: store._appender._sending is not None)
        assert await within(0.05, store, "late") == "unavailable"
        assert await within(-1, store, "too-late") == "unavailable"
        assert not store._appender._queue, "who gives up leaves the queue"
    assert await first == "recorded"
    for number in range(3):
        assert await within(10, store, f"after-{number}") == "recorded"


async def test_the_latest_deadline_of_a_group_counts(store: EventStore, database: Database) -> None:
    """Who is in a group with somebody in a hurry is recorded all the same."""
    async with lock_held(database):
        group = [asyncio.create_task(within(seconds, store, f"{seconds}")) for seconds in (0.2, 10, 0.3, 10.5)]
        assert set(await asyncio.gather(group[0], group[2])) == {"unavailable"}
    assert set(await asyncio.gather(group[1], group[3])) == {"recorded"}


async def test_a_caller_who_hangs_up_harms_nobody(store: EventStore, database: Database) -> None:
    """Whether its call was sent or still waits."""
    async with lock_held(database):
        calls = [asyncio.create_task(within(10, store, f"f{number}")) for number in range(2)]
        await until(lambda: store._appender._sending is not None and not store._appender._queue)
        calls += [asyncio.create_task(within(10, store, f"f{number}")) for number in range(2, 6)]
        await until(lambda: len(store._appender._queue) == 4)
        for gone in (calls[0], calls[2], calls[4]):
            gone.cancel()
        await asyncio.wait([calls[0], calls[2], calls[4]])
        assert len(store._appender._queue) == 2
    assert set(await asyncio.gather(calls[1], calls[3], calls[5])) == {"recorded"}
    entries = [entry.fact.fact_id for entry in (await store.facts_after(0, 10, 10)).entries]
    assert {"f1", "f3", "f5"} <= set(entries) <= {"f0", "f1", "f3", "f5"}, "what was not sent is not recorded"


async def test_a_full_queue_refuses_and_recovers(
    store: EventStore, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_commit, "QUEUE_MAX", 3)
    async with lock_held(database):
        sent = asyncio.create_task(within(10, store, "sent"))
        await until(lambda: store._appender._sending is not None and not store._appender._queue)
        waiting = [asyncio.create_task(within(10, store, f"w{number}")) for number in range(3)]
        await until(lambda: len(store._appender._queue) == 3)
        with pytest.raises(Overloaded):
            await tell(store, "one-more", ConsultantLinked("P1", "C1"))
    assert await asyncio.gather(sent, *waiting) == ["recorded"] * 4
    assert await within(10, store, "one-more") == "recorded"


class TestOnePerson:
    """Callers about one person take turns: nobody decides in vain."""

    async def test_two_hundred_calls_at_once_are_all_recorded_and_everything_goes_on(
        self, store: EventStore, owner: psycopg.Connection
    ) -> None:
        order: list[int] = []

        async def one(number: int) -> None:
            await tell(store, f"hot-{number}", CertificationRecognised("C1", "S200P"))
            order.append(number)

        await asyncio.gather(*(one(number) for number in range(200)))
        assert order == list(range(200)), "in the order of their arrival"
        assert facts(owner)[::2] == [f"hot-{number}" for number in range(200)]
        assert await within(5, store, "after") == "recorded"
        assert not store.turns._subjects, "nothing is kept about subjects nobody waits for"

    async def test_no_call_is_decided_twice(self, store: EventStore, monkeypatch: pytest.MonkeyPatch) -> None:
        await tell(store, "r", ExamRegistered("R1", "C1", "S200P"))
        await tell(store, "a0", AttemptScored("R1", 1, "70"))
        sent = 0
        original = EventStore.append

        async def counting(self: EventStore, *arguments: object) -> object:
            nonlocal sent
            sent += 1
            return await original(self, *arguments)  # type: ignore[arg-type]  # as they come

        monkeypatch.setattr(EventStore, "append", counting)
        reports: list[Reported] = [AttemptScored("R1", 2, "90")]
        reports += [CertificationRecognised("C1", "S200P"), RevocationOrdered("C1", "S200P")] * 20
        reports += [ExamRegistered(f"R{number}", "C1", "S200P") for number in range(2, 20)]
        await asyncio.gather(*(tell(store, f"f{number}", data) for number, data in enumerate(reports)))
        assert sent == len(reports)

    async def test_others_need_not_wait_for_them(self, store: EventStore) -> None:
        """A person's turn is taken and not given back; another person's call goes through."""
        async with store.turns.of("C1"):
            hot = [asyncio.create_task(tell(store, f"h{n}", CertificationRecognised("C1", "S200P"))) for n in range(20)]
            await tell(store, "other", CertificationRecognised("C2", "S200P"))
            assert not any(call.done() for call in hot)
        await asyncio.gather(*hot)

    async def test_too_many_are_refused_and_who_gives_up_leaves(
        self, store: EventStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(turns_by_subject, "WAITING_MAX", 3)
        async with store.turns.of("C1"):
            waiting = [
                asyncio.create_task(tell(store, f"w{n}", CertificationRecognised("C1", "S200P"))) for n in range(3)
            ]
            await until(lambda: store.turns._subjects["C1"].callers == 4)
            with pytest.raises(Overloaded):
                await tell(store, "refused", CertificationRecognised("C1", "S200P"))
            waiting[1].cancel()
            await asyncio.wait([waiting[1]])
            waiting.append(asyncio.create_task(tell(store, "w3", CertificationRecognised("C1", "S200P"))))
        for call in (waiting[0], waiting[2], waiting[3]):
            await call

    async def test_processes_that_race_back_off_and_all_get_through(
        self, database: Database, owner: psycopg.Connection
    ) -> None:
        async with (
            Log(database.certification_url, None, 4, SECONDS_MAX) as one_log,
            Log(database.certification_url, None, 4, SECONDS_MAX) as other_log,
            EventStore(one_log) as one,
            EventStore(other_log) as other,
        ):
            calls = [
                tell(store, f"{name}-{number}", CertificationRecognised("C1", "S200P"))
                for number in range(50)
                for name, store in (("one", one), ("other", other))
            ]
            started = monotonic()
            await asyncio.gather(*calls)
            assert monotonic() - started < SECONDS_MAX
        assert len(facts(owner)) == 200
