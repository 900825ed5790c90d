"""A database that breaks off, freezes or comes back: every fact once, and an answer in time."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import suppress
from typing import Any

import httpx
import psycopg
import pytest
from pydantic import SecretStr

from services.certification.app import create_app
from services.certification.decision import RequestReceipt
from services.certification.domain.fact_report import FactReport
from services.certification.domain.refusals import Unavailable
from services.certification.event_store.append_connection import AppendConnection
from services.certification.event_store.append_request import Outcome
from services.certification.event_store.database import Database as Log
from services.certification.event_store.store import EventStore
from services.certification.record_fact import record
from services.certification.settings import CertificationSettings
from services.host.api_keys.key_ring import NO_KEYS
from services.host.documented_operations import Paths
from services.host.embedded_postgres.cluster import SUPERUSER
from services.host.request_guard import RequestGuard
from services.web.sandbox_mismatch import SandboxMismatch
from shared.events.facts import CourseCompleted, Reported
from tests.databases import Database

SECONDS_MAX = 1.0
ANSWERED_SECONDS_MAX = 20.0
"""How long a call may take that is given up after `SECONDS_MAX`, on a machine that is busy with something else."""
ATTEMPTS = 40


@pytest.fixture
async def store(database: Database) -> AsyncIterator[EventStore]:
    async with Log(database.certification_url, None, 4, SECONDS_MAX) as log, EventStore(log) as opened:
        yield opened


async def tell(store: EventStore, fact_id: str, data: Reported) -> int:
    asked = RequestReceipt("test", fact_id, b"")
    return (await record(store, ("S200P",), FactReport(fact_id, data, None, "test"), asked)).position


async def tell_until_told(store: EventStore, fact_id: str, data: Reported) -> int:
    """As a caller does: again with the same key."""
    async with asyncio.timeout(ANSWERED_SECONDS_MAX):
        while True:
            with suppress(Unavailable):
                return await tell(store, fact_id, data)


def backends(superuser: psycopg.Connection, database: str | None = None) -> list[int]:
    rows = superuser.execute(
        "SELECT pid FROM pg_stat_activity"
        " WHERE datname = coalesce(%s, current_database()) AND application_name LIKE 'sagecert%%'",
        [database],
    )
    return [row[0] for row in rows]


@pytest.fixture
def superuser(database: Database) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database.superuser_url, autocommit=True) as connection:
        yield connection


class TestLostReply:
    """The commit is made, the reply is lost: what is stored decides (R34)."""

    async def test_the_fact_is_found_stored(
        self, store: EventStore, owner: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sent: list[Sequence[bytes]] = []
        original = AppendConnection.send

        async def send_and_lose(line: AppendConnection, calls: Sequence[bytes]) -> list[Outcome]:
            answer = await original(line, calls)
            sent.append(calls)
            if len(sent) == 1:
                line.close()
                raise ConnectionResetError("the connection broke before the reply came")
            return answer

        monkeypatch.setattr(AppendConnection, "send", send_and_lose)
        assert await tell(store, "f1", CourseCompleted("C1", "S200P")) == 1
        assert len(sent) == 2, "it was asked again, and told what is stored"
        assert owner.execute("SELECT count(*) FROM certification.stored_events").fetchone() == (1,)

    async def test_backends_killed_all_the_time(
        self, store: EventStore, superuser: psycopg.Connection, owner: psycopg.Connection
    ) -> None:
        killed: list[int] = []

        async def kill() -> None:
            while len(killed) <= 40:
                await asyncio.sleep(0.1)
                for pid in backends(superuser):
                    superuser.execute("SELECT pg_terminate_backend(%s)", [pid])
                    killed.append(pid)

        killing = asyncio.create_task(kill())
        told: list[str] = []
        while not killing.done():
            told.append(f"f{len(told)}")
            await tell_until_told(store, told[-1], CourseCompleted(f"C{len(told) % 3}", "S200P"))
        await killing
        rows = owner.execute("SELECT fact_id, notification_id FROM certification.stored_events ORDER BY 2").fetchall()
        assert [fact_id for fact_id, _ in rows] == told
        assert [position for _, position in rows] == list(range(1, len(told) + 1))


class TestFrozen:
    """A server that does not answer at all is answered for in time, and nothing is recorded twice after it."""

    async def test_a_call_is_given_up_at_its_deadline(
        self, store: EventStore, superuser: psycopg.Connection, owner: psycopg.Connection
    ) -> None:
        await tell(store, "f1", CourseCompleted("C1", "S200P"))
        frozen = backends(superuser)
        for pid in frozen:
            os.kill(pid, signal.SIGSTOP)
        try:
            async with asyncio.timeout(ANSWERED_SECONDS_MAX):
                with pytest.raises(Unavailable):
                    await tell(store, "f2", CourseCompleted("C1", "S200P"))
        finally:
            for pid in frozen:
                os.kill(pid, signal.SIGCONT)
        await tell_until_told(store, "f2", CourseCompleted("C1", "S200P"))
        rows = owner.execute("SELECT fact_id FROM certification.stored_events ORDER BY notification_id").fetchall()
        assert rows == [("f1",), ("f2",)]

    async def test_callers_who_wait_for_a_held_lock_are_all_answered_in_time(
        self, store: EventStore, database: Database
    ) -> None:
        errors: list[Unavailable] = []

        async def work(number: int) -> None:
            try:
                await tell(store, f"f{number}", CourseCompleted(f"C{number}", "S200P"))
            except Unavailable as error:
                errors.append(error)

        with psycopg.connect(database.owner_url) as holder:
            holder.execute("LOCK TABLE certification.recording IN EXCLUSIVE MODE")
            async with asyncio.timeout(ANSWERED_SECONDS_MAX):
                await asyncio.gather(*(work(number) for number in range(6)))
        assert len(errors) == 6
        for number in range(6):
            await tell_until_told(store, f"f{number}", CourseCompleted(f"C{number}", "S200P"))
        entries = (await store.facts_after(0, 10, 10)).entries
        assert sorted(entry.fact.fact_id for entry in entries) == [f"f{number}" for number in range(6)]


async def test_in_an_outage_the_pauses_between_attempts_do_not_grow(
    store: EventStore, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So many attempts would take hours with pauses that double, and the first call after the outage as long again."""
    attempts = 0
    ask = Log._ask

    async def counted(log: Log, *question: Any) -> Any:
        nonlocal attempts
        attempts += 1
        return await ask(log, *question)

    monkeypatch.setattr(Log, "_ask", counted)
    await tell(store, "f1", CourseCompleted("C1", "S200P"))
    with psycopg.connect(database.server.url(SUPERUSER, "postgres"), autocommit=True) as superuser:
        superuser.execute(f"ALTER DATABASE {database.name} ALLOW_CONNECTIONS false")
        for pid in backends(superuser, database.name):
            superuser.execute("SELECT pg_terminate_backend(%s)", [pid])
        async with asyncio.timeout(ANSWERED_SECONDS_MAX):
            while attempts < ATTEMPTS:
                with pytest.raises(Unavailable):
                    await tell(store, "f2", CourseCompleted("C1", "S200P"))
        superuser.execute(f"ALTER DATABASE {database.name} ALLOW_CONNECTIONS true")
    assert await tell_until_told(store, "f2", CourseCompleted("C1", "S200P")) == 2


