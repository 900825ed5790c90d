"""Previews: what facts would change, page by page; nothing that a caller supposes does harm."""

from collections.abc import AsyncIterator
from random import Random
from typing import Any

import httpx
import psycopg
import pytest

from tests.compliance.asking import ask, asking
from tests.compliance.log import Log, set_clock, settings_for
from tests.compliance.test_what_ifs import LOSS, NOW, PARTNERS, story
from tests.databases import Database
from tests.policy.fact_log import recorded

TOPIC = "com.sage.partnercloud."
LATE = "2022-06-01T09:00:00Z"


@pytest.fixture
async def client(sandbox_database: Database) -> AsyncIterator[httpx.AsyncClient]:
    set_clock(sandbox_database, NOW)
    with psycopg.connect(sandbox_database.owner_url, autocommit=True) as owner:
        Log(owner).write(recorded(story()))
    async with asking(settings_for(sandbox_database)) as client:
        yield client


def fact(topic: str, fact_id: str = "F", effective_at: str | None = None, /, **data: object) -> dict[str, Any]:
    supposed: dict[str, Any] = {"fact_id": fact_id, "type": f"{TOPIC}{topic}.v1", "data": data}
    return supposed if effective_at is None else {**supposed, "effective_at": effective_at}


async def previewed(client: httpx.AsyncClient, *facts: dict[str, Any], **page: object) -> dict[str, Any]:
    response = await client.post("previews", json={"facts": list(facts), **page})
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


async def test_what_would_change_and_when(client: httpx.AsyncClient) -> None:
    """Ben left P01 on the day of the losses elsewhere: its window would have run out since."""
    left = fact("consultant-left", "F", LOSS.isoformat(), partner_id="P01", consultant_id="P01-B")
    found = await previewed(client, left)
    assert (found["everybody"], found["partners_concerned"], found["partners_compared"]) == (False, 1, 1)
    [partner] = found["partners"]
    [product] = partner["products"]
    assert (product["product"], product["gained"], product["lost"]) == ("S200P", [], ["P01-B"])
    assert (product["before"]["now"]["status"], product["after"]["now"]["status"]) == ("compliant", "suspended")
    assert [window["opened_at"] for window in product["after"]["now"]["windows"]] == ["2022-01-24T09:00:00Z"]
    assert product["after"]["now"]["reasons"][0]["rule"] == "R19"
    assert [event["type"].removeprefix(TOPIC) for event in partner["events"]] == [
        "replacement-window-opened.v1",
        "replacement-window-expired.v1",
        "selling-suspended.v1",
    ]
    [person] = found["people"]
    assert (person["before"]["portal_user"], person["after"]["portal_user"]) == (True, False)
    assert (await ask(client, "partners/P01/compliance/S200P", at=found["at"])).json()["status"] == "compliant"

    later = await previewed(client, fact("consultant-left", "F", LATE, **left["data"]))
    [product] = later["partners"][0]["products"]
    assert product["after"]["now"]["status"] == product["before"]["now"]["status"] == "compliant"
    assert [(ahead["from"], ahead["status"]) for ahead in product["after"]["ahead"]] == [
        (LATE, "in_window"),
        ("2022-07-01T23:00:00Z", "suspended"),
    ]


async def test_what_concerns_everybody_is_previewed_page_by_page(client: httpx.AsyncClient) -> None:
    change = fact(
        "portal-change-declared",
        portal_change_id="C1",
        products=["S200P"],
        significant=True,
        due_on="2022-06-01",
        summary="A new portal",
    )
    names: list[str] = []
    after, compared = None, 0
    while after is not None or not names:
        page = await previewed(client, change, limit=15, **({} if after is None else {"after": after}))
        assert page["everybody"]
        names += [partner["partner_id"] for partner in page["partners"]]
        compared += page["partners_compared"]
        after = page["next"]
    assert names == PARTNERS
    assert compared == len(PARTNERS)

    revised = await previewed(client, fact("policy-revised", policy_id="three", minimum={"VAR": 3}), limit=50)
    assert [partner["partner_id"] for partner in revised["partners"]] == PARTNERS
    assert (await previewed(client, fact("policy-revised", policy_id="days", window_days=45)))["partners"] == []


