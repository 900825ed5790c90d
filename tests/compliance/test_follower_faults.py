"""Followers that are killed, cut off, frozen out or given a new schema: nothing is skipped, doubled or reordered."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from random import Random
from time import monotonic
from typing import Any

import psycopg
import pytest
from psycopg import Connection

from services.compliance.database import connect
from services.compliance.projection import rebuild
from services.compliance.projection.batch import Projector
from services.compliance.projection.follower import Follower
from services.compliance.read_model.batch_write import ConcurrentUpdate
from services.host import sandbox
from shared.events.facts import ConsultantLeft, ConsultantLinked
from tests.compliance.log import OURS, Log, as_follower, one_call, set_clock, settings_for
from tests.compliance.seed import BEGIN, SeedFacts, population
from tests.databases import Database

SECONDS_MAX = 30.0
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


async def until_applied(owner: Connection[Any], position: int) -> None:
    deadline = monotonic() + SECONDS_MAX
    while owner.execute("SELECT position FROM compliance.progress").fetchone() != (position,):
        assert monotonic() < deadline, "the projection did not come up with the log"
        await asyncio.sleep(0.02)


async def until_every_timer_fired(owner: Connection[Any]) -> None:
    deadline = monotonic() + SECONDS_MAX
    while owner.execute("SELECT count(*) FROM compliance.timer").fetchone() != (0,):
        assert monotonic() < deadline, "the projection did not come up with the clock"
        await asyncio.sleep(0.02)


async def until_somebody_waits(owner: Connection[Any]) -> None:
    deadline = monotonic() + SECONDS_MAX
    while owner.execute(WAITING).fetchone() != (1,):
        assert monotonic() < deadline, "nobody waits for a lock"
        await asyncio.sleep(0.01)


@asynccontextmanager
async def following(database: Database, followers: int = 1) -> AsyncIterator[None]:
    """Followers in this process."""
    tasks = [asyncio.create_task(Follower(as_follower(settings_for(database))).run()) for _ in range(followers)]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


def worker(database: Database) -> subprocess.Popen[bytes]:
    """`sagecert compliance work` as a process of its own."""
    environment = {**os.environ, "SAGECERT_FOLLOWER_DATABASE_URL": database.follower_url}
    return subprocess.Popen([sys.executable, "-m", "services.cli", "compliance", "work"], env=environment)


async def nothing_is_lost_or_doubled(database: Database, owner: Connection[Any]) -> None:
    sequences = [
        position for (position,) in owner.execute("SELECT position FROM compliance.compliance_event ORDER BY 1")
    ]
    assert sequences == list(range(1, len(sequences) + 1))
    rebuilt = await asyncio.to_thread(rebuild.run, settings_for(database), database.owner_url, verify=True, processes=1)
    assert rebuilt.differences == ()
    assert rebuilt.events == len(sequences) > 0


@pytest.fixture
def early(sandbox_database: Database) -> Database:
    """Its clock stands before everything that is recorded, so that no barrier runs ahead of the facts."""
    set_clock(sandbox_database, BEGIN)
    return sandbox_database


@pytest.fixture
def owner(early: Database) -> Iterator[Connection[Any]]:
    with psycopg.connect(early.owner_url, autocommit=True) as connection:
        yield connection


async def test_two_followers_killed_at_random(early: Database, owner: Connection[Any]) -> None:
    random, groups, log = Random(1), population(100), Log(owner)
    workers = [worker(early), worker(early)]
    try:
        for turn in range(10):
            log.write(groups[turn * 60 : turn * 60 + 60])
            await asyncio.sleep(random.uniform(0.05, 0.6))
            victim = random.randrange(2)
            workers[victim].kill()
            workers[victim].wait()
            workers[victim] = worker(early)
        log.write(groups[600:])
        await until_applied(owner, groups[-1][-1].position)
        set_clock(early, BEGIN + timedelta(days=400))
        await until_every_timer_fired(owner)
    finally:
        for one in workers:
            one.kill()
            one.wait()
    await nothing_is_lost_or_doubled(early, owner)


async def test_followers_whose_connections_are_cut(early: Database, owner: Connection[Any]) -> None:
    random, groups, log = Random(2), population(60), Log(owner)
    async with following(early, followers=2):
        for start in range(0, len(groups), 10):
            log.write(groups[start : start + 10])
            await asyncio.sleep(random.uniform(0, 0.08))
            with psycopg.connect(early.superuser_url, autocommit=True) as superuser:
                superuser.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE application_name = 'sagecert compliance' AND datname = current_database()"
                )
        await until_applied(owner, groups[-1][-1].position)
    await nothing_is_lost_or_doubled(early, owner)


async def test_a_follower_goes_on_when_the_schemas_are_made_anew_under_it(sandbox_database: Database) -> None:
    begin = datetime(2022, 1, 1, tzinfo=UTC)
    groups = population(5)
    async with following(sandbox_database):
        for _ in range(4):
            await asyncio.to_thread(sandbox.empty, sandbox_database.owner_url, begin, running=False)
            with psycopg.connect(sandbox_database.owner_url, autocommit=True) as owner:
                Log(owner).write(groups)
                await until_applied(owner, groups[-1][-1].position)
    with psycopg.connect(sandbox_database.owner_url, autocommit=True) as owner:
        await nothing_is_lost_or_doubled(sandbox_database, owner)


async def test_a_fact_recorded_before_a_timer_is_applied_before_it_however_late_it_becomes_visible(
    sandbox_database: Database,
) -> None:
    """R16: the append is stamped just before the deadline and commits well after it; the timer waits behind it."""
    deadline = datetime(2022, 3, 31, 23, tzinfo=UTC)
    set_clock(sandbox_database, datetime(2022, 3, 1, 9, tzinfo=UTC))
    with psycopg.connect(sandbox_database.owner_url, autocommit=True) as owner:
        telling = SeedFacts()
        telling.var(BEGIN, "P")
        telling.certified(BEGIN, "C")
        telling.tell(datetime(2022, 3, 1, 9, tzinfo=UTC), ConsultantLeft("P", "P-B"))
        Log(owner).write(telling.groups)
        async with following(sandbox_database):
            await until_applied(owner, telling.head)
            with psycopg.connect(sandbox_database.certification_url) as appending:
                set_clock(sandbox_database, deadline - timedelta(seconds=2), running=True)
                call = one_call("joiner", ConsultantLinked("P", "C"))
                stamped = appending.execute("SELECT recorded_at FROM certification.append(%s)", [call]).fetchone()
                assert stamped is not None
                assert stamped[0] < deadline
                await asyncio.sleep(3)
            await until_applied(owner, telling.head + 1)
        types = {kind for (kind,) in owner.execute("SELECT type FROM compliance.compliance_event")}
        assert "com.sage.partnercloud.replacement-window-closed.v1" in types
        assert "com.sage.partnercloud.replacement-window-expired.v1" not in types
        await nothing_is_lost_or_doubled(sandbox_database, owner)


async def test_two_followers_frozen_at_random(early: Database, owner: Connection[Any]) -> None:
    """Whoever thaws goes on where it froze, with what it had read by then; the other has gone on meanwhile."""
    random, groups, log = Random(3), population(100), Log(owner)
    workers = [worker(early), worker(early)]
    try:
        for turn in range(10):
            log.write(groups[turn * 60 : turn * 60 + 50])
            await asyncio.sleep(random.uniform(0, 0.1))
            frozen = workers[turn % 2]
            frozen.send_signal(signal.SIGSTOP)
            log.write(groups[turn * 60 + 50 : turn * 60 + 60])
            await asyncio.sleep(random.uniform(0.3, 1.5))
            frozen.send_signal(signal.SIGCONT)
        log.write(groups[600:])
        await until_applied(owner, groups[-1][-1].position)
    finally:
        for one in workers:
            one.kill()
            one.wait()
    await nothing_is_lost_or_doubled(early, owner)


async def test_who_holds_the_progress_loses_it_when_frozen(early: Database, owner: Connection[Any]) -> None:
    """Whoever freezes within a transaction is cut off by the server, here sooner; the followers go on."""
    groups = population(3)
    Log(owner).write(groups)
    frozen = await connect(as_follower(settings_for(early)))
    assert await frozen.fetchval("SHOW idle_in_transaction_session_timeout") == "30s"
    await frozen.execute("SET idle_in_transaction_session_timeout = '300ms'")
    transaction = frozen.transaction()
    await transaction.start()
    await frozen.execute("SELECT FROM progress FOR UPDATE")
    async with following(early):
        await until_applied(owner, groups[-1][-1].position)
    frozen.terminate()


@pytest.mark.parametrize("other_commits", [True, False])
async def test_a_batch_that_was_overtaken_writes_nothing(
    early: Database, owner: Connection[Any], other_commits: bool
) -> None:
    """Another writes the progress between this one's reading and its writing, and commits once this one waits."""
    groups = population(3)
    Log(owner).write(groups)
    connection = await connect(as_follower(settings_for(early)))
    with psycopg.connect(early.owner_url) as other:
        other.execute("UPDATE compliance.progress SET held_by = 'other'")
        advancing = asyncio.create_task(Projector(connection, OURS, "test").advance_fully(None))
        await until_somebody_waits(owner)
        if other_commits:
            other.commit()
            with pytest.raises(ConcurrentUpdate):
                await advancing
        else:
            other.rollback()
            assert await advancing
    await connection.close()
    written = [
        owner.execute(f"SELECT count(*) FROM compliance.{table}").fetchone() != (0,)
        for table in ("compliance_event", "standing", "timer")
    ]
    assert written == 3 * [not other_commits]


