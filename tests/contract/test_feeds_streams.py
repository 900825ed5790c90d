"""Both feeds as Server-Sent Events: over real HTTP, through reconnects, restarts and lost connections."""

import random
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, contextmanager, suppress
from itertools import count, product
from typing import Any, Final

import httpx
import psycopg
import pytest
from psycopg import sql

from services.host.embedded_postgres.cluster import SUPERUSER
from services.host.embedded_postgres.server import Server
from services.web import event_broadcast, event_feed, feed_events
from services.web.wakeup import POLL_SECONDS
from tests.conftest import TEMPLATE
from tests.contract.feeds import (
    FEEDS,
    Both,
    Streamed,
    both,
    plant_event,
    plant_fact,
    plant_now,
    plant_plain,
    streaming,
    taken,
)
from tests.databases import Database, clone, drop
from tests.systems import STOP_SECONDS_MAX, serving

CLIENT_SECONDS: Final = 30
_partners = count(1)


@pytest.fixture(scope="module")
def real_database(templates: Server) -> Iterator[Database]:
    """A database of the module's tests, no sandbox."""
    name = "streams"
    clone(templates, TEMPLATE, name)
    yield Database(templates, name)
    drop(templates, name)


@pytest.fixture(scope="module")
def one_origin(real_database: Database) -> Iterator[str]:
    """The all-in-one system, for the tests that leave it alive."""
    with serving({"DATABASE_URL": real_database.owner_url}, "up") as (_, origin):
        yield origin


def enrol(origin: str, partner: str) -> None:
    """Records one fact, from which at least one compliance event follows; again while it is to come again."""
    body = {"partner_id": partner, "kind": "VAR", "programme": "PARTNER_SUCCESS"}
    url, key = f"{origin}/certification/v1/partners", {"Idempotency-Key": partner}
    while (answer := httpx.post(url, json=body, headers=key)).status_code == 503:
        time.sleep(POLL_SECONDS)
    assert answer.status_code == 201, answer.text


def enrol_all(origin: str, partners: list[str]) -> None:
    for partner in partners:
        enrol(origin, partner)


def new_partners(number: int) -> list[str]:
    return [f"P{next(_partners)}" for _ in range(number)]


@contextmanager
def opened(url: str, streamed: Streamed, **query: Any) -> Iterator[Iterator[dict[str, Any]]]:
    """The events of a stream that goes on where the one before has left off, as a browser does it."""
    headers = {"Accept": "text/event-stream"}
    if streamed.last_event_id:
        headers["Last-Event-ID"] = streamed.last_event_id
    with httpx.stream("GET", url, params=query, headers=headers, timeout=CLIENT_SECONDS) as response:
        assert response.status_code == 200, response.read()
        assert response.headers["content-type"].startswith("text/event-stream")
        assert response.headers["cache-control"] == "no-store"
        yield streamed.events(response.iter_lines())


def about(event: dict[str, Any]) -> str:
    partner: str = event["data"].get("partner_id", "")
    return partner


def first_about_a_partner(facts: Iterator[dict[str, Any]]) -> dict[str, Any]:
    """The next fact but for those about the system itself, such as the engine that was installed."""
    return next(fact for fact in facts if about(fact))


def pages(url: str) -> list[dict[str, Any]]:
    """The whole feed, in pages."""
    found: list[dict[str, Any]] = []
    while True:
        after = found[-1]["position"] if found else 0
        page = httpx.get(url, params={"after": after, "limit": 50}).json()
        if not page:
            return found
        found += page


@pytest.mark.parametrize("path", FEEDS)
def test_who_is_cut_off_again_and_again_misses_nothing_and_gets_nothing_twice(one_origin: str, path: str) -> None:
    """Facts are recorded all the while; the reader hangs up in the middle of what it is sent."""
    expected = new_partners(40)
    recording = threading.Thread(target=enrol_all, args=[one_origin, expected])
    recording.start()
    dice = random.Random(4)
    streamed = Streamed()
    got: list[dict[str, Any]] = []
    while not set(expected) <= {about(event) for event in got}:
        with opened(one_origin + path, streamed) as events:
            for _, event in zip(range(dice.randint(1, 9)), events, strict=False):
                got.append(event)
                if about(event) == expected[-1]:
                    break
    recording.join()
    assert [event["position"] for event in got] == list(range(1, len(got) + 1))
    assert got == pages(one_origin + path)[: len(got)]