BAD = [
    ({"facts": []}, "facts"),
    ({"facts": [fact("consultant-left", partner_id="P 1", consultant_id="C")]}, "facts.0"),
    ({"facts": [fact("consultant-left", partner_id="P1")]}, "facts.0"),
    ({"facts": [fact("policy-revised", policy_id="P", minimum={"VAR": 10**9})]}, "facts.0"),
    ({"facts": [fact("policy-revised", policy_id="P", window_days=10**9)]}, "facts.0"),
    ({"facts": [fact("partners-merged", partner_id="P1", into="P1")]}, "facts.0"),
    ({"facts": [fact("api-key-issued", key_id="k")]}, "facts.0"),
    ({"facts": [fact("course-completed", consultant_id="C", product="X")]}, "facts"),
    ({"facts": [fact("partner-closed", partner_id="P1")] * 2}, "facts"),
    ({"facts": [fact("partner-closed", "P00-e", partner_id="P1")]}, "facts"),
    ({"facts": [fact("partner-closed", partner_id="P1")], "limit": 51}, "limit"),
    ({"facts": [fact("partner-closed", partner_id="P1")], "after": "a b"}, "after"),
    ({"facts": [fact("partner-closed", "F", "2022-01-01", partner_id="P1")]}, "facts.0.effective_at"),
    (
        {
            "facts": [
                fact(
                    "consultant-certified",
                    consultant_id="C",
                    product="S200P",
                    grant_id="G",
                    granted_at=LATE,
                    periods=[{"from": LATE, "to": LATE}],
                )
            ]
        },
        "facts.0",
    ),
]


async def test_what_no_fact_says_is_refused(client: httpx.AsyncClient) -> None:
    for body, parameter in BAD:
        refused = await client.post("previews", json=body)
        assert (refused.status_code, refused.json()["parameter"]) == (422, parameter), refused.text


def supposed(random: Random, number: int) -> dict[str, Any]:
    """A fact that contradicts others as often as it agrees with them."""
    partner, other = random.sample((*PARTNERS[:3], "new", "P0"), 2)
    person = random.choice((f"{PARTNERS[0]}-A", f"{PARTNERS[1]}-B", "new"))
    period = {"from": "2022-02-01T00:00:00Z"} | ({"to": "2022-03-01T00:00:00Z"} if random.random() < 0.5 else {})
    granted = {
        "consultant_id": person,
        "product": "S200P",
        "grant_id": random.choice((f"{person}-c", "F0")),
        "granted_at": "2022-02-01T00:00:00Z",
        "periods": random.choice(([], [period])),
    }
    change: dict[str, Any] = {"portal_change_id": random.choice("AB"), "products": ["S200P"], "significant": True}
    said: list[tuple[str, dict[str, Any]]] = [
        ("partners-merged", {"partner_id": partner, "into": other}),
        ("partner-closed", {"partner_id": partner}),
        ("partner-enrolled", {"partner_id": partner, "kind": "DEVELOPER", "programme": "NONE"}),
        ("consultant-linked", {"partner_id": partner, "consultant_id": person}),
        ("consultant-left", {"partner_id": partner, "consultant_id": person}),
        ("consultant-certified", granted),
        ("certification-revoked", granted),
        (
            "portal-change-declared",
            {**change, "due_on": random.choice(("2000-01-01", "2100-12-31")), "summary": ""},
        ),
        ("portal-change-corrected", {**change, "due_on": "2022-03-01"}),
        ("policy-revised", {"policy_id": "P", "minimum": {"VAR": 99}, "window_days": 1}),
        ("policy-revised", {"policy_id": "P", "programmes": ["OTHER"], "reminder_days": [365]}),
        ("fact-voided", {"fact_id": random.choice((f"{partner}-e", f"{person}-l", "F0", "F1", f"F{number}"))}),
        (
            "maintenance-completed",
            {**{name: granted[name] for name in ("consultant_id", "product", "periods")}, "portal_change_id": "A"},
        ),
    ]
    topic, data = random.choice(said)
    instant = random.choice((None, "2000-01-01T00:00:00Z", "2100-12-31T23:59:59Z", LOSS.isoformat(), NOW.isoformat()))
    return fact(topic, f"F{number}", instant, **data)


async def test_contradictory_facts_are_previewed_like_any_other(client: httpx.AsyncClient) -> None:
    random = Random(7)
    for _ in range(60):
        facts = [supposed(random, number) for number in range(random.randint(1, 6))]
        await previewed(client, *facts, limit=3)
