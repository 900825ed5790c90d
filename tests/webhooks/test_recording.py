"""What becomes of messages is written once, durably, by who holds the lease, and harms no other endpoint."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from msgspec.structs import replace

from services.compliance.database import connect
from services.compliance.settings import ComplianceSettings
from services.compliance.webhooks.delivery.outcome_writer import (
    ATTEMPTS_KEPT,
    PRUNE,
    OutcomeWrite,
    Parking,
    Recorder,
)
from tests.compliance.log import as_dispatcher
from tests.webhooks.calling import URL, Caller, settings_for
from tests.webhooks.dispatching import counts, until, waits_for_a_lock

AT = datetime(2022, 6, 1, 9, tzinfo=UTC)
MANY = 17
FAILED = {"delivered": False, "position_last": 1, "position_to": 0, "sequence": 0, "delivered_sequence": 0}


def settings_of(caller: Caller) -> ComplianceSettings:
    """The settings of a dispatcher on the caller's database."""
    return as_dispatcher(settings_for(caller.database))


@asynccontextmanager
async def recording(recorder: Recorder) -> AsyncIterator[None]:
    """The recorder writes while the context lasts."""
    task = asyncio.create_task(recorder.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def leased(caller: Caller) -> OutcomeWrite:
    """A success at a new endpoint, under the fence of a lease: event 1 was sent, events 2 and 3 do not pass."""
    endpoint_id = (await caller.register())["endpoint_id"]
    caller.sql(
        "UPDATE webhooks.endpoint SET fence = 7, lease_until = now() + interval '45 s' WHERE endpoint_id = %s",
        endpoint_id,
    )
    return OutcomeWrite(
        endpoint_id=endpoint_id,
        fence=7,
        revision=1,
        url=URL,
        lease_seconds=45.0,
        position_from=0,
        epoch=1,
        delivered=True,
        position_last=1,
        position_to=3,
        sequence=1,
        delivered_sequence=1,
        failures_from=0,
        failing_since=None,
        failures=0,
        warned_hours=0,
        rejecting_since=None,
        kind="event",
        message_id="m1",
        first_sequence=1,
        messages=1,
        status=204,
    )


async def ended(caller: Caller, how: str) -> bool:
    """Whether somebody waited for a lock and was ended. `how`: the function that ends a session, or its statement."""
    with psycopg.connect(caller.database.superuser_url, autocommit=True) as superuser:
        found = superuser.execute(
            f"SELECT {how}(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
        return found.fetchall() != []


def cursors(caller: Caller) -> list[tuple[Any, ...]]:
    return caller.sql("SELECT position, epoch, sequence, attempts FROM webhooks.endpoint ORDER BY endpoint_id")


async def test_a_success_moves_the_cursor_past_what_does_not_pass_the_filter(caller: Caller) -> None:
    recorder, write = Recorder(settings_of(caller)), await leased(caller)
    async with recording(recorder):
        assert await recorder.record(write)
    assert cursors(caller) == [(3, 1, 1, 1)]


@pytest.mark.parametrize(
    "otherwise", [{"fence": 6}, {"fence": 8}, {"position_from": 1, "position_last": 2}, {"endpoint_id": "we_gone"}]
)
async def test_who_does_not_hold_it_or_found_it_elsewhere_writes_nothing(
    caller: Caller, otherwise: dict[str, Any]
) -> None:
    recorder, write = Recorder(settings_of(caller)), await leased(caller)
    async with recording(recorder):
        assert not await recorder.record(replace(write, **otherwise), [Parking("we_gone", 6, 1, 1, 1, "P1")])
    assert cursors(caller) == [(0, 1, 0, 0)]
    assert caller.sql("SELECT FROM webhooks.attempt") == caller.sql("SELECT FROM webhooks.parked_message") == []


@pytest.mark.parametrize(
    "otherwise",
    [
        {},
        {**FAILED, "failures": 1, "failing_since": AT, "status": 500, "wait_seconds": 5.0},
        {**FAILED, "delivered": True, "position_last": 0, "kind": "heartbeat", "lease_seconds": 0.0},
        {**FAILED, "delivered": True, "position_last": 0, "released_epoch": 1, "released_sequence": 1},
        {**FAILED, "status": 400, "released_epoch": 1, "released_sequence": 1, "parked_again": "P1"},
    ],
    ids=["success", "failure", "heartbeat", "released", "parked again"],
)
async def test_what_is_written_once_more_since_the_answer_was_lost_counts_once(
    caller: Caller, otherwise: dict[str, Any]
) -> None:
    recorder, write = Recorder(settings_of(caller)), replace(await leased(caller), **otherwise)
    caller.sql("INSERT INTO webhooks.parked_message VALUES (%s, 1, 1, 1, 'P1', now(), true)", write.endpoint_id)
    async with recording(recorder):
        assert await recorder.record(write)
        first = cursors(caller)
        assert not await recorder.record(write)
    assert cursors(caller) == first
    assert caller.sql("SELECT number FROM webhooks.attempt") == [(1,)]


@pytest.mark.parametrize(
    ("changed", "position_last", "cursor"),
    [
        ("revision = 2", 2, (2, 1, 1, 1)),
        ("revision = 2, epoch = 2", 1, (1, 2, 0, 1)),
        ("revision = 2, epoch = 2", 2, (0, 2, 0, 0)),
    ],
    ids=["another URL", "another filter", "another filter, which may want what lies between"],
)
async def test_a_success_that_meets_a_change(
    caller: Caller, changed: str, position_last: int, cursor: tuple[int, ...]
) -> None:
    recorder, write = Recorder(settings_of(caller)), await leased(caller)
    caller.sql(f"UPDATE webhooks.endpoint SET {changed}")
    async with recording(recorder):
        assert not await recorder.record(replace(write, position_last=position_last))
    assert cursors(caller) == [cursor]


@pytest.mark.parametrize("changed", ["url = 'https://example.org/'", "epoch = 2", "state = 'paused'", "failures = 1"])
async def test_a_failure_that_meets_a_change_is_not_that_of_what_it_is_now(caller: Caller, changed: str) -> None:
    recorder, write = Recorder(settings_of(caller)), await leased(caller)
    caller.sql(f"UPDATE webhooks.endpoint SET revision = 2, {changed}")
    async with recording(recorder):
        assert not await recorder.record(replace(write, **FAILED, status=410, disable="gone"))
    assert caller.sql("SELECT state = 'disabled', attempts FROM webhooks.endpoint") == [(False, 0)]


async def test_a_failure_that_meets_a_change_of_something_else_counts(caller: Caller) -> None:
    """Another description, or another secret: the receiver still wants to be left alone."""
    recorder, write = Recorder(settings_of(caller)), await leased(caller)
    caller.sql("UPDATE webhooks.endpoint SET revision = 2, description = 'another'")
    async with recording(recorder):
        assert not await recorder.record(replace(write, **FAILED, status=503, failures=1, wait_seconds=600.0))
    found = "SELECT position, failures, attempts, next_attempt_at > now() + interval '9 minutes' FROM webhooks.endpoint"
    assert caller.sql(found) == [(0, 1, 1, True)]
    assert caller.sql("SELECT status FROM webhooks.attempt") == [(503,)]


@pytest.mark.parametrize("otherwise", [{"parked_again": "P1"}, {"kind": None}, {"position_to": 1}])
async def test_what_is_parked_needs_an_endpoint_that_is_as_it_was(caller: Caller, otherwise: dict[str, Any]) -> None:
    recorder, write = Recorder(settings_of(caller)), await leased(caller)
    caller.sql("UPDATE webhooks.endpoint SET revision = 2")
    async with recording(recorder):
        assert not await recorder.record(replace(write, **{**FAILED, **otherwise}))
    assert caller.sql("SELECT position, attempts FROM webhooks.endpoint") == [(0, 0)]


async def test_what_was_given_up_is_written_all_the_same(caller: Caller) -> None:
    """The server ended the statement, not the connection; a row was locked for long, say."""
    recorder, write = Recorder(settings_of(caller)), await leased(caller)
    async with recording(recorder):
        with psycopg.connect(caller.database.owner_url) as owner:
            owner.execute("SELECT FROM webhooks.endpoint FOR UPDATE")
            under_way = recorder.record(write)
            await until(lambda: ended(caller, "pg_cancel_backend"))
            await asyncio.sleep(0.1)
            assert not under_way.done()
        assert await under_way


async def test_who_is_locked_for_long_does_not_keep_the_others(caller: Caller) -> None:
    recorder = Recorder(settings_of(caller), lock_seconds=0.5)
    writes = [await leased(caller) for _ in range(3)]
    with psycopg.connect(caller.database.owner_url) as owner:
        owner.execute("SELECT FROM webhooks.endpoint WHERE endpoint_id = %s FOR UPDATE", [writes[0].endpoint_id])
        async with recording(recorder):
            under_way = [recorder.record(write) for write in writes]
            async with asyncio.timeout(20):
                assert [await write for write in under_way[1:]] == [True, True]
            assert not under_way[0].done()
            owner.rollback()
            async with asyncio.timeout(20):
                assert await under_way[0]


async def test_it_is_finished_for_who_is_gone_whatever_the_server_does_by_itself(caller: Caller) -> None:
    with psycopg.connect(caller.database.superuser_url, autocommit=True) as superuser:
        name = superuser.execute("SELECT current_database()").fetchone()
        assert name is not None
        for setting in ("client_connection_check_interval = 100", "statement_timeout = 100", "lock_timeout = 100"):
            superuser.execute(f'ALTER DATABASE "{name[0]}" SET {setting}')
    recorder, write = Recorder(settings_of(caller)), await leased(caller)
    with psycopg.connect(caller.database.owner_url) as owner:
        owner.execute("SELECT FROM webhooks.endpoint FOR UPDATE")
        async with recording(recorder):
            recorder.record(write)
            await until(lambda: waits_for_a_lock(caller))
        await asyncio.sleep(0.5)
    await until(lambda: counts(caller, "SELECT position FROM webhooks.endpoint", 3))


async def test_what_cannot_be_written_is_nothing_to_the_others(caller: Caller) -> None:
    recorder = Recorder(settings_of(caller))
    writes = [await leased(caller) for _ in range(3)]
    writes[1] = replace(writes[1], sequence=-1)
    under_way = [recorder.record(write) for write in writes]
    async with recording(recorder):
        assert [await write for write in under_way] == [True, False, True]


async def test_what_is_parked_is_parked_by_who_holds_the_lease(caller: Caller) -> None:
    """Another holder's write, late, goes in the same statement."""
    recorder, write = Recorder(settings_of(caller)), await leased(caller)
    late = recorder.record(replace(write, fence=6), [Parking(write.endpoint_id, 6, 1, 9, 9, "P9")])
    holders = recorder.record(write, [Parking(write.endpoint_id, 7, 1, 1, 1, "P1")])
    async with recording(recorder):
        assert [await late, await holders] == [False, True]
    assert caller.sql("SELECT partner_id FROM webhooks.parked_message") == [("P1",)]


async def test_a_connection_that_is_lost_meanwhile_loses_nothing(caller: Caller) -> None:
    recorder, write = Recorder(settings_of(caller)), await leased(caller)
    async with recording(recorder):
        with psycopg.connect(caller.database.owner_url) as owner:
            owner.execute("SELECT FROM webhooks.endpoint FOR UPDATE")
            under_way = recorder.record(write)
            await until(lambda: ended(caller, "pg_terminate_backend"))
        async with asyncio.timeout(20):
            assert await under_way
    assert cursors(caller) == [(3, 1, 1, 1)]


async def test_what_meets_a_connection_that_is_gone_is_written_on_the_next(caller: Caller) -> None:
    recorder, first, second = (
        Recorder(settings_of(caller)),
        await leased(caller),
        await leased(caller),
    )
    async with recording(recorder):
        assert await recorder.record(first)
        with psycopg.connect(caller.database.superuser_url, autocommit=True) as superuser:
            superuser.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name = 'sagecert compliance' AND datname = current_database()"
                " AND query LIKE '%WITH recorded AS%'"
            )
            await asyncio.sleep(0.1)
            superuser.execute("ALTER SCHEMA webhooks RENAME TO elsewhere")
            under_way = recorder.record(second)
            await asyncio.sleep(0.1)
            assert not under_way.done()
            superuser.execute("ALTER SCHEMA elsewhere RENAME TO webhooks")
        assert await under_way


async def test_who_is_written_with_many_waits_until_all_are_recorded(caller: Caller) -> None:
    recorder, writes = (
        Recorder(settings_of(caller)),
        [await leased(caller) for _ in range(MANY)],
    )
    under_way = [recorder.record(write) for write in writes]
    with psycopg.connect(caller.database.owner_url) as owner:
        owner.execute("SELECT FROM webhooks.endpoint FOR UPDATE")
        async with recording(recorder):
            await until(lambda: waits_for_a_lock(caller))
            assert not any(write.done() for write in under_way)
            owner.rollback()
            assert all([await write for write in under_way])


async def test_it_survives_a_crash_of_the_database(caller: Caller) -> None:
    """Whatever the server's default is, the commit waits until it is on the disk."""
    caller.sql(
        "CREATE FUNCTION webhooks.tell() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN new.last_error := current_setting(''synchronous_commit''); RETURN new; END'"
    )
    recorder, write = Recorder(settings_of(caller)), await leased(caller)
    caller.sql("CREATE TRIGGER tell BEFORE UPDATE ON webhooks.endpoint FOR EACH ROW EXECUTE FUNCTION webhooks.tell()")
    async with recording(recorder):
        assert await recorder.record(write)
    assert caller.sql("SELECT last_error FROM webhooks.endpoint") == [("on",)]


ATTEMPTS = (
    "INSERT INTO webhooks.attempt (endpoint_id, number, kind, started_at, duration_ms, message_id, messages, reply)"
    " SELECT endpoint_id, generate_series(1, attempts), 'event', now(), 0, '', 1, '' FROM webhooks.endpoint"
)


async def test_of_the_attempts_the_last_are_kept(caller: Caller) -> None:
    """Of an endpoint that has a new one, now and then."""
    recorder, write, other = (
        Recorder(settings_of(caller)),
        await leased(caller),
        await leased(caller),
    )
    caller.sql("UPDATE webhooks.endpoint SET attempts = 1500")
    caller.sql(ATTEMPTS)
    kept = "SELECT min(number), max(number) FROM webhooks.attempt WHERE endpoint_id = %s"
    async with recording(recorder):
        for number in range(60):
            at = {"position_from": number, "position_last": number + 1, "position_to": number + 1}
            assert await recorder.record(replace(write, **at))
    ((first, last),) = caller.sql(kept, write.endpoint_id)
    assert last == 1560
    assert ATTEMPTS_KEPT < last - first + 1 < ATTEMPTS_KEPT + 60
    assert caller.sql(kept, other.endpoint_id) == [(1, 1500)]


async def test_attempts_are_deleted_by_endpoint_also_as_planned_when_there_were_none(caller: Caller) -> None:
    """The plan lives on while the table grows: all attempts of all endpoints would be looked at, while others wait."""
    caller.sql("VACUUM ANALYZE webhooks.attempt")
    caller.sql("VACUUM ANALYZE webhooks.endpoint")
    connection = await connect(settings_of(caller))
    try:
        await connection.execute(f"PREPARE prune AS {PRUNE}")
        plan = "\n".join(row[0] for row in await connection.fetch("EXPLAIN EXECUTE prune ('{a}')"))
    finally:
        connection.terminate()
    assert "on attempt a" in plan
    assert "Index Cond: ((endpoint_id = u.endpoint_id) AND (number <=" in plan


async def test_without_anything_to_record_it_needs_no_database(caplog: pytest.LogCaptureFixture) -> None:
    """The dispatcher says that the database is away; the recorder would say it four times a second."""
    settings = ComplianceSettings.model_validate({"database_url": "postgresql://nobody@127.0.0.1:1/none"})
    async with recording(Recorder(settings)):
        await asyncio.sleep(0.2)
    assert caplog.text == ""