@pytest.mark.parametrize("path", FEEDS)
def test_the_filter_and_after_hold_for_a_stream_and_its_id_goes_first(one_origin: str, path: str) -> None:
    first, second, third = new_partners(3)
    for partner in (first, second, third):
        enrol(one_origin, partner)
    streamed = Streamed()
    with opened(one_origin + path, streamed, partner_id=[first, third]) as events:
        event = next(events)
        while about(event) != third:
            assert about(event) == first
            event = next(events)
    with opened(one_origin + path, streamed, after=0, partner_id=third) as events:
        enrolled_again = {"partner_id": third, "kind": "DEVELOPER", "programme": "PARTNER_SUCCESS"}
        headers = {"Idempotency-Key": f"{third}-again"}
        httpx.post(f"{one_origin}/certification/v1/partners", json=enrolled_again, headers=headers).raise_for_status()
        assert next(events)["position"] > event["position"]


def test_streams_go_on_while_the_database_is_away_for_longer_than_a_call_may_take(database: Database) -> None:
    before, after = new_partners(2)
    settings = {"DATABASE_URL": database.owner_url, "SAGECERT_CERTIFICATION_CALL_SECONDS_MAX": "1"}
    fact, event = Streamed(), Streamed()
    with serving(settings, "up") as (_, origin), psycopg.connect(server_url(database), autocommit=True) as superuser:
        enrol(origin, before)
        with opened(origin + FEEDS[0], fact) as facts, opened(origin + FEEDS[1], event) as events:
            assert about(first_about_a_partner(facts)) == about(next(events)) == before
            allow_connections(superuser, database, allowed=False)
            for path in FEEDS * 2:
                assert httpx.get(origin + path, params={"after": 1_000}).status_code == 503
            time.sleep(2 * POLL_SECONDS)  # the streams look, too
            allow_connections(superuser, database, allowed=True)
            while httpx.get(f"{origin}/certification/v1/facts", params={"idempotency_key": "x"}).status_code == 503:
                time.sleep(POLL_SECONDS)  # whose key it is must be known again
            enrol(origin, after)
            for stream in (facts, events):
                while about(next(stream)) != after:
                    pass


def server_url(database: Database) -> str:
    """Where the superuser reaches the server, whatever becomes of the database."""
    return database.server.url(SUPERUSER, "postgres")


def allow_connections(superuser: psycopg.Connection, database: Database, *, allowed: bool) -> None:
    """Lets nobody in, and throws out who is; or lets everybody in again."""
    name = sql.Identifier(database.name)
    superuser.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}").format(name, sql.Literal(allowed)))
    superuser.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [database.name])


def test_who_follows_a_server_that_is_killed_goes_on_exactly_with_the_next(database: Database) -> None:
    expected = new_partners(12)
    streamed = {path: Streamed() for path in FEEDS}
    got: dict[str, list[dict[str, Any]]] = {path: [] for path in FEEDS}
    for first in (0, 4, 8):
        last = expected[first + 3]
        with serving({"DATABASE_URL": database.owner_url}, "up") as (process, origin), ExitStack() as streams:
            enrol_all(origin, expected[first : first + 2])
            events = {path: streams.enter_context(opened(origin + path, streamed[path])) for path in FEEDS}
            enrol_all(origin, expected[first + 2 : first + 4])
            for path in FEEDS:
                while last not in {about(event) for event in got[path]}:
                    got[path].append(next(events[path]))
            process.kill()
            for path in FEEDS:
                with suppress(httpx.TransportError):
                    got[path].extend(events[path])
    for path in FEEDS:
        assert [event["position"] for event in got[path]] == list(range(1, len(got[path]) + 1))
        assert set(expected) <= {about(event) for event in got[path]}


def test_streams_and_long_polls_end_in_order_when_the_server_is_told_to_stop(database: Database) -> None:
    polls: list[httpx.Response] = []

    def poll(url: str) -> None:
        polls.append(httpx.get(url, params={"after": 1_000, "timeout": 60}, timeout=CLIENT_SECONDS))

    (partner,) = new_partners(1)
    with serving({"DATABASE_URL": database.owner_url}, "up") as (process, origin):
        polling = [threading.Thread(target=poll, args=[origin + path]) for path in FEEDS]
        for thread in polling:
            thread.start()
        enrol(origin, partner)
        fact, event = Streamed(), Streamed()
        with opened(origin + FEEDS[0], fact) as facts, opened(origin + FEEDS[1], event) as events:
            assert about(first_about_a_partner(facts)) == about(next(events)) == partner
            httpx.get(origin + FEEDS[0], params={"after": 1_000, "timeout": 0.5})
            process.terminate()
            assert list(facts) == [], "it ends without an error of HTTP"
            list(events)
        process.wait(STOP_SECONDS_MAX)
        for thread in polling:
            thread.join()
    assert [(poll.status_code, poll.content) for poll in polls] == [(200, b"[]")] * 2


@pytest.fixture
async def services(database: Database, owner: psycopg.Connection) -> AsyncIterator[Both]:
    """Both services, with logs in which only the first event is about anybody called R."""
    plant_fact(owner, [1], "partner-closed", {"partner_id": "R"}, partner="R")
    plant_event(owner, [1], "minimum-reached", "R", "S200P")
    plant_plain(owner, range(2, event_broadcast.SCAN_WINDOW + 10))
    async with both(database) as found:
        yield found


