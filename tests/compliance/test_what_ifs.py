"""What-ifs: the whole history under another policy, in the background; nothing is changed."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import psycopg
import pytest
from click.testing import CliRunner

from sagecert_verify.rules import facts as oracle
from services.cli import main
from services.compliance.settings import ComplianceSettings
from services.compliance.what_ifs import runs
from shared.events.wire import instant_text
from tests.compliance.asking import ORIGIN, ask, asking
from tests.compliance.log import Log, set_clock, settings_for
from tests.databases import Database
from tests.policy.fact_log import recorded

WHAT_IFS = f"{ORIGIN}/audit/v1/what-ifs"
DAY = timedelta(days=1)
BEGIN = datetime(2022, 1, 4, 9, tzinfo=UTC)
LOSS = BEGIN + 20 * DAY
NOW = LOSS + 35 * DAY
PARTNERS = [f"P{number:02}" for number in range(40)]


def story() -> list[oracle.Fact]:
    """Forty VARs with two certified consultants each; every fourth lost one 35 days ago."""
    facts: list[oracle.Fact] = []
    for partner in PARTNERS:
        facts.append(oracle.PartnerEnrolled(f"{partner}-e", BEGIN, BEGIN, partner, "VAR", "PARTNER_SUCCESS"))
        for consultant in (f"{partner}-A", f"{partner}-B"):
            facts.append(oracle.ConsultantLinked(f"{consultant}-l", BEGIN, BEGIN, partner, consultant))
            facts.append(oracle.CertificationRecognised(f"{consultant}-c", BEGIN, BEGIN, consultant, "S200P"))
    lost = (oracle.ConsultantLeft(f"{partner}-x", LOSS, LOSS, partner, f"{partner}-B") for partner in PARTNERS[::4])
    return [*facts, *lost]


@pytest.fixture
def told(sandbox_database: Database) -> Database:
    set_clock(sandbox_database, NOW)
    with psycopg.connect(sandbox_database.owner_url, autocommit=True) as owner:
        Log(owner).write(recorded(story()))
    return sandbox_database


@pytest.fixture
async def client(told: Database) -> AsyncIterator[httpx.AsyncClient]:
    settings: ComplianceSettings = settings_for(told)
    async with asking(settings) as client:
        yield client


async def finished(client: httpx.AsyncClient, asked: httpx.Response) -> dict[str, Any]:
    """The result of a what-if once it is done."""
    assert asked.status_code == 202, asked.text
    assert asked.headers["location"].endswith(asked.json()["what_if_id"])
    while True:
        answered = await ask(client, f"{ORIGIN}{asked.headers['location']}", limit=1000)
        found: dict[str, Any] = answered.json()
        if found["state"] in ("done", "failed"):
            return found
        await asyncio.sleep(0.05)


async def test_every_partner_that_would_stand_otherwise_is_reported(client: httpx.AsyncClient) -> None:
    """With 45 days the ten that are suspended would still be in their windows."""
    before = await ask(client, "partners/P00/timeline")
    found = await finished(client, await client.post(WHAT_IFS, json={"window_days": 45}))
    assert (found["state"], found["partners_done"], found["differing"]) == ("done", 40, 10)
    assert [difference["partner_id"] for difference in found["differences"]] == PARTNERS[::4]
    difference = found["differences"][0]
    assert (difference["product"], difference["actual"]["status"], difference["hypothetical"]["status"]) == (
        *("S200P", "suspended", "in_window"),
    )
    assert difference["hypothetical"]["windows"][0]["deadline_at"] == instant_text(datetime(2022, 3, 11, tzinfo=UTC))
    assert difference["actual"]["reasons"][0]["rule"] == "R19"
    assert difference["hypothetical"]["reasons"][0]["rule"] == "R13"
    page = (await ask(client, f"{WHAT_IFS}/{found['what_if_id']}", after=8, limit=1)).json()
    assert [difference["partner_id"] for difference in page["differences"]] == ["P32"]
    assert page["next"] == 9
    assert (await ask(client, "partners/P00/timeline")).json() == before.json()


async def test_a_minimum_and_an_instant_from_which_it_holds(client: httpx.AsyncClient) -> None:
    """A minimum of three from the day after the losses on: everybody would lack one more."""
    body = {"minimum": {"VAR": 3}, "from": instant_text(LOSS + DAY), "at": instant_text(NOW)}
    found = await finished(client, await client.post(WHAT_IFS, json=body))
    assert found["differing"] == 80
    first = next(difference for difference in found["differences"] if difference["product"] == "S200P")
    assert (first["actual"]["shortfall"], first["hypothetical"]["shortfall"]) == (1, 2)
    nothing = await finished(
        client, await client.post(WHAT_IFS, json={"window_days": 45, "from": "2099-01-01T00:00:00Z"})
    )
    assert nothing["differing"] == 0


async def test_a_what_if_can_be_cancelled_and_their_number_is_bounded(client: httpx.AsyncClient) -> None:
    asked = [await client.post(WHAT_IFS, json={"window_days": 45}) for _ in range(runs.WAITING_MAX + 1)]
    assert {response.status_code for response in asked} == {202}
    refused = await client.post(WHAT_IFS, json={"window_days": 45})
    assert refused.status_code == 503
    assert "retry-after" in refused.headers
    for response in asked:
        path = f"{ORIGIN}{response.headers['location']}"
        assert (await client.delete(path)).status_code == 204
        assert (await client.delete(path)).status_code == 404
        assert (await client.get(path)).status_code == 404
    assert (await client.get(WHAT_IFS)).json() == {"what_ifs": []}


@pytest.mark.parametrize(
    ("body", "parameter"),
    [
        ({}, None),
        ({"minimum": {}}, None),
        ({"window_days": 0}, "window_days"),
        ({"window_days": 367}, "window_days"),
        ({"minimum": {"VAR": 100}}, "minimum.VAR"),
        ({"programmes": []}, "programmes"),
        ({"programmes": ["NONE"]}, "programmes"),
        ({"programmes": ["partner success"]}, None),
        ({"window_days": 45, "from": "2026-01-01"}, "from"),
        ({"window_days": 45, "until": "2026-01-01T00:00:00Z"}, "until"),
    ],
)
async def test_what_is_no_other_policy(client: httpx.AsyncClient, body: dict[str, Any], parameter: str | None) -> None:
    refused = await client.post(WHAT_IFS, json=body)
    assert refused.status_code == 422, refused.text
    if parameter is not None:
        assert refused.json()["parameter"] == parameter


async def test_a_moment_that_is_not_known_yet_fails_the_what_if(client: httpx.AsyncClient) -> None:
    asked = await client.post(WHAT_IFS, json={"window_days": 45, "known_at": "2099-01-01T00:00:00Z"})
    found = await finished(client, asked)
    assert (found["state"], found["failure"][:8]) == ("failed", "known_at")


def test_the_command_names_every_partner_that_would_stand_otherwise(told: Database) -> None:
    asked = ("audit", "what-if", "--window-days", "45", "--from", "2022-01-04", "--processes", "1")
    shown = CliRunner().invoke(main, asked, env={"SAGECERT_OWNER_DATABASE_URL": told.owner_url})
    assert shown.exit_code == 0, shown.output
    assert [line.split(":")[0] for line in shown.stdout.splitlines()] == [
        f"{partner} S200P" for partner in PARTNERS[::4]
    ]
    assert "suspended -> in_window (R13: " in shown.stdout
    assert "10 standings of 40 partners would be otherwise; nothing was changed." in shown.stderr


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((), "--window-days, --minimum or --programme"),
        (("--minimum", "VAR=0"), "VAR=3 or DEVELOPER=2"),
        (("--minimum", "RESELLER=2"), "VAR=3 or DEVELOPER=2"),
        (("--window-days", "45", "--from", "soon"), "neither a day"),
    ],
)
def test_the_command_says_what_is_no_other_policy(options: tuple[str, ...], words: str) -> None:
    refused = CliRunner().invoke(main, ("audit", "what-if", *options))
    assert refused.exit_code == 2
    assert words in refused.output