async def test_a_database_that_is_away_is_a_503_and_no_500(database: Database) -> None:
    settings = CertificationSettings(database_url=SecretStr(database.certification_url), call_seconds_max=0.5)
    app = create_app(settings)
    guard = RequestGuard(app, Paths([app]), keys=NO_KEYS, sandbox=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(guard), base_url="http://certification") as http,
    ):
        with psycopg.connect(database.superuser_url, autocommit=True) as superuser:
            superuser.execute("ALTER SCHEMA certification RENAME TO elsewhere")
            answer = await http.post("/certification/v1/partners/P1/closure", headers={"Idempotency-Key": "k"})
            superuser.execute("ALTER SCHEMA elsewhere RENAME TO certification")
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
        again = await http.post("/certification/v1/partners/P1/closure", headers={"Idempotency-Key": "k"})
        assert again.status_code == 201


@pytest.mark.parametrize("sandbox", [True, False])
async def test_a_database_of_the_other_kind_is_refused_for_ever(
    database: Database, sandbox_database: Database, *, sandbox: bool
) -> None:
    url = (database if sandbox else sandbox_database).certification_url
    app = create_app(CertificationSettings(database_url=SecretStr(url), sandbox=sandbox))
    with pytest.raises(SandboxMismatch):
        async with app.router.lifespan_context(app):
            pass
