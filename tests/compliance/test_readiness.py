"""`readyz` says why, where the follower or the dispatcher makes no progress: each is broken here."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import psycopg
import pytest
from psycopg import sql

from services.compliance import readiness
from services.compliance.projection.follower import Follower
from services.host.embedded_postgres.cluster import SUPERUSER
from services.web.readiness_check import CHECK_SECONDS_MAX, DID_NOT_ANSWER
from tests.compliance.asking import ORIGIN, asking
from tests.compliance.log import as_follower
from tests.databases import Database
from tests.webhooks.calling import Caller, calling, seed_events, settings_for
from tests.webhooks.dispatching import dispatching
from tests.webhooks.receiver import Receiver

SECONDS_MAX = 20
READYZ = f"{ORIGIN}/compliance/readyz"


@asynccontextmanager
async def following(database: Database) -> AsyncIterator[None]:
    task = asyncio.create_task(Follower(as_follower(settings_for(database))).run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def becomes(http: httpx.AsyncClient, status: int, reason: str = "") -> str:
    """What is said once it answers with this status and reason."""
    async with asyncio.timeout(SECONDS_MAX):
        while True:
            found = await http.get(READYZ)
            if found.status_code == status and reason in found.text:
                assert status == 200 or found.headers["retry-after"]
                return found.text
            await asyncio.sleep(0.02)


@pytest.fixture
async def http(database: Database) -> AsyncIterator[httpx.AsyncClient]:
    async with asking(settings_for(database, sandbox=False)) as http:
        yield http


def do(database: Database, statement: str) -> None:
    with psycopg.connect(database.owner_url, autocommit=True) as owner:
        owner.execute(statement)


async def test_an_idle_system_is_ready_and_without_its_follower_it_is_not(
    http: httpx.AsyncClient, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with following(database):
        await becomes(http, 200)
        monkeypatch.setattr(readiness, "LIFE_SECONDS", 3.0)
        await becomes(http, 200)
    await becomes(http, 503, "No follower is running")


async def test_a_standing_clock_is_no_fault(sandbox_database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    do(sandbox_database, "UPDATE certification.recording SET clock_at = '2022-01-01T00:00:00Z'")
    async with asking(settings_for(sandbox_database)) as http, following(sandbox_database):
        await becomes(http, 200)


async def test_a_fact_that_cannot_be_applied_is_named(http: httpx.AsyncClient, database: Database) -> None:
    async with following(database):
        await becomes(http, 200)
        do(
            database,
            """INSERT INTO certification.stored_events (
                originator_id, originator_version, topic, state, notification_id, append_position, fact_id,
                recorded_at, effective_at, partner_id)
            SELECT 's', 1, 'com.sage.partnercloud.partner-enrolled.v9', '{}', 1, 1, 'f1', t, t, 'P1'
            FROM clock_timestamp() t""",
        )
        await becomes(http, 503, "The follower makes no progress")


async def test_a_follower_that_is_stuck_or_far_behind_is_told(http: httpx.AsyncClient, database: Database) -> None:
    beat = "INSERT INTO compliance.heartbeat VALUES ('a', clock_timestamp()) ON CONFLICT (held_by)"
    beat += " DO UPDATE SET beat_at = clock_timestamp()"
    async with following(database):
        await becomes(http, 200)
    do(database, beat)
    do(database, "UPDATE compliance.progress SET known_through = clock_timestamp() - interval '1 minute'")
    assert "behind" in await becomes(http, 503, "The projection is 6")
    do(database, "UPDATE compliance.progress SET advanced_at = clock_timestamp() - interval '1 minute'")
    do(
        database,
        """INSERT INTO certification.stored_events (
            originator_id, originator_version, topic, state, notification_id, append_position, fact_id,
            recorded_at, effective_at) SELECT 's', 1, 't', '{}', 1, 1, 'f1', t, t FROM clock_timestamp() t""",
    )
    do(database, beat)
    await becomes(http, 503, "stands still: 1 facts")


async def test_a_read_model_of_another_policy_is_told(http: httpx.AsyncClient, database: Database) -> None:
    async with following(database):
        await becomes(http, 200)
        do(database, "UPDATE compliance.progress SET engine_id = 'another'")
        assert "rebuild" in await becomes(http, 503, "engine another")


async def test_a_database_that_is_away_is_told(http: httpx.AsyncClient, database: Database) -> None:
    name = sql.Identifier(database.name)
    async with following(database):
        await becomes(http, 200)
        with psycopg.connect(database.server.url(SUPERUSER, "postgres"), autocommit=True) as superuser:
            superuser.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(name))
            superuser.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [database.name]
            )
            await becomes(http, 503, "database-unavailable")
            superuser.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(name))
        await becomes(http, 200)


async def test_a_frozen_database_is_told_in_time_to_however_many_ask(
    http: httpx.AsyncClient, database: Database
) -> None:
    await http.get(READYZ)  # connects
    with psycopg.connect(database.superuser_url, autocommit=True) as superuser:
        found = superuser.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        frozen = [pid for (pid,) in found]
    try:
        for pid in frozen:
            os.kill(pid, signal.SIGSTOP)
        async with asyncio.timeout(4 * CHECK_SECONDS_MAX):
            answers = await asyncio.gather(*(http.get(READYZ) for _ in range(20)))
        assert {(answer.status_code, answer.json()["detail"]) for answer in answers} == {(503, DID_NOT_ANSWER)}
    finally:
        for pid in frozen:
            os.kill(pid, signal.SIGCONT)
    async with following(database):
        await becomes(http, 200)


async def test_messages_that_nobody_delivers_are_told(
    sandbox_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readiness, "LIFE_SECONDS", 3.0)
    await seed_events(sandbox_database)
    async with calling(sandbox_database) as caller, following(sandbox_database), Receiver() as receiver:
        await becomes(caller.http, 200)
        await registered(caller, receiver.url())
        await becomes(caller.http, 503, "no dispatcher has sent a heartbeat")
        async with dispatching(sandbox_database):
            await becomes(caller.http, 200)


async def registered(caller: Caller, url: str) -> None:
    await caller.call("POST", status=201, body={"url": url, "start": {"position": 0}})
