"""Both feeds in pages: filters that walk the log, where to go on, and what a cache may keep."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any, Final

import httpx
import psycopg
import pytest

from services.host.embedded_postgres.server import Server
from services.web import event_broadcast
from tests.conftest import TEMPLATE
from tests.contract.feeds import FEEDS, NOON, PREFIX, Both, both, plant_event, plant_fact, plant_plain
from tests.databases import Database, clone, drop

HEAD: Final = 2 * event_broadcast.SCAN_WINDOW + 5_000
RARE: Final = 2 * event_broadcast.SCAN_WINDOW + 500
"""Where most of what a filter looks for lies: past two stretches in which nothing is."""

FOR_EVER: Final = "max-age=31536000, immutable"


def plant_rare(owner: psycopg.Connection) -> None:
    plant_fact(owner, [7], "partner-enrolled", {"partner_id": "R", "kind": "VAR", "programme": "NONE"}, partner="R")
    plant_fact(owner, [8], "exam-registered", {"registration_id": "X", "consultant_id": "C", "product": "S200S"})
    rare = RARE
    plant_fact(owner, [rare], "partners-merged", {"partner_id": "P", "into": "R"}, partner="P", into="R")
    plant_fact(owner, [rare + 1], "fact-voided", {"fact_id": "f7"}, partner="R", voided="f7")
    plant_fact(owner, [rare + 2], "fact-voided", {"fact_id": "f8"}, voided="f8")
    change = {"portal_change_id": "H", "significant": True, "due_on": "2022-03-31", "summary": "?"}
    plant_fact(owner, [rare + 3], "portal-change-declared", {**change, "products": ["S200P", "S200S"]})
    plant_event(owner, [7], "minimum-reached", "R", "S200P")
    plant_event(owner, [8], "maintenance-required", "P", "S200P S200S")
    plant_event(owner, range(rare, rare + 4), "minimum-reached", "R", "S200S")


@pytest.fixture(scope="module")
def long_logs(templates: Server) -> Iterator[Database]:
    """Both logs, of HEAD positions, the same for every test of the module."""
    name = "long_logs"
    clone(templates, TEMPLATE, name)
    database = Database(templates, name)
    taken = {7, 8, *range(RARE, RARE + 4)}
    with psycopg.connect(database.owner_url, autocommit=True) as owner:
        plant_plain(owner, [position for position in range(1, HEAD + 1) if position not in taken])
        plant_rare(owner)
    yield database
    drop(templates, name)


@pytest.fixture
async def long(long_logs: Database) -> AsyncIterator[httpx.AsyncClient]:
    async with both(long_logs) as services:
        yield services.http


@pytest.fixture
async def services(database: Database, owner: psycopg.Connection) -> AsyncIterator[Both]:
    """Both services, with logs of five events each."""
    plant_plain(owner, range(1, 6))
    async with both(database) as found:
        yield found


def positions(answer: httpx.Response) -> list[int]:
    assert answer.status_code == 200, answer.text
    return [event["position"] for event in answer.json()]


def next_after(answer: httpx.Response) -> int:
    return int(httpx.URL(answer.links["next"]["url"]).params["after"])


async def walk(http: httpx.AsyncClient, path: str, query: str) -> list[int]:
    """What a reader gets who goes where the links lead, until they lead no further."""
    found: list[int] = []
    url, after = f"{path}?{query}", 0
    while True:
        answer = await http.get(url)
        found += positions(answer)
        if next_after(answer) == after:
            return found
        assert after < next_after(answer) <= after + event_broadcast.SCAN_WINDOW
        url, after = answer.links["next"]["url"], next_after(answer)


@pytest.mark.parametrize(
    ("query", "facts", "events"),
    [
        ("type=partners-merged&type=com.sage.partnercloud.partner-enrolled.v1", [7, RARE], None),
        ("type=minimum-reached", None, [7, *range(RARE, RARE + 4)]),
        ("type=minimum-reached&type=maintenance-required", None, [7, 8, *range(RARE, RARE + 4)]),
        ("partner_id=R", [7, RARE, RARE + 1], [7, *range(RARE, RARE + 4)]),
        ("partner_id=R&partner_id=nobody&limit=1", [7, RARE, RARE + 1], [7, *range(RARE, RARE + 4)]),
        ("product=S200S", [8, RARE + 2, RARE + 3], [8, *range(RARE, RARE + 4)]),
        ("product=S200S&partner_id=P", [], [8]),
        ("product=S200P&partner_id=R", [], [7]),
        ("product=S200S&type=fact-voided", [RARE + 2], None),
    ],
)
async def test_filters_find_all_and_nothing_else(
    long: httpx.AsyncClient, query: str, facts: list[int] | None, events: list[int] | None
) -> None:
    for path, expected in zip(FEEDS, (facts, events), strict=True):
        if expected is not None:
            assert await walk(long, path, query) == expected


@pytest.mark.parametrize("path", FEEDS)
async def test_one_call_looks_at_a_stretch_and_says_where_to_go_on(long: httpx.AsyncClient, path: str) -> None:
    answer = await long.get(path, params={"partner_id": "nobody", "limit": 3, "after": 1_000})
    assert positions(answer) == []
    assert (
        answer.links["next"]["url"] == f"{path}?after={1_000 + event_broadcast.SCAN_WINDOW}&partner_id=nobody&limit=3"
    )


@pytest.mark.parametrize("path", FEEDS)
async def test_whoever_waits_is_led_through_the_whole_log(long: httpx.AsyncClient, path: str) -> None:
    found = await long.get(path, params={"partner_id": "R", "after": 7, "timeout": 60})
    assert positions(found)[0] == RARE
    nothing = await long.get(path, params={"partner_id": "nobody", "timeout": 0.8})
    assert positions(nothing) == []
    assert next_after(nothing) == HEAD


REFUSED: Final = [
    ("type=no-such-thing", "type", None),
    ("type=", "type", None),
    ("type=com.sage.partnercloud.retracted", "type", None),
    ("product=S200P&product=S50", "product", "'S50' is not sold; the products sold are S200P, S200S."),
    ("partner_id=R&partner_id=a%20b", "partner_id", None),
    ("partner_id=", "partner_id", None),
    ("limit=0", "limit", None),
    ("limit=1001", "limit", None),
    ("timeout=60.5", "timeout", None),
    ("after=9223372036854775808", "after", None),
]
"""Query, the parameter that is named, and what is said where the words are ours."""


@pytest.mark.parametrize("path", FEEDS)
@pytest.mark.parametrize("accept", ["*/*", "text/event-stream"])
async def test_what_there_is_not_is_refused(services: Both, path: str, accept: str) -> None:
    for query, parameter, said in REFUSED:
        answer = await services.http.get(f"{path}?{query}", headers={"Accept": accept})
        assert answer.status_code == 422, query
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["parameter"].startswith(parameter)
        assert said in (None, answer.json()["detail"])


@pytest.mark.parametrize(("path", "listed"), list(zip(FEEDS, ("fact-voided", "selling-suspended"), strict=True)))
async def test_an_unknown_type_is_told_which_there_are(services: Both, path: str, listed: str) -> None:
    answer = await services.http.get(path, params={"type": "surprise"})
    assert "There is no type 'surprise'; there are" in answer.json()["detail"]
    assert listed in answer.json()["detail"]
    assert PREFIX not in answer.json()["detail"]


@pytest.mark.parametrize("path", FEEDS)
async def test_a_full_page_never_changes(services: Both, owner: psycopg.Connection, path: str) -> None:
    full = await services.http.get(path, params={"after": 1, "limit": 4})
    assert positions(full) == [2, 3, 4, 5]
    assert full.headers["cache-control"] == FOR_EVER
    assert full.headers["vary"] == "Accept"
    assert full.headers["etag"].startswith('"'), "a strong validator"
    plant_plain(owner, [6])
    again = await services.http.get(path, params={"after": 1, "limit": 4})
    assert (again.content, again.headers["etag"]) == (full.content, full.headers["etag"])


@pytest.mark.parametrize("path", FEEDS)
async def test_a_page_that_is_not_full_is_asked_for_again(services: Both, owner: psycopg.Connection, path: str) -> None:
    part = await services.http.get(path, params={"after": 1, "limit": 5})
    assert part.headers["cache-control"] == "no-cache"
    same = {"If-None-Match": f'"other", W/{part.headers["etag"]}'}
    for known in ({"If-None-Match": "*"}, same):
        not_modified = await services.http.get(path, params={"after": 1, "limit": 5}, headers=known)
        assert (not_modified.status_code, not_modified.content) == (304, b"")
        for header in ("etag", "cache-control", "vary", "link"):
            assert not_modified.headers[header] == part.headers[header]
    plant_plain(owner, [6])
    grown = await services.http.get(path, params={"after": 1, "limit": 5}, headers=same)
    assert positions(grown) == [2, 3, 4, 5, 6]
    assert grown.headers["etag"] != part.headers["etag"]


@pytest.mark.parametrize("path", FEEDS)
async def test_an_empty_page_that_leads_further_is_another(
    services: Both, owner: psycopg.Connection, path: str
) -> None:
    before = await services.http.get(path, params={"partner_id": "nobody"})
    plant_plain(owner, [6])
    same = {"If-None-Match": before.headers["etag"]}
    after = await services.http.get(path, params={"partner_id": "nobody"}, headers=same)
    assert (before.content, after.content) == (b"[]", b"[]")
    assert (next_after(before), next_after(after)) == (5, 6)


@pytest.mark.parametrize("asked", [{"at": NOON}, {"known_position": 5}, {"min_position": 0}])
async def test_a_page_about_a_moment_is_not_for_ever(services: Both, asked: dict[str, Any]) -> None:
    answer = await services.http.get(FEEDS[1], params={"limit": 1, **asked})
    assert positions(answer) == [1]
    assert answer.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("path", FEEDS)
async def test_nothing_of_a_sandbox_is_for_ever(sandbox_database: Database, path: str) -> None:
    """A reset begins its logs anew."""
    with psycopg.connect(sandbox_database.owner_url, autocommit=True) as owner:
        plant_plain(owner, range(1, 4))
    async with both(sandbox_database, sandbox=True) as services:
        answer = await services.http.get(path, params={"limit": 2})
    assert positions(answer) == [1, 2]
    assert answer.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("path", FEEDS)
@pytest.mark.parametrize("query", ["", "&partner_id=nobody", "&product=S200P"])
async def test_no_reader_is_led_past_what_is_committed(
    services: Both, database: Database, path: str, query: str
) -> None:
    """What is committed later lies after where any reader was told to go on."""
    with psycopg.connect(database.owner_url) as writer:
        plant_plain(writer, [6])
        looked = await services.http.get(f"{path}?after=2{query}")
        assert next_after(looked) == 5
        waiting = asyncio.create_task(services.http.get(f"{path}?after=5&timeout=60"))
        assert positions(await services.http.get(f"{path}?after=5&timeout=0.3")) == []
        assert not waiting.done()
        writer.execute("NOTIFY sagecert_facts")
        writer.execute("NOTIFY sagecert_compliance")
    assert positions(await waiting) == [6]
    assert next_after(await services.http.get(looked.links["next"]["url"])) == 6


@pytest.mark.parametrize("path", FEEDS)
async def test_who_waits_when_the_server_stops_is_answered(services: Both, path: str) -> None:
    waiting = asyncio.create_task(services.http.get(path, params={"after": 5, "timeout": 60}))
    await services.http.get(path, params={"after": 5, "timeout": 0.2})
    assert not waiting.done()
    services.composition.stop()
    assert positions(await asyncio.wait_for(waiting, 20)) == []


@pytest.mark.parametrize("path", FEEDS)
async def test_who_begins_now_gets_what_comes(services: Both, owner: psycopg.Connection, path: str) -> None:
    empty = await services.http.get(path, params={"after": "now"})
    assert (positions(empty), next_after(empty)) == ([], 5)
    waiting = asyncio.create_task(services.http.get(path, params={"after": "now", "limit": 1, "timeout": 20}))
    await services.http.get(path, params={"after": "now", "timeout": 0.1})
    plant_plain(owner, [6, 7])
    come = await waiting
    assert (positions(come), come.headers["cache-control"]) == ([6], "no-cache")
    for written in ("NOW", "-1", "1.0", ""):
        assert (await services.http.get(path, params={"after": written})).status_code == 422