async def test_a_notification_of_what_is_applied_draws_no_barrier(early: Database, owner: Connection[Any]) -> None:
    """A barrier waits for the appends under way and for the disk: only a moved clock is worth one."""
    groups = population(3)
    Log(owner).write(groups)
    head = groups[-1][-1].position
    async with following(early):
        await until_applied(owner, head)
        assert owner.execute("SELECT known_through >= %s FROM compliance.progress", [BEGIN]).fetchone() == (True,)
        with psycopg.connect(early.owner_url) as appending:
            appending.execute("LOCK TABLE certification.recording IN EXCLUSIVE MODE")
            owner.execute(f"NOTIFY sagecert_facts, '{head}'")
            await asyncio.sleep(0.2)
            assert owner.execute(WAITING).fetchone() == (0,)
            owner.execute("NOTIFY sagecert_facts")
            await until_somebody_waits(owner)


async def test_rebuilds_are_taken_into_use_while_facts_come_in_and_followers_run(
    early: Database, owner: Connection[Any]
) -> None:
    groups, log = population(60), Log(owner)
    async with following(early, followers=2):
        for start in range(0, len(groups), 130):
            log.write(groups[start : start + 100])
            rebuilding = asyncio.create_task(
                asyncio.to_thread(rebuild.run, settings_for(early), early.owner_url, verify=False, processes=1)
            )
            for one in range(start + 100, min(start + 130, len(groups))):
                log.write(groups[one : one + 1])
                await asyncio.sleep(0.05)
            await rebuilding
        await until_applied(owner, groups[-1][-1].position)
    await nothing_is_lost_or_doubled(early, owner)


async def test_an_unmigrated_database_is_told_what_to_do(
    early: Database, owner: Connection[Any], caplog: pytest.LogCaptureFixture
) -> None:
    owner.execute("DROP SCHEMA compliance CASCADE")
    async with following(early):
        async with asyncio.timeout(SECONDS_MAX):
            while "`sagecert migrate`" not in caplog.text:  # noqa: ASYNC110 - it is another task that logs
                await asyncio.sleep(0.02)
