"""The sandbox clock, and starting anew while others look on."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from time import monotonic

import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from services.certification.decision import RequestReceipt
from services.certification.domain.fact_report import FactReport
from services.certification.event_store.database import Database as Log
from services.certification.event_store.store import EventStore
from services.certification.personal_data import FreeText
from services.certification.record_fact import record
from services.host import sandbox
from services.web.sandbox_mismatch import SandboxMismatch
from shared.events.facts import CertificationRecognised, ConsultantLinked, Reported, RevocationOrdered
from tests.certification.caller import Caller
from tests.certification.test_hostile_input import HOSTILE_BODIES, HOSTILE_VALUES
from tests.databases import Database
from tests.systems import START, System

THEN = datetime(2022, 1, 1, tzinfo=UTC)


@pytest.fixture
async def store(sandbox_database: Database) -> AsyncIterator[EventStore]:
    async with Log(sandbox_database.certification_url, None, 4, 20.0) as log, EventStore(log) as opened:
        yield opened


async def test_where_the_clock_stands_still_every_fact_is_recorded_at_exactly_that_instant(
    sandbox_caller: Caller, sandbox_database: Database
) -> None:
    sandbox.empty(sandbox_database.owner_url, THEN, running=False)
    for number in range(3):
        answer = await sandbox_caller.course(f"C{number}")
        assert (answer.json()["recorded_at"], answer.json()["effective_at"]) == (START, START)


async def test_decisions_at_an_instant_that_stands_still(store: EventStore, sandbox_database: Database) -> None:
    """R37: recognised and revoked at one instant, the revocation prevails, whichever is told first."""
    sandbox.empty(sandbox_database.owner_url, THEN, running=False)
    told: tuple[Reported, ...] = (CertificationRecognised("C1", "S200P"), RevocationOrdered("C1", "S200P"))
    for number, data in enumerate(told):
        await record(store, ("S200P",), FactReport(f"f{number}", data), RequestReceipt("test", f"f{number}", b""))
    *_, decision = (await store.facts_after(0, 10, 10)).entries
    assert getattr(decision.fact.data, "periods", None) == ()
    assert {entry.fact.recorded_at for entry in (await store.facts_after(0, 10, 10)).entries} == {THEN}


async def test_a_running_clock_goes_on_from_where_it_was_set(store: EventStore, sandbox_database: Database) -> None:
    sandbox.empty(sandbox_database.owner_url, THEN, running=True)
    one, two = await store.now(), await store.now()
    assert THEN < one < two < THEN + timedelta(minutes=1)


def test_the_clock_never_goes_back(sandbox_database: Database) -> None:
    sandbox.empty(sandbox_database.owner_url, THEN, running=False)
    with psycopg.connect(sandbox_database.owner_url, autocommit=True) as owner:
        for instant, goes in (
            (THEN, True),
            (THEN - timedelta(microseconds=1), False),
            (THEN + timedelta(days=1), True),
        ):
            assert owner.execute("SELECT certification.set_clock(%s, false)", [instant]).fetchone() == (goes,)


def test_no_database_in_real_use_is_emptied(database: Database) -> None:
    with psycopg.connect(database.owner_url, autocommit=True) as owner:
        owner.execute("INSERT INTO certification.profile VALUES ('C1', 'name', 'e-mail')")
        with pytest.raises(SandboxMismatch):
            sandbox.empty(database.owner_url, THEN, running=False)
        assert owner.execute("SELECT count(*) FROM certification.profile").fetchone() == (1,)
        assert owner.execute("SELECT certification.set_clock(now() + interval '1 day', false)").fetchone() == (False,)


async def test_starting_anew_empties_every_table_and_guards_the_log_as_before(
    store: EventStore, sandbox_database: Database
) -> None:
    """The functions stay the same ones: a session would keep those it had called before for as long as it lasts."""
    asked = RequestReceipt("test", "f", b"", FreeText("why", b"salt"))
    await record(store, ("S200P",), FactReport("f", ConsultantLinked("P1", "C1")), asked)
    with psycopg.connect(sandbox_database.owner_url, autocommit=True) as owner:
        owner.execute("INSERT INTO certification.profile VALUES ('C1', 'name', 'e-mail')")
        before = _functions(owner)
        assert _filled(owner) >= {"stored_events", "free_text", "profile"}
        sandbox.empty(sandbox_database.owner_url, THEN, running=False)
        assert _filled(owner) == {"alembic_version", "recording", "progress"}
        assert _functions(owner) == before
        for change in ("DELETE FROM certification.stored_events", "TRUNCATE certification.stored_events"):
            with pytest.raises(psycopg.errors.RestrictViolation):
                owner.execute(change)


def _functions(owner: psycopg.Connection) -> list[tuple[int, str]]:
    found = "SELECT oid, proname FROM pg_proc WHERE pronamespace = 'certification'::regnamespace ORDER BY oid"
    return owner.execute(found).fetchall()


def _filled(owner: psycopg.Connection) -> set[str]:
    """The tables of every schema of ours that hold anything."""
    tables = owner.execute(
        "SELECT schemaname, tablename FROM pg_tables WHERE schemaname IN ('certification', 'compliance', 'webhooks')"
    ).fetchall()
    exists = SQL("SELECT EXISTS (SELECT FROM {})")
    return {
        name for schema, name in tables if owner.execute(exists.format(Identifier(schema, name))).fetchone() == (True,)
    }


async def test_starting_anew_while_others_read_and_write(store: EventStore, sandbox_database: Database) -> None:
    """Nobody is answered an error; what is recorded afterwards is in the new log."""
    stop = asyncio.Event()

    async def look_on(number: int) -> None:
        turn = 0
        while not stop.is_set():
            turn += 1
            data = ConsultantLinked("P1", f"C{number}")
            asked = RequestReceipt("test", f"{number}-{turn}", b"")
            await record(store, ("S200P",), FactReport(f"{number}-{turn}", data), asked)
            await store.facts_after(0, 10, 10)
            await store.await_known(await store.now())

    lookers_on = [asyncio.create_task(look_on(number)) for number in range(3)]
    started = monotonic()
    for number in range(10):
        then = THEN + timedelta(days=number)
        await asyncio.to_thread(sandbox.empty, sandbox_database.owner_url, then, running=bool(number % 2))
    took = monotonic() - started
    stop.set()
    await asyncio.gather(*lookers_on)
    assert took < 30
    sandbox.empty(sandbox_database.owner_url, THEN, running=False)
    assert (await store.facts_after(0, 10, 10)).entries == []


async def test_starting_anew_while_another_database_of_the_server_is_migrated(
    sandbox_database: Database, database: Database
) -> None:
    """Settings of roles are shared by all databases of a server, so one migration waits for another."""
    with psycopg.connect(database.superuser_url) as other:
        other.execute("ALTER ROLE sagecert_certification SET statement_timeout = '30s'")
        emptied = asyncio.create_task(asyncio.to_thread(sandbox.empty, sandbox_database.owner_url, THEN, running=False))
        done, _ = await asyncio.wait([emptied], timeout=3 * sandbox.LOCK_MILLISECONDS_MAX / 1000)
        assert not done
        other.rollback()
    await emptied


class TestOverHttp:
    """The running system: setting the clock waits for the projections."""

    def test_setting_it_back_is_refused(self, system: System) -> None:
        system.set_clock("2022-01-02T00:00:00Z")
        back = system.http.put("/sandbox/v1/clock", json={"now": START})
        assert (back.status_code, back.headers["content-type"]) == (409, "application/problem+json")
        assert system.http.get("/sandbox/v1/clock").json() == {"now": "2022-01-02T00:00:00Z", "running": False}

    def test_it_can_run(self, system: System) -> None:
        answer = system.http.put("/sandbox/v1/clock", json={"now": "2022-01-02T00:00:00Z", "running": True})
        assert answer.json()["running"] is True
        assert system.http.get("/sandbox/v1/clock").json()["now"] > "2022-01-02T00:00:00"

    def test_every_answer_says_that_it_is_a_sandbox(self, system: System) -> None:
        for path in ("/sandbox/v1/clock", "/certification/v1/events", "/nothing"):
            assert system.http.get(path).headers["X-Sandbox"] == "true"

    def test_the_projections_are_current_when_it_answers(self, system: System) -> None:
        """R26 has no timer in certification; compliance has fired its own by then."""
        linked = system.record("partners/P1/consultants", "k1", consultant_id="C1")
        system.set_clock("2022-02-01T00:00:00Z")
        with_it = system.http.get("/compliance/v1/consultants/C1/certifications/S200P").json()
        assert with_it["position"] >= linked.json()["position"]
        assert with_it["known_at"] == "2022-02-01T00:00:00Z"

    @pytest.mark.parametrize("body", [{}, {"now": "2022"}, {"now": START, "running": 1}, {"now": START, "more": 1}, []])
    def test_what_it_does_not_take(self, system: System, body: object) -> None:
        for method, path in (("PUT", "clock"), ("POST", "reset")):
            answer = system.http.request(method, f"/sandbox/v1/{path}", json=body)
            assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")

    def test_starting_anew_forgets_the_webhook_endpoints_and_takes_new_ones(self, system: System) -> None:
        endpoints = "/compliance/v1/webhook-endpoints"
        for _ in range(2):
            assert system.http.get(endpoints).json()["endpoints"] == []
            registered = system.http.post(endpoints, json={"url": "http://127.0.0.1:9/hooks"})
            assert (registered.status_code, registered.json()["health"]["head"]) == (201, 0)
            system.reset()
        lost = system.http.get(f"{endpoints}/{registered.json()['endpoint_id']}")
        assert lost.status_code == 404

    @pytest.mark.parametrize("content", HOSTILE_BODIES, ids=lambda body: repr(body[:20]))
    def test_no_body_moves_the_clock(self, system: System, content: bytes) -> None:
        self.assert_refused(system, content)

    @pytest.mark.parametrize("value", HOSTILE_VALUES)
    def test_no_value_moves_the_clock(self, system: System, value: str) -> None:
        later = json.dumps("2022-01-05T00:00:00Z")
        bodies = [f'{{"now": {value}}}', f'{{"now": {value}, "running": true}}', f'{{"now": {later}, "more": {value}}}']
        if value != "true":
            bodies.append(f'{{"now": {later}, "running": {value}}}')
        for body in bodies:
            self.assert_refused(system, body.encode())

    def test_an_instant_that_is_said_twice_does_not_move_the_clock(self, system: System) -> None:
        self.assert_refused(system, b'{"now": "2022-01-05T00:00:00Z", "now": "2022-01-06T00:00:00Z"}')

    @pytest.mark.parametrize(
        "body",
        [
            {"now": "2100-12-31T23:59:59Z", "running": True},
            {"now": "2100-01-01T00:00:00Z", "running": True},
            {"now": "2101-01-01T00:00:00Z"},
            {"now": "2100-12-31T23:59:59-00:01"},
            {"now": "1999-12-31T23:59:59Z"},
        ],
    )
    def test_the_clock_never_leaves_the_years_that_can_be_asked_about(
        self, system: System, body: dict[str, object]
    ) -> None:
        self.assert_refused(system, json.dumps(body).encode())

    def test_what_is_recorded_in_the_last_instant_can_be_asked_about(self, system: System) -> None:
        last = "2100-12-31T23:59:59.999999Z"
        system.reset(last)
        recorded = system.record("partners", "k1", partner_id="P1", kind="VAR", programme="PARTNER_SUCCESS").json()
        assert recorded["recorded_at"] == recorded["effective_at"] == last
        query = {"at": last, "known_at": last, "min_position": recorded["position"]}
        answer = system.http.get("/compliance/v1/partners/P1/compliance/S200P", params=query)
        assert (answer.status_code, answer.json()["known_at"]) == (200, last), answer.text

    def test_no_method_of_another_call_moves_the_clock(self, system: System) -> None:
        body = {"now": "2022-01-05T00:00:00Z"}
        for method, path in (("POST", "clock"), ("DELETE", "clock"), ("PUT", "reset"), ("GET", "reset")):
            answer = system.http.request(method, f"/sandbox/v1/{path}", json=body)
            assert (answer.status_code, answer.headers["content-type"]) == (405, "application/problem+json")
        assert system.http.get("/sandbox/v1/clock").json() == {"now": START, "running": False}

    def assert_refused(self, system: System, content: bytes) -> None:
        """Refused with a problem; nothing is emptied, and the clock stands where it stood."""
        system.record("partners", "k1", partner_id="P1", kind="VAR", programme="PARTNER_SUCCESS")
        for method, path in (("PUT", "clock"), ("POST", "reset")):
            headers = {"Content-Type": "application/json"}
            answer = system.http.request(method, f"/sandbox/v1/{path}", content=content, headers=headers)
            where = f"{method} {path} {content[:100]!r}: {answer.text[:300]}"
            assert 400 <= answer.status_code < 500, where
            assert answer.headers["content-type"] == "application/problem+json", where
            assert answer.json()["detail"], where
        assert system.http.get("/sandbox/v1/clock").json() == {"now": START, "running": False}
        assert len(system.http.get("/certification/v1/events").json()) == 1
