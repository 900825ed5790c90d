"""The service says that it is ready where facts can be recorded, and otherwise why they cannot."""

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import httpx
import psycopg
import pytest

from services.certification.event_store import group_commit
from services.host.embedded_postgres.cluster import SUPERUSER
from tests.certification.caller import Caller, kind_of
from tests.databases import Database

SECONDS_MAX = 60
READY = "/certification/readyz"


@contextmanager
def lock_held(database: Database) -> Iterator[str]:
    with psycopg.connect(database.owner_url) as holder:
        holder.execute("LOCK TABLE certification.recording IN EXCLUSIVE MODE")
        yield f"process {holder.info.backend_pid} holds the append lock"


@contextmanager
def right_taken_away(database: Database) -> Iterator[str]:
    with psycopg.connect(database.owner_url, autocommit=True) as owner:
        owner.execute("REVOKE EXECUTE ON FUNCTION certification.append(jsonb, text) FROM sagecert_certification")
        yield "its role lacks a right"
        owner.execute("GRANT EXECUTE ON FUNCTION certification.append(jsonb, text) TO sagecert_certification")


@contextmanager
def database_away(database: Database) -> Iterator[str]:
    with psycopg.connect(database.server.url(SUPERUSER, "postgres"), autocommit=True) as superuser:
        superuser.execute(f"ALTER DATABASE {database.name} ALLOW_CONNECTIONS false")
        superuser.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [database.name])
        yield "the database cannot be used"
        superuser.execute(f"ALTER DATABASE {database.name} ALLOW_CONNECTIONS true")


@contextmanager
def processes_frozen(database: Database) -> Iterator[str]:
    with psycopg.connect(database.superuser_url, autocommit=True) as superuser, ExitStack() as thawed:
        rows = superuser.execute(
            "SELECT pid FROM pg_stat_activity"
            " WHERE datname = current_database() AND application_name LIKE 'sagecert certification%'"
        )
        for (pid,) in rows:
            os.kill(pid, signal.SIGSTOP)
            thawed.callback(os.kill, pid, signal.SIGCONT)
        yield "cannot be appended"


async def test_it_is_ready_where_facts_can_be_recorded(caller: Caller) -> None:
    answer = await caller.http.get(READY)
    assert (answer.status_code, answer.json()) == (200, {"status": "ready"})


@pytest.mark.parametrize("broken", [lock_held, right_taken_away, database_away, processes_frozen])
async def test_it_says_why_facts_cannot_be_recorded(caller: Caller, database: Database, broken: object) -> None:
    assert callable(broken)
    assert (await caller.course()).status_code == 201
    with broken(database) as reason:
        answer: httpx.Response = await caller.http.get(READY)
        assert (answer.status_code, kind_of(answer)) == (503, "not-ready")
        assert "Retry-After" in answer.headers
        assert reason in answer.json()["detail"]
    again = await caller.http.get(READY)
    if broken is processes_frozen:
        again = await caller.http.get(READY)
    assert again.status_code == 200, again.text
    assert (await caller.course()).status_code == 201


NO_ROOM = """
    CREATE FUNCTION certification.no_room() RETURNS trigger LANGUAGE plpgsql
    AS $$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END $$;
    CREATE TRIGGER no_room BEFORE INSERT ON certification.stored_events
        FOR EACH ROW EXECUTE FUNCTION certification.no_room()
"""


@pytest.mark.parametrize("later", [False, True])
async def test_where_there_is_no_room_for_facts_it_is_not_ready_until_there_is(
    caller: Caller, database: Database, monkeypatch: pytest.MonkeyPatch, later: bool
) -> None:
    """A full disk refuses what is written, and lets everything else succeed."""

    async def ready() -> bool:
        """Also where a busy machine gives another reason for a while."""
        answer = await caller.http.get(READY)
        assert answer.status_code == 200 or kind_of(answer) == "not-ready"
        return answer.status_code == 200

    async def disk_is_full() -> bool:
        answer = await caller.http.get(READY)
        return answer.status_code == 503 and "DiskFullError" in answer.json()["detail"]

    if later:
        monkeypatch.setattr(group_commit, "NO_ROOM_SECONDS", 0.1)
    with psycopg.connect(database.owner_url, autocommit=True) as owner:
        owner.execute(NO_ROOM)
        call = asyncio.create_task(caller.course())
        async with asyncio.timeout(SECONDS_MAX):
            while not await disk_is_full():
                pass
        call.cancel()
        await asyncio.wait([call])
        assert later or not await ready(), "nothing else has failed since"
        owner.execute("DROP FUNCTION certification.no_room CASCADE")
    for _ in range(round(SECONDS_MAX / 0.05)):
        if not later or await ready():
            break
        await asyncio.sleep(0.05)
    assert not later or await ready()
    assert (await caller.course()).status_code == 201
    assert await ready()


@pytest.mark.parametrize("role", ["certification_url", "compliance_url"])
def test_no_role_of_a_service_holds_a_lock_for_ever(database: Database, role: str) -> None:
    with psycopg.connect(getattr(database, role)) as service:
        for setting in ("statement_timeout", "idle_in_transaction_session_timeout"):
            assert service.execute(f"SHOW {setting}").fetchone() == ("30s",)
