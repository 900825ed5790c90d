"""`certification.append`, call by call: each is recorded, or told why not, and none hinders another."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import asyncpg
import msgspec
import psycopg
import pytest

from services.certification.decision import RequestReceipt
from services.certification.domain.fact_report import FactReport
from services.certification.event_store.append_connection import AppendConnection
from services.certification.event_store.append_request import UNDATED, AppendRequest, provisional_instant, row
from services.certification.event_store.database import Database as Log
from services.certification.event_store.store import EventStore
from services.certification.event_store.streams import routing_of
from services.certification.record_fact import record
from shared.events.envelope import Fact
from shared.events.facts import CourseCompleted, PartnerProgrammeChanged, PortalChangeDeclared
from tests.certification.seed import day
from tests.databases import Database


@pytest.fixture
async def log(database: Database) -> AsyncIterator[Log]:
    async with Log(database.certification_url, None, 2, 20.0) as opened:
        yield opened


@pytest.fixture
async def store(log: Log) -> AsyncIterator[EventStore]:
    async with EventStore(log) as opened:
        yield opened


def call(
    fact_id: str,
    *,
    consultant_seen: int | None = None,
    originator_seen: int | None = None,
    stale_at: datetime | None = None,
    not_before: datetime | None = None,
) -> AppendRequest:
    """A course of C1, under its id as key, on these conditions."""
    fact = Fact(fact_id, UNDATED, UNDATED, CourseCompleted("C1", "S200P"))
    return AppendRequest(
        actor="test",
        idempotency_key=fact_id,
        content_hash="\\x00",
        facts=(row(fact, routing_of(fact.data, None, None), UNDATED),),
        consultant_id=None if consultant_seen is None else "C1",
        consultant_seen=consultant_seen,
        originator_id=None if originator_seen is None else "consultant-C1",
        originator_seen=originator_seen,
        stale_at=stale_at,
        not_before=not_before,
    )


async def test_what_is_newer_than_what_was_seen_is_a_conflict(store: EventStore) -> None:
    assert (await store.append(call("f1", consultant_seen=0, originator_seen=0))).outcome == "recorded"
    assert (await store.append(call("f2", consultant_seen=0))).outcome == "conflict"
    assert (await store.append(call("f2", originator_seen=0))).outcome == "conflict"
    assert (await store.append(call("f2", consultant_seen=1, originator_seen=1))).outcome == "recorded"


async def test_a_decision_that_might_be_another_by_now_is_stale(store: EventStore) -> None:
    now = await store.now()
    assert (await store.append(call("f1", stale_at=now))).outcome == "stale"
    assert (await store.append(call("f1", stale_at=now + timedelta(hours=1)))).outcome == "recorded"


async def test_no_instant_ahead_of_the_clock_is_recorded(store: EventStore, owner: psycopg.Connection) -> None:
    """Whoever has the role could otherwise stop the log until then: nothing is recorded before what is recorded."""
    ahead = await store.now() + timedelta(seconds=60)
    assert (await store.append(call("f1", not_before=ahead))).outcome == "stale"
    assert owner.execute("SELECT count(*) FROM certification.stored_events").fetchone() == (0,)
    assert (await store.append(call("f1", not_before=await store.now()))).outcome == "recorded"


async def test_in_a_sandbox_nothing_is_recorded_before_the_instant_that_was_decided_for(
    sandbox_database: Database,
) -> None:
    async with Log(sandbox_database.certification_url, None, 2, 20.0) as log, EventStore(log) as store:
        ahead = await store.now() + timedelta(seconds=60)
        assert (await store.append(call("f1", not_before=ahead))).recorded_at == ahead


async def test_only_the_database_says_when_a_fact_was_recorded(store: EventStore, owner: psycopg.Connection) -> None:
    fact = Fact("f1", day(0), day(27_000), CourseCompleted("C1", "S200P"))
    dated = msgspec.structs.replace(call("f1"), facts=(row(fact, routing_of(fact.data, None, None), UNDATED),))
    with pytest.raises(asyncpg.CheckViolationError, match="instant of recording"):
        await store.append(dated)
    assert owner.execute("SELECT count(*) FROM certification.stored_events").fetchone() == (0,)


async def test_a_used_key_is_told_what_it_stands_for(store: EventStore) -> None:
    first = await store.append(call("f1"))
    again = await store.append(call("f1", consultant_seen=0))
    assert (again.outcome, again.fact_id, again.position, again.recorded_at) == (
        "replayed",
        "f1",
        first.position,
        first.recorded_at,
    )


async def test_in_a_group_each_call_has_its_own_outcome_and_instant(store: EventStore, log: Log) -> None:
    calls = [
        call("f1", consultant_seen=0),
        call("f2", consultant_seen=0),
        call("f1"),
        call("f3", stale_at=day(0)),
        call("f4"),
    ]
    connection = AppendConnection(log)
    outcomes = await connection.send([msgspec.json.encode(each) for each in calls])
    connection.close()
    assert [each.outcome for each in outcomes] == ["recorded", "conflict", "replayed", "stale", "recorded"]
    assert [each.position for each in outcomes] == [1, None, 1, None, 2]
    assert outcomes[0].recorded_at is not None
    assert outcomes[4].recorded_at is not None
    assert outcomes[0].recorded_at < outcomes[4].recorded_at


async def test_a_call_that_the_database_refuses_spoils_no_other(store: EventStore) -> None:
    await store.append(call("f1"))
    poisoned = msgspec.structs.replace(call("f2"), facts=call("f1").facts)
    good, bad, other = await asyncio.gather(
        *(store.append(each) for each in (call("f3"), poisoned, call("f4"))), return_exceptions=True
    )
    assert isinstance(bad, asyncpg.UniqueViolationError)
    assert [getattr(each, "outcome", None) for each in (good, other)] == ["recorded", "recorded"]
    assert [entry.fact.fact_id for entry in (await store.facts_after(0, 10, 10)).entries] == ["f1", "f3", "f4"]


class TestTheStamp:
    """It is put where the instant of recording is meant, and nowhere else."""

    async def test_a_text_that_looks_like_the_provisional_instant_stays_as_it_is(self, store: EventStore) -> None:
        looks_like_it = "1900-01-01T00:00:00Z"
        data = PartnerProgrammeChanged("P1", looks_like_it)
        await record(store, (), FactReport("f1", data), RequestReceipt("test", "k1", b""))
        (entry,) = (await store.facts_after(0, 10, 10)).entries
        assert entry.fact.data == data
        assert entry.fact.recorded_at == entry.fact.effective_at > day(0)

    @pytest.mark.parametrize("text", ["\x01", 'a "quoted" \\ text', "\u2028", "Zoë 🙂", "\x7f", "\\u0001"])
    async def test_a_text_is_stored_as_it_was_written(self, store: EventStore, text: str) -> None:
        data = PortalChangeDeclared("CH1", ("S200P",), True, day(4000).date(), text)
        await record(store, ("S200P",), FactReport("f1", data), RequestReceipt("test", "k1", b""))
        assert [entry.fact.data for entry in (await store.facts_after(0, 10, 10)).entries] == [data]

    def test_the_provisional_instant_is_none_that_matters(self) -> None:
        tick = timedelta(microseconds=1)
        assert provisional_instant(day(1), (), b"") == day(1)
        assert provisional_instant(day(1), {day(1), day(1) + tick}, b"") == day(1) + 2 * tick
        assert provisional_instant(day(1), (), b'"2022-03-02T09:00:00Z"') == day(1) + tick