@pytest.fixture
async def quiet_services(database: Database) -> AsyncIterator[Both]:
    """Both services, with nothing in their logs."""
    async with both(database) as found:
        yield found


@pytest.mark.parametrize("path", FEEDS)
async def test_a_quiet_stream_says_up_to_where_it_has_looked_and_then_that_it_is_alive(
    services: Both, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_feed, "QUIET_SECONDS_MAX", 0.2)
    async with streaming(services.composition, path, "partner_id=R") as lines:
        found = await taken(lines, f"id: {event_broadcast.SCAN_WINDOW + 9}")
        found += await taken(lines, ": ping")
    streamed = Streamed()
    assert [event["position"] for event in streamed.events(found)] == [1], "an id alone is no event"
    assert (streamed.last_event_id, streamed.comments) == (str(event_broadcast.SCAN_WINDOW + 9), 1)


@pytest.mark.parametrize("path", FEEDS)
async def test_a_stream_that_ends_with_the_server_says_up_to_where_it_has_looked(services: Both, path: str) -> None:
    async with streaming(services.composition, path, "partner_id=R") as lines:
        found = await taken(lines, "id: 1")
        head = f"{path}?after={event_broadcast.SCAN_WINDOW}&partner_id=R&timeout=0.3"
        assert (await services.http.get(head)).json() == []
        services.composition.stop()
        found += [line async for line in lines]
    streamed = Streamed()
    assert [event["position"] for event in streamed.events(found)] == [1]
    assert streamed.last_event_id == str(event_broadcast.SCAN_WINDOW + 9)


@pytest.mark.parametrize("path", FEEDS)
async def test_for_a_reader_who_takes_nothing_no_more_than_the_pages_at_hand_are_read(
    database: Database, owner: psycopg.Connection, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seen by what still comes once the database is away; then the stream only says that it is alive."""
    monkeypatch.setattr(event_feed, "QUIET_SECONDS_MAX", 0.2)
    plant_plain(owner, range(1, 2_000))
    async with both(database, call_seconds_max=1) as services, streaming(services.composition, path) as lines:
        await taken(lines, "id: 3")
        for _ in range(20):
            assert (await services.http.get(path)).status_code == 200
        with psycopg.connect(server_url(database), autocommit=True) as superuser:
            allow_connections(superuser, database, allowed=False)
            at_hand = await taken(lines, ": ping")
            allow_connections(superuser, database, allowed=True)
        assert len([line for line in at_hand if line.startswith("id:")]) <= 3 * feed_events.LIMIT_DEFAULT
        assert await taken(lines, "id: 1999")


HOSTILE_IDS: Final = ["x", "-1", "1.5", "+1", "1 2", "1_0", "9223372036854775808", "9" * 5_000, "\u0665", "\xff"]


async def test_an_id_that_no_event_has_is_refused(quiet_services: Both) -> None:
    for path, hostile in product(FEEDS, HOSTILE_IDS):
        headers = {b"Accept": b"text/html, Text/Event-Stream;q=0.9", b"Last-Event-ID": hostile.encode()}
        answer = await quiet_services.http.get(path, headers=headers)
        assert answer.status_code == 422, (path, hostile[:30])
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["parameter"] == "Last-Event-ID"


@pytest.mark.parametrize("path", FEEDS)
async def test_an_empty_id_is_none(database: Database, path: str) -> None:
    plant_now(database, range(1, 4))
    before_any = [(b"last-event-id", b"")]
    async with both(database) as services, streaming(services.composition, path, "after=1", before_any) as lines:
        found = await taken(lines, "id: 3")
    assert [event["position"] for event in Streamed().events([*found, ""])] == [2, 3]


@pytest.mark.parametrize("path", FEEDS)
@pytest.mark.parametrize(
    "accept", ["text/event-stream;q=0", "*/*, Text/Event-Stream; Q=0.000", "text/event-stream;a=b;q=0."]
)
async def test_who_refuses_a_stream_gets_a_page(quiet_services: Both, path: str, accept: str) -> None:
    answer = await quiet_services.http.get(path, headers={"Accept": accept})
    assert answer.headers["content-type"] == event_feed.MEDIA_TYPE


async def test_a_stream_about_a_moment_is_refused(quiet_services: Both) -> None:
    for moment in ("at=2022-01-01T00:00:00Z", "known_at=2022-01-01T00:00:00Z", "known_position=1"):
        answer = await quiet_services.http.get(f"{FEEDS[1]}?{moment}", headers={"Accept": "text/event-stream"})
        assert (answer.status_code, answer.json()["type"]) == (422, "urn:sagecert:problem:malformed-request")
