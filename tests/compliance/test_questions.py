"""What can be asked, what cannot, and how that is said."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import psycopg
import pytest

from services.compliance.api import service
from services.compliance.database import connect
from services.compliance.projection.batch import Projector
from services.compliance.settings import ComplianceSettings
from shared.events.envelope import Fact
from shared.events.facts import ConsultantLeft, ConsultantLinked, PortalChangeDeclared
from shared.events.wire import instant_text
from tests.compliance.asking import ORIGIN, answer, ask, asking
from tests.compliance.log import OURS, Group, Log, as_follower, one_call, set_clock, settings_for
from tests.compliance.seed import BEGIN, SeedFacts
from tests.databases import Database

LOSS = datetime(2022, 3, 1, 9, tzinfo=UTC)
NOW = datetime(2022, 3, 25, 9, tzinfo=UTC)
DEADLINE = datetime(2022, 3, 31, 23, tzinfo=UTC)
PARTNERS = [f"P{number:02}" for number in range(12)]


def told() -> list[Group]:
    """Twelve VARs with two certified consultants each; those with an even number lose one in March."""
    telling = SeedFacts()
    for partner in PARTNERS:
        telling.var(BEGIN, partner)
    telling.tell(BEGIN + timedelta(days=1), PortalChangeDeclared("CH1", ("S200P",), True, NOW.date(), "a change"))
    for number, partner in enumerate(PARTNERS[::2]):
        telling.tell(LOSS + timedelta(days=number // 2), ConsultantLeft(partner, f"{partner}-B"))
    return telling.groups


HEAD = told()[-1][-1].position


@pytest.fixture
async def settings(sandbox_database: Database) -> ComplianceSettings:
    settings = settings_for(sandbox_database)
    set_clock(sandbox_database, NOW)
    with psycopg.connect(sandbox_database.owner_url, autocommit=True) as owner:
        Log(owner).write(told())
    connection = await connect(as_follower(settings))
    await Projector(connection, OURS, "test").advance_fully(NOW)
    await connection.close()
    return settings


@pytest.fixture
async def client(settings: ComplianceSettings) -> AsyncIterator[httpx.AsyncClient]:
    async with asking(settings) as client:
        yield client


COMPLIANCE = "partners/P00/compliance/S200P"


@pytest.mark.parametrize(
    ("path", "status", "parameter"),
    [
        (f"{COMPLIANCE}?when=now", 422, "when"),
        (f"{COMPLIANCE}?at=2022-03-01T09:00:00", 422, "at"),
        (f"{COMPLIANCE}?at=2022-03-01T09:00:00+00:00", 422, "at"),
        (f"{COMPLIANCE}?at=1999-12-31T23:59:59Z", 422, "at"),
        (f"{COMPLIANCE}?at=2101-01-01T00:00:00Z", 422, "at"),
        (f"{COMPLIANCE}?at=0001-01-01T00:00:00%2B14:00", 422, "at"),
        (f"{COMPLIANCE}?at=9999-12-31T23:59:59-14:00", 422, "at"),
        (f"{COMPLIANCE}?at=2022-02-30T00:00:00Z", 422, "at"),
        (f"{COMPLIANCE}?at=1646125200", 422, "at"),
        (f"{COMPLIANCE}?at=%00", 422, "at"),
        (f"{COMPLIANCE}?at=%ED%A0%80", 422, "at"),
        (f"{COMPLIANCE}?known_at=2022-03-25T09:00:00.000001Z", 422, "known_at"),
        (f"{COMPLIANCE}?known_at=2022-03-01T09:00:00Z&known_position=3", 422, "known_position"),
        (f"{COMPLIANCE}?known_position={HEAD + 1}", 422, "known_position"),
        (f"{COMPLIANCE}?known_position=-1", 422, "known_position"),
        (f"{COMPLIANCE}?known_position=1.5", 422, "known_position"),
        (f"{COMPLIANCE}?min_position={2**63}", 422, "min_position"),
        pytest.param(f"{COMPLIANCE}?min_position={'9' * 5000}", 422, "min_position", id="5000 digits"),
        ("partners/P%00/compliance/S200P", 422, "partner_id"),
        ("partners/%ED%A0%80/compliance/S200P", 422, "partner_id"),
        pytest.param(f"partners/{'P' * 65}/compliance/S200P", 422, "partner_id", id="65 characters"),
        ("partners/P%0A/compliance/S200P", 422, "partner_id"),
        ("partners/P00/compliance/S300", 422, "product"),
        ("partners/NOBODY/compliance/S200P", 404, "partner_id"),
        ("partners/NOBODY", 404, "partner_id"),
        ("partners/NOBODY/timeline", 404, "partner_id"),
        ("partners/NOBODY/authorisations/S200P?customer=new", 404, "partner_id"),
        (f"{COMPLIANCE}?known_position=0", 404, "partner_id"),
        (f"{COMPLIANCE}?known_at=2022-01-04T08:59:59.999999Z", 404, "partner_id"),
        ("partners/P00/authorisations/S200P", 422, "customer"),
        ("partners/P00/authorisations/S200P?customer=old", 422, "customer"),
        ("consultants/NOBODY/certifications/S200P", 404, "consultant_id"),
        ("portal-changes/CH9/notifications", 404, "portal_change_id"),
        ("partners?limit=0", 422, "limit"),
        ("partners?limit=1001", 422, "limit"),
        ("partners?after=P00", 422, "after"),
        ("partners?after=P00~%00", 422, "after"),
        ("partners?status=fine", 422, "status.0"),
        ("partners?q=", 422, "q"),
        ("partners?q=%00", 422, "q"),
        (f"partners?q={'P' * 101}", 422, "q"),
        ("windows?due_before=2022-02-30", 422, "due_before"),
        ("partners?product=S%00", 422, "product"),
        ("windows?after=x~P~S~1", 422, "after"),
        ("windows?after=2022-99-99T00:00:00Z~P~S~1", 422, "after"),
        ("windows?after=2022-01-01T00:00:00Z~P~S~9999999999", 422, "after"),
        ("windows?due_before=soon", 422, "due_before"),
        ("events?timeout=nan", 422, "timeout"),
        ("events?timeout=61", 422, "timeout"),
        (f"events?after={2**63}", 422, "after"),
    ],
)
async def test_what_cannot_be_asked_is_refused_and_named(
    client: httpx.AsyncClient, path: str, status: int, parameter: str
) -> None:
    response = await client.get(path)

    problem = response.json()
    assert (response.status_code, problem["status"], problem["parameter"]) == (status, status, parameter)
    assert response.headers["content-type"] == "application/problem+json"
    assert problem.keys() >= {"type", "title", "detail"}


async def test_what_is_no_resource_is_a_problem_too(client: httpx.AsyncClient) -> None:
    for response, status in ((await client.get("nothing"), 404), (await client.post(COMPLIANCE), 405)):
        assert response.status_code == status
        assert response.headers["content-type"] == "application/problem+json"


async def test_an_answer_says_what_it_is_about_and_for_how_long_it_holds(client: httpx.AsyncClient) -> None:
    found = await answer(client, COMPLIANCE)

    assert found == {
        "partner_id": "P00",
        "name": None,
        "product": "S200P",
        "at": "2022-03-25T09:00:00Z",
        "known_at": "2022-03-25T09:00:00Z",
        "position": HEAD,
        "policy_id": "2021-08",
        "engine": OURS.version,
        "headcount": 1,
        "counted": ["P00-A"],
        "minimum": 2,
        "shortfall": 1,
        "status": "in_window",
        "sell_new": True,
        "maintain_existing": True,
        "windows": [
            {
                "opened_at": "2022-03-01T09:00:00Z",
                "deadline_on": "2022-03-31",
                "deadline_at": "2022-03-31T23:00:00Z",
                "closed_at": None,
                "outcome": "open",
                "policy_id": "2021-08",
            }
        ],
        "suspensions": [],
        "reasons": found["reasons"],
        "mends": {
            "rule": "R18",
            "text": "One counted consultant more by the end of 2022-03-31 (London).",
            "people": 1,
            "by": {"deadline_on": "2022-03-31", "deadline_at": "2022-03-31T23:00:00Z"},
            "nearest": [],
            "nearest_omitted": 0,
        },
        "next_change_at": found["next_change_at"],
    }
    assert found["reasons"]
    assert found["reasons"][0].keys() == {"rule", "text", "fact_ids"}


async def test_known_at_and_known_position_say_the_same(client: httpx.AsyncClient) -> None:
    """R31."""
    for group in told():
        last = group[-1]
        if any(other[0].recorded_at == last.recorded_at and other[-1].position > last.position for other in told()):
            continue
        by_instant = await ask(client, COMPLIANCE, at=instant_text(NOW), known_at=instant_text(last.recorded_at))
        by_position = await ask(client, COMPLIANCE, at=instant_text(NOW), known_position=last.position)
        assert by_instant.content == by_position.content


async def test_what_was_known_at_an_instant_waits_for_what_is_being_recorded_before_it(
    sandbox_database: Database, client: httpx.AsyncClient
) -> None:
    """R31: the append was stamped before `known_at` and is not committed yet; a barrier makes the answer final."""
    set_clock(sandbox_database, NOW, running=True)
    with psycopg.connect(sandbox_database.certification_url) as appending:
        call = one_call("last", ConsultantLeft("P00", "P00-A"))
        stamped = appending.execute("SELECT recorded_at FROM certification.append(%s)", [call]).fetchone()
        assert stamped is not None
        known_at = instant_text(stamped[0])
        asking = asyncio.create_task(ask(client, COMPLIANCE, at=known_at, known_at=known_at))
        await asyncio.sleep(0.3)
        assert not asking.done()
    found = (await asking).json()
    assert (found["position"], found["headcount"]) == (HEAD + 1, 0)


async def test_what_is_asked_of_the_log_needs_no_projection(client: httpx.AsyncClient, owner_log: Log) -> None:
    """Nobody follows, and yet the fact is there as soon as it is recorded."""
    owner_log.write([(Fact("last", NOW, NOW, ConsultantLeft("P00", "P00-A"), HEAD + 1, HEAD + 1),)])
    found = await answer(client, COMPLIANCE, at=instant_text(NOW), min_position=HEAD + 1)
    assert (found["position"], found["headcount"]) == (HEAD + 1, 0)
    person = await answer(client, "consultants/P00-A/certifications/S200P", min_position=HEAD + 1)
    assert (person["certified"], person["portal_user"]) == (True, False)
    assert (await answer(client, COMPLIANCE))["position"] == HEAD


async def test_every_product_at_once_is_each_product_by_itself(client: httpx.AsyncClient) -> None:
    for question in ({}, {"at": instant_text(LOSS)}):
        everything = await answer(client, "partners/P00", **question)
        for product in everything["products"]:
            alone = await answer(client, f"partners/P00/compliance/{product['product']}", **question)
            assert alone == {**alone, **product}


async def test_an_authorisation_depends_on_the_customer(client: httpx.AsyncClient) -> None:
    """R19, R20."""
    for customer, allowed in (("new", False), ("existing", True)):
        path = f"partners/P00/authorisations/S200P?customer={customer}"
        found = await answer(client, path, at=instant_text(DEADLINE))
        assert (found["allowed"], found["status"], found["customer"]) == (allowed, "suspended", customer)
    assert (await answer(client, "partners/P00/authorisations/S200P?customer=new"))["allowed"]


async def test_a_portal_change_is_communicated_to_everybody_enrolled(client: httpx.AsyncClient) -> None:
    """R27."""
    found = await answer(client, "portal-changes/CH1/notifications")
    assert found["notified"] == PARTNERS
    before = await answer(client, "portal-changes/CH1/notifications", at=instant_text(BEGIN))
    assert (before["notified"], before["next_change_at"]) == ([], "2022-01-05T09:00:00Z")


@pytest.mark.parametrize("at", [{}, {"at": "2022-03-25T09:00:00Z"}], ids=["present", "as of"])
async def test_lists_come_in_pages_and_whole(client: httpx.AsyncClient, at: dict[str, str]) -> None:
    partners = await pages(client, "partners", limit=5, **at)
    assert [(item["partner_id"], item["product"]) for item in partners] == [
        (partner, product) for partner in PARTNERS for product in ("S200P", "S200S")
    ]
    short = await pages(client, "partners", limit=2, status="in_window", product="S200P", **at)
    assert [item["partner_id"] for item in short] == PARTNERS[::2]
    windows = await pages(client, "windows", limit=4, status="open", **at)
    assert [item["partner_id"] for item in windows] == PARTNERS[::2]
    due = [item["deadline_at"] for item in windows]
    assert due == sorted(due)
    soon = await pages(client, "windows", limit=4, due_before=due[2], **at)
    assert [item["partner_id"] for item in soon] == PARTNERS[::2][:2]


NAMED = {"P00": "Zoë Ångström Ltd", "P03": "100%_sure \\ Co", "P04": "Møller & Söhne"}


@pytest.mark.parametrize("at", [{}, {"at": "2022-03-25T09:00:00Z"}], ids=["present", "as of"])
async def test_partners_are_found_by_a_part_of_their_name_or_id(
    sandbox_database: Database, client: httpx.AsyncClient, at: dict[str, str]
) -> None:
    """Case and accents aside; what an erased name held finds nobody any more."""
    with psycopg.connect(sandbox_database.owner_url, autocommit=True) as owner:
        insert = "INSERT INTO certification.partner_profile (partner_id, name) VALUES (%s, %s)"
        owner.cursor().executemany(insert, NAMED.items())
        searched = {"zoe ang": ["P00"], "MOLLER": ["P04"], "söhne": ["P04"], "%_": ["P03"], "e \\": ["P03"], "x": []}
        for q, expected in {**searched, "p1": ["P10", "P11"], "0": PARTNERS[:11]}.items():
            for more in ({}, {"status": "in_window"}):
                found = await pages(client, "partners", limit=3, product="S200P", q=q, **more, **at)
                wanted = [p for p in expected if not more or p in PARTNERS[::2]]
                assert [(item["partner_id"], item["name"]) for item in found] == [(p, NAMED.get(p)) for p in wanted]
        windows = await answer(client, "windows", **at)
        assert [item["name"] for item in windows["windows"]][:3] == ["Zoë Ångström Ltd", None, "Møller & Söhne"]
        owner.execute("DELETE FROM certification.partner_profile")
        assert await pages(client, "partners", limit=3, q="zoe", **at) == []


@pytest.mark.parametrize("at", [{}, {"at": "2022-03-25T09:00:00Z"}], ids=["present", "as of"])
async def test_a_list_takes_several_statuses_and_days(client: httpx.AsyncClient, at: dict[str, str]) -> None:
    """What is due on 31 March is due before 1 April in London, and not before 31 March."""
    both = "partners?status=in_window&status=compliant"
    found = await pages(client, both, limit=5, product="S200P", **at)
    assert [item["partner_id"] for item in found] == PARTNERS
    assert {item["status"] for item in found} == {"in_window", "compliant"}
    due = [
        [w["deadline_on"] for w in await pages(client, "windows", limit=4, due_before=day, **at)]
        for day in ("2022-03-31", "2022-04-01", "2022-04-02")
    ]
    assert due == [[], ["2022-03-31"] * 2, ["2022-03-31"] * 2 + ["2022-04-01"] * 2]


async def test_lists_of_the_present_and_of_the_same_moment_are_the_same(client: httpx.AsyncClient) -> None:
    for path in (
        "partners",
        "partners?status=compliant&status=in_window",
        "partners?q=p0",
        "windows",
        "windows?status=open",
    ):
        present = await answer(client, path)
        again = await answer(client, path, at=present["at"], known_position=present["position"])
        assert {**again, "known_at": present["known_at"]} == present


async def test_the_list_says_why_since_when_and_who_was_lost(
    sandbox_database: Database, client: httpx.AsyncClient
) -> None:
    """R19, R26: P00 is suspended once the window of P00-B, who left, is over; P00-A lapsed meanwhile."""
    set_clock(sandbox_database, DEADLINE)
    with psycopg.connect(sandbox_database.owner_url, autocommit=True) as owner:
        owner.execute("INSERT INTO certification.profile VALUES ('P00-A', 'Bo Lind', 'bo@example.org')")
    first = (await answer(client, "partners", limit=1))["partners"][0]
    assert first == {
        "partner_id": "P00",
        "name": None,
        "product": "S200P",
        "status": "suspended",
        "since": instant_text(DEADLINE),
        "headcount": 0,
        "minimum": 2,
        "shortfall": 2,
        "missing": 2,
        "reason": {
            "rule": "R19",
            "text": "Nobody was found by 2022-03-31 (London, 30 days after the loss: policy 2021-08) for a consultant "
            "missing: no selling to new customers.",
        },
        "lost": {"consultant_id": "P00-A", "name": "Bo Lind", "at": "2022-03-26T00:00:00Z"},
        "next_change_at": "2022-04-25T23:00:00Z",
    }
    second = (await answer(client, "partners", limit=1, after="P00~S200P"))["partners"][0]
    assert (second["status"], second["reason"]["rule"], second["lost"]) == ("not_yet_authorised", "R12", None)
    assert second["since"] == instant_text(BEGIN)


async def test_lists_are_right_by_the_clock_before_any_timer_has_fired(
    sandbox_database: Database, client: httpx.AsyncClient
) -> None:
    """R19: the windows of P00 and P02 run out at the same midnight."""
    set_clock(sandbox_database, DEADLINE)
    suspended = await answer(client, "partners?status=suspended")
    assert [item["partner_id"] for item in suspended["partners"]] == ["P00", "P02"]
    expired = await answer(client, "windows?status=expired")
    assert [item["partner_id"] for item in expired["windows"]] == ["P00", "P02"]


async def test_a_window_says_when_it_changes_next_present_and_as_of(
    sandbox_database: Database, client: httpx.AsyncClient, settings: ComplianceSettings, owner_log: Log
) -> None:
    """R18, R19: it is known that P00 hires in time, and P04 too late; nothing is known of P02."""
    in_time, too_late = NOW + timedelta(days=3), NOW + timedelta(days=20)
    telling = SeedFacts()
    telling.groups = told()
    for partner, day in (("P00", in_time), ("P04", too_late)):
        telling.certified(NOW, f"{partner}-C")
        position = telling.head + 1
        hired = ConsultantLinked(partner, f"{partner}-C")
        telling.groups.append((Fact(f"f{position}", day, NOW, hired, position, position),))
    owner_log.write(telling.groups[len(told()) :])
    connection = await connect(as_follower(settings))
    await Projector(connection, OURS, "test").advance_fully(NOW)
    await connection.close()

    later = DEADLINE + timedelta(days=1)
    for clock, expected in (
        (NOW, {"P00": in_time, "P02": DEADLINE, "P04": later}),
        (in_time, {"P00": None, "P02": DEADLINE, "P04": later}),
        (later, {"P00": None, "P02": None, "P04": too_late}),
        (too_late, {"P00": None, "P02": None, "P04": None}),
    ):
        set_clock(sandbox_database, clock)
        present = await answer(client, "windows")
        said = {item["partner_id"]: item["next_change_at"] for item in present["windows"] if item["number"] == 1}
        for partner, change in expected.items():
            assert said[partner] == (change and instant_text(change)), (clock, partner)
        again = await answer(client, "windows", at=present["at"], known_position=present["position"])
        assert again["windows"] == present["windows"]


async def test_the_timeline_has_facts_notices_windows_and_suspensions_in_order(client: httpx.AsyncClient) -> None:
    found = await answer(client, "partners/P00/timeline", at=instant_text(DEADLINE))
    entries = found["entries"]
    assert [entry["at"] for entry in entries] == sorted(entry["at"] for entry in entries)
    assert [entry["kind"] for entry in entries if entry["kind"] != "fact"] == [
        "notice",
        "window",
        "window",
        "suspension",
    ]
    types = [entry["type"].split(".")[-2] for entry in entries if entry["kind"] == "fact"]
    certified = ["consultant-linked", "certification-recognised", "consultant-certified"]
    assert types == ["partner-enrolled", *certified, *certified, "consultant-left"]


async def test_events_are_a_cloudevents_batch_to_be_followed_by_position(client: httpx.AsyncClient) -> None:
    followed: list[dict[str, Any]] = []
    while batch := (await client.get("events", params={"after": len(followed), "limit": 7})).json():
        assert len(batch) <= 7
        followed += batch
    assert [event["position"] for event in followed] == list(range(1, len(followed) + 1))
    assert {event["specversion"] for event in followed} == {"1.0"}
    assert all(event["data"]["partner_id"] == event["subject"] for event in followed)
    response = await client.get("events")
    assert response.headers["content-type"] == "application/cloudevents-batch+json"


async def test_events_can_be_those_known_at_a_position(client: httpx.AsyncClient) -> None:
    everything = (await client.get("events", params={"limit": 1000})).json()
    known = (await client.get("events", params={"limit": 1000, "known_position": 5})).json()
    assert known == everything[: len(known)]
    assert {event["subject"] for event in known} == {"P00"}


async def test_whoever_waits_for_an_event_gets_it_when_it_comes(
    sandbox_database: Database, settings: ComplianceSettings, client: httpx.AsyncClient
) -> None:
    last = len((await client.get("events", params={"limit": 1000})).json())
    waiting = asyncio.create_task(client.get("events", params={"after": last, "timeout": 20}))
    await asyncio.sleep(0.2)
    assert not waiting.done()
    set_clock(sandbox_database, DEADLINE)
    connection = await connect(as_follower(settings))
    await Projector(connection, OURS, "test").advance_fully(DEADLINE)
    await connection.close()
    assert (await asyncio.wait_for(waiting, 5)).json()[0]["position"] == last + 1


async def test_whoever_asks_for_a_position_waits_until_it_is_applied(
    settings: ComplianceSettings, client: httpx.AsyncClient, owner_log: Log
) -> None:
    waiting = asyncio.create_task(ask(client, COMPLIANCE, min_position=HEAD + 1))
    await asyncio.sleep(0.2)
    assert not waiting.done()
    left = Fact("last", NOW, NOW, ConsultantLeft("P00", "P00-A"), HEAD + 1, HEAD + 1)
    owner_log.write([(left,)])
    connection = await connect(as_follower(settings))
    await Projector(connection, OURS, "test").advance_fully(None)
    await connection.close()
    found = (await asyncio.wait_for(waiting, 5)).json()
    assert (found["position"], found["headcount"]) == (HEAD + 1, 0)


@pytest.fixture
def owner_log(settings: ComplianceSettings, sandbox_database: Database) -> Any:
    with psycopg.connect(sandbox_database.owner_url, autocommit=True) as owner:
        yield Log(owner)


async def test_whoever_waits_too_long_is_told_to_come_back(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "APPLIED_WITHIN_SECONDS", 0.3)
    for path in (COMPLIANCE, "partners", "windows", "events", "consultants/P00-A/certifications/S200P"):
        response = await ask(client, path, min_position=HEAD + 1)
        assert (response.status_code, response.headers["retry-after"]) == (503, "1")


async def test_the_service_starts_without_its_database_and_says_that_it_is_away() -> None:
    settings = ComplianceSettings.model_validate({"database_url": "postgresql://nobody@127.0.0.1:9/nothing"})
    async with asking(settings) as client:
        response = await client.get(COMPLIANCE)
        assert (response.status_code, response.headers["retry-after"]) == (503, "1")
        assert (await client.get(f"{ORIGIN}/compliance/readyz")).status_code == 503
        assert (await client.get(f"{ORIGIN}/compliance/healthz")).json() == {"status": "alive"}


async def test_readiness_says_how_far_the_projection_is(client: httpx.AsyncClient) -> None:
    found = (await client.get(f"{ORIGIN}/compliance/readyz")).json()
    assert (found["status"], found["position"], found["facts_behind"]) == ("ready", HEAD, 0)


async def pages(client: httpx.AsyncClient, path: str, **question: object) -> list[dict[str, Any]]:
    """Every item of a list, page after page."""
    items: list[dict[str, Any]] = []
    page = await answer(client, path, **question)
    items += page[path.partition("?")[0]]
    while page["next"] is not None:
        page = await answer(client, path, **question, after=page["next"])
        items += page[path.partition("?")[0]]
    return items
