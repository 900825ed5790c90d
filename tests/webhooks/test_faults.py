"""Dispatchers that are killed, frozen or cut off: no gap, order kept, twice only what was sent and not recorded."""

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from random import Random
from typing import Any

import psycopg
import pytest

from services.host import sandbox
from tests.databases import Database
from tests.systems import environment
from tests.webhooks.calling import KEY, Caller, calling, seed_events
from tests.webhooks.dispatching import counts, dispatching, numbers, received, until, until_delivered, waits_for_a_lock
from tests.webhooks.receiver import Receiver, once, reply

LEASE_SECONDS = 2.0
DEADLINE_SECONDS = 1.0


@pytest.fixture
async def head(sandbox_database: Database) -> int:
    return await seed_events(sandbox_database, partners=3)


@contextmanager
def process(database: Database) -> Iterator["subprocess.Popen[bytes]"]:
    """A dispatcher as a process; it is killed in the end."""
    settings = {
        "SAGECERT_DISPATCHER_DATABASE_URL": database.dispatcher_url,
        "SAGECERT_COMPLIANCE_WEBHOOK_KEYS": json.dumps([KEY]),
        "SAGECERT_COMPLIANCE_WEBHOOK_NETWORKS": '["127.0.0.0/8"]',
        "SAGECERT_SANDBOX": "true",
    }
    command = [sys.executable, "-m", "tests.webhooks.dispatcher_process", str(LEASE_SECONDS), str(DEADLINE_SECONDS)]
    dispatcher = subprocess.Popen(command, env=environment(settings))
    try:
        yield dispatcher
    finally:
        dispatcher.kill()
        dispatcher.wait()


def repeated(messages: Sequence[dict[str, Any]], head: int) -> list[int]:
    """The numbers that came more than once. Fails on a gap, on another order, and on anything else told under one."""
    seen: dict[int, dict[str, Any]] = {}
    again: list[int] = []
    before = 0
    for message in messages:
        number = message["sequence"]
        assert before <= number <= before + 1
        before = number
        if number in seen:
            assert message == seen[number]
            again.append(number)
        seen[number] = message
    assert numbers(list(seen.values())) == [(1, position, position) for position in range(1, head + 1)]
    return again


async def test_killed_before_it_sends(caller: Caller, receiver: Receiver, head: int) -> None:
    """It holds the lease and cannot open the secrets, which are locked."""
    endpoint = await caller.register(receiver.url(), start="origin")
    with psycopg.connect(caller.database.owner_url) as owner:
        owner.execute("LOCK webhooks.secret")
        with process(caller.database):
            await until(lambda: waits_for_a_lock(caller))
        cut_off_who_waits(caller)
    assert caller.sql("SELECT fence, lease_until > '-infinity' FROM webhooks.endpoint") == [(1, True)]
    async with dispatching(caller.database):
        await until_delivered(caller, endpoint["endpoint_id"])
    assert repeated(received(receiver.requests), head) == []


async def test_cut_off_before_it_knows_what_it_holds(caller: Caller, receiver: Receiver, head: int) -> None:
    """It gives back at once what it had just taken; others would wait until the lease is over."""
    endpoint = await caller.register(receiver.url(), start="origin")
    with psycopg.connect(caller.database.owner_url) as owner:
        owner.execute("LOCK webhooks.secret")
        async with dispatching(caller.database):
            await until(lambda: waits_for_a_lock(caller))
            cut_off_who_waits(caller)
            owner.rollback()
            await until_delivered(caller, endpoint["endpoint_id"])
    assert repeated(received(receiver.requests), head) == []


async def test_what_is_replayed_while_it_is_taken_is_told_at_once(
    caller: Caller, receiver: Receiver, head: int
) -> None:
    endpoint = await caller.register(receiver.url(), start="origin")
    with psycopg.connect(caller.database.owner_url) as owner:
        owner.execute("LOCK webhooks.secret")
        async with dispatching(caller.database):
            await until(lambda: waits_for_a_lock(caller))
            caller.sql("UPDATE webhooks.endpoint SET fence = fence + 1")
            owner.rollback()
            await until_delivered(caller, endpoint["endpoint_id"])
    assert repeated(received(receiver.requests), head) == []


async def test_killed_while_it_waits_for_the_reply(caller: Caller, receiver: Receiver, head: int) -> None:
    endpoint = await caller.register(receiver.url(), start="origin")
    never = asyncio.Event()
    receiver.script(reply(204), once(never, reply(204)))
    with process(caller.database):
        await receiver.came(2)
    async with dispatching(caller.database):
        await until_delivered(caller, endpoint["endpoint_id"])
    assert repeated(received(receiver.requests), head) == [2]


@asynccontextmanager
async def second_reply_unrecorded(caller: Caller, receiver: Receiver) -> AsyncIterator[None]:
    """The second reply came, its write waits for a locked row, and the dispatcher is gone."""
    replied = asyncio.Event()
    receiver.script(reply(204), once(replied, reply(204)))
    with psycopg.connect(caller.database.owner_url) as owner:
        with process(caller.database):
            await until(lambda: counts(caller, "SELECT position FROM webhooks.endpoint", 1))
            owner.execute("SELECT FROM webhooks.endpoint FOR UPDATE")
            replied.set()
            await until(lambda: waits_for_a_lock(caller))
        await until(lambda: waits_for_a_lock(caller))
        yield


async def test_killed_before_a_reply_is_recorded(caller: Caller, receiver: Receiver, head: int) -> None:
    """The server has the write, and needs nobody to finish it."""
    endpoint = await caller.register(receiver.url(), start="origin")
    async with second_reply_unrecorded(caller, receiver):
        pass
    await until(lambda: counts(caller, "SELECT position FROM webhooks.endpoint", 2))
    async with dispatching(caller.database):
        await until_delivered(caller, endpoint["endpoint_id"])
    assert repeated(received(receiver.requests), head) == []


