"""What can be asked, what cannot, and how that is said."""

import asyncio
from typing import Any

import httpx
import psycopg
import pytest

from services.compliance.api import service
from services.compliance.database import connect
from services.compliance.projection.batch import Projector
from services.compliance.settings import ComplianceSettings
from shared.events.envelope import Fact
from shared.events.facts import ConsultantLeft
from shared.events.wire import instant_text
from tests.compliance.asking import ORIGIN, answer, ask, asking
from tests.compliance.log import OURS, Log, as_follower, one_call, set_clock
from tests.compliance.seed import BEGIN
from tests.compliance.twelve_partners import DEADLINE, HEAD, LOSS, NOW, PARTNERS, told
from tests.databases import Database

COMPLIANCE = "partners/P00/compliance/S200P"
SECONDS_MAX = 20


@pytest.mark.asyncio(loop_scope="module")
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
        ("portal-changes/CH9", 404, "portal_change_id"),
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
    module_client: httpx.AsyncClient, path: str, status: int, parameter: str
) -> None:
    response = await module_client.get(path)

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
    assert (await asyncio.wait_for(waiting, SECONDS_MAX)).json()[0]["position"] == last + 1


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
    found = (await asyncio.wait_for(waiting, SECONDS_MAX)).json()
    assert (found["position"], found["headcount"]) == (HEAD + 1, 0)


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
