"""Explanations over HTTP: as JSON with the facts, and as a page to print."""

from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import psycopg
import pytest

from services.compliance.api.printed_explanation import CONTENT_SECURITY_POLICY, printed_explanation
from services.compliance.historical_answers.explanations import WITHOUT_PROOFS
from services.compliance.settings import ComplianceSettings
from shared.events.facts import ConsultantLeft
from shared.events.wire import instant_text
from tests.compliance.asking import ORIGIN, answer, ask, asking
from tests.compliance.log import Log, set_clock, settings_for
from tests.compliance.seed import BEGIN, SeedFacts
from tests.databases import Database

LOSS = BEGIN + timedelta(days=60)
NOW = LOSS + timedelta(days=3)
EXPLANATIONS = f"{ORIGIN}/audit/v1/explanations/partners"
PATH = f"{EXPLANATIONS}/P1/S200P"


@pytest.fixture
def settings(sandbox_database: Database) -> ComplianceSettings:
    story = SeedFacts()
    story.var(BEGIN, "P1")
    story.tell(LOSS, ConsultantLeft("P1", "P1-B"))
    set_clock(sandbox_database, NOW)
    with psycopg.connect(sandbox_database.owner_url, autocommit=True) as owner:
        Log(owner).write(story.groups)
    return settings_for(sandbox_database)


@pytest.fixture
async def client(settings: ComplianceSettings) -> AsyncIterator[httpx.AsyncClient]:
    async with asking(settings) as client:
        yield client


async def test_an_explanation_holds_the_answer_and_the_facts_behind_it(client: httpx.AsyncClient) -> None:
    found = await answer(client, PATH)
    standing = await answer(client, "partners/P1/compliance/S200P", at=found["at"], known_position=found["position"])
    same = ("status", "headcount", "minimum", "shortfall", "sell_new", "maintain_existing", "next_change_at")
    assert {name: found[name] for name in same} == {name: standing[name] for name in same}
    assert [window["deadline_at"] for window in found["windows"]] == [standing["windows"][0]["deadline_at"]]
    named = {fact["fact_id"]: fact for fact in found["facts"]}
    assert {fact_id for step in found["steps"] for fact_id in step["fact_ids"]} <= named.keys()
    assert {fact_id for lost in found["lost"] for fact_id in lost["fact_ids"]} <= named.keys()
    left = named[found["lost"][0]["fact_ids"][0]]
    assert left["data"] == {"partner_id": "P1", "consultant_id": "P1-B"}
    assert left["proof"] == f"/certification/v1/facts/{left['fact_id']}/proof"
    before = await answer(client, PATH, known_at=instant_text(LOSS - timedelta(days=1)))
    assert before["status"] == "compliant"


async def test_the_reason_alone_is_the_same_without_proofs(client: httpx.AsyncClient) -> None:
    moment = {"at": "2022-05-01T00:00:00Z", "known_at": instant_text(NOW)}
    whole, alone = await answer(client, PATH, **moment), await answer(client, PATH, proofs="none", **moment)
    assert await answer(client, PATH, proofs="inline", **moment) == whole
    assert alone["unproved"] == [WITHOUT_PROOFS]
    assert alone["facts"]
    assert all(fact["entry"] is None and fact["tlog_proof"] is None and fact["proof"] for fact in alone["facts"])
    without = {"facts", "unproved"}
    assert {name: alone[name] for name in alone.keys() - without} == {
        name: whole[name] for name in whole.keys() - without
    }
    page = await client.get(PATH, params={"proofs": "none"}, headers={"Accept": "text/html"})
    assert WITHOUT_PROOFS in page.text
    assert "tlog-proof" not in page.text


async def test_a_browser_gets_a_page_without_a_script(client: httpx.AsyncClient) -> None:
    browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
    page = await client.get(PATH, headers={"Accept": browser})
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["content-security-policy"] == CONTENT_SECURITY_POLICY
    assert "Accept" in page.headers["vary"]
    assert "P1-B left the partner" in page.text
    assert "<script" not in page.text
    for other in ("*/*", "application/json", "text/html;q=0.5, application/json", "text/html;q=0", "image/png"):
        json = await client.get(PATH, headers={"Accept": other})
        assert json.headers["content-type"] == "application/json", other
    assert (await client.head(PATH, headers={"Accept": browser})).headers["content-type"].startswith("text/html")


@pytest.mark.parametrize(
    ("path", "status", "parameter"),
    [
        (f"{EXPLANATIONS}/NOBODY/S200P", 404, "partner_id"),
        (f"{EXPLANATIONS}/P1/S300", 422, "product"),
        (f"{EXPLANATIONS}/P%00/S200P", 422, "partner_id"),
        (f"{PATH}?why=so", 422, "why"),
        (f"{PATH}?known_at=2100-01-01T00:00:00Z", 422, "known_at"),
        (f"{PATH}?known_position=0", 404, "partner_id"),
        (f"{PATH}?proofs=all", 422, "proofs"),
        (f"{PATH}?proofs=none&proofs=none", 422, "proofs"),
    ],
)
async def test_what_cannot_be_explained(client: httpx.AsyncClient, path: str, status: int, parameter: str) -> None:
    refused = await ask(client, path)
    assert (refused.status_code, refused.json()["parameter"]) == (status, parameter)


def test_every_value_of_a_page_is_escaped() -> None:
    """Facts that were recorded before codes were asked for can hold any text."""
    hostile = "<script>alert(1)</script>{0}"
    reason = {"rule": hostile, "text": hostile, "fact_ids": [hostile]}
    page = printed_explanation(
        {
            **dict.fromkeys(("partner_id", "product", "status", "at", "known_at", "position"), hostile),
            **dict.fromkeys(("headcount", "minimum", "shortfall", "next_change_at"), None),
            **dict.fromkeys(("counted_omitted", "lost_omitted", "linked_only_omitted"), 1),
            "sell_new": True,
            "maintain_existing": False,
            "steps": [reason],
            "lost": [reason],
            "counted": [{"consultant_id": hostile, "since": hostile, "fact_ids": []}],
            "linked_only": [hostile],
            "remedies": [{"rule": hostile, "text": hostile, "before": hostile}],
            "unproved": [hostile],
            "facts": [
                dict.fromkeys(
                    ("position", "type", "effective_at", "recorded_at", "actor", "fact_id", "entry", "tlog_proof"),
                    hostile,
                )
            ],
        }
    ).decode()
    assert "<script" not in page
    assert page.count("&lt;script&gt;") >= 19