async def test_killed_before_a_reply_is_recorded_and_the_database_with_it(
    caller: Caller, receiver: Receiver, head: int
) -> None:
    """The reply is lost with the process: its message comes again."""
    endpoint = await caller.register(receiver.url(), start="origin")
    async with second_reply_unrecorded(caller, receiver):
        cut_off_who_waits(caller)
    async with dispatching(caller.database):
        await until_delivered(caller, endpoint["endpoint_id"])
    assert repeated(received(receiver.requests), head) == [2]


async def test_the_database_cut_off_while_it_records_loses_no_reply(
    caller: Caller, receiver: Receiver, head: int
) -> None:
    endpoint = await caller.register(receiver.url(), start="origin")
    replied = asyncio.Event()
    receiver.script(reply(204), once(replied, reply(204)))
    with psycopg.connect(caller.database.owner_url) as owner:
        async with dispatching(caller.database):
            await until(lambda: counts(caller, "SELECT position FROM webhooks.endpoint", 1))
            owner.execute("SELECT FROM webhooks.endpoint FOR UPDATE")
            replied.set()
            await until(lambda: waits_for_a_lock(caller))
            cut_off_who_waits(caller)
            owner.rollback()
            await until_delivered(caller, endpoint["endpoint_id"])
    assert repeated(received(receiver.requests), head) == []


async def test_two_dispatchers_killed_at_random(caller: Caller, head: int) -> None:
    random, kills, endpoints = Random(3), 4, 4
    receivers = [Receiver() for _ in range(endpoints)]
    for receiver in receivers:
        await receiver.__aenter__()
    registered = [await caller.register(receiver.url(), start="origin") for receiver in receivers]
    try:
        for _ in range(kills):
            with process(caller.database), process(caller.database):
                await receivers[0].came(len(receivers[0].requests) + 1)
                await asyncio.sleep(random.uniform(0, 0.05))
        async with dispatching(caller.database, 2):
            for endpoint in registered:
                await until_delivered(caller, endpoint["endpoint_id"])
        for receiver in receivers:
            assert len(repeated(received(receiver.requests), head)) <= kills
    finally:
        for receiver in receivers:
            await receiver.__aexit__()


async def test_a_frozen_one_whose_lease_is_over_sends_and_advances_nothing_when_it_wakes(
    caller: Caller, receiver: Receiver, head: int
) -> None:
    endpoint = await caller.register(receiver.url(), start="origin")
    never = asyncio.Event()
    receiver.script(reply(204), once(never, reply(204)))
    with process(caller.database) as frozen:
        await receiver.came(2)
        frozen.send_signal(signal.SIGSTOP)
        async with dispatching(caller.database):
            await until_delivered(caller, endpoint["endpoint_id"])
            frozen.send_signal(signal.SIGCONT)
            await asyncio.sleep(LEASE_SECONDS)
            assert len(receiver.requests) == head + 1
    assert repeated(received(receiver.requests), head) == [2]
    assert caller.sql("SELECT position, failures FROM webhooks.endpoint") == [(head, 0)]


async def test_connections_that_are_cut(caller: Caller, receiver: Receiver, head: int) -> None:
    endpoint = await caller.register(receiver.url(), start="origin")
    random, cuts = Random(4), 6
    async with dispatching(caller.database, lease_seconds=LEASE_SECONDS, deadline_seconds=DEADLINE_SECONDS):
        for turn in range(cuts):
            await receiver.came(min(turn * 3 + 1, head))
            await asyncio.sleep(random.uniform(0, 0.02))
            with psycopg.connect(caller.database.superuser_url, autocommit=True) as superuser:
                superuser.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE application_name = 'sagecert compliance' AND datname = current_database()"
                )
        await until_delivered(caller, endpoint["endpoint_id"])
    assert repeated(received(receiver.requests), head) == []


async def test_a_system_made_anew_under_it(sandbox_database: Database, receiver: Receiver) -> None:
    async with dispatching(sandbox_database, lease_seconds=LEASE_SECONDS, deadline_seconds=DEADLINE_SECONDS):
        for _ in range(2):
            await asyncio.to_thread(
                sandbox.empty, sandbox_database.owner_url, datetime(2022, 1, 1, tzinfo=UTC), running=False
            )
            del receiver.requests[:]
            head = await seed_events(sandbox_database, partners=2)
            async with calling(sandbox_database) as caller:
                endpoint = await caller.register(receiver.url(), start="origin")
                await until_delivered(caller, endpoint["endpoint_id"])
            assert repeated(received(receiver.requests), head) == []


async def test_told_to_stop_it_lets_what_is_under_way_finish(caller: Caller, receiver: Receiver, head: int) -> None:
    endpoint = await caller.register(receiver.url(), start="origin")
    replied = asyncio.Event()
    receiver.script(once(replied, reply(204)))
    async with dispatching(caller.database):
        await receiver.came(1)
        asyncio.get_running_loop().call_later(0.2, replied.set)
    assert caller.sql("SELECT position, lease_until = '-infinity' FROM webhooks.endpoint") == [(1, True)]
    async with dispatching(caller.database):
        await until_delivered(caller, endpoint["endpoint_id"])
    assert repeated(received(receiver.requests), head) == []


def cut_off_who_waits(caller: Caller) -> None:
    """What a killed process had asked for would be done all the same, as soon as the lock is free."""
    with psycopg.connect(caller.database.superuser_url, autocommit=True) as superuser:
        superuser.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
