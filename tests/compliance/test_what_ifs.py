"""What-ifs: the whole history under another policy, in the background; nothing is changed."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import psycopg
import pytest
from click.testing import CliRunner

from services.cli import main
from services.compliance.settings import ComplianceSettings
from services.compliance.what_ifs import kept
from shared.events.wire import instant_text
from tests.compliance.asking import ORIGIN, ask, asking
from tests.compliance.log import Log, set_clock, settings_for
from tests.databases import Database
from tests.oracle.rules import facts as oracle
from tests.policy.fact_log import recorded
from tests.systems import serving

WHAT_IFS = f"{ORIGIN}/audit/v1/what-ifs"
DAY = timedelta(days=1)
SECONDS_MAX = 60
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


async def test_a_caller_can_wait_for_the_end(client: httpx.AsyncClient) -> None:
    asked = (await client.post(WHAT_IFS, json={"window_days": 45})).json()
    found = (await client.get(f"{WHAT_IFS}/{asked['what_if_id']}", params={"timeout": SECONDS_MAX})).json()
    assert (found["state"], len(found["differences"])) == ("done", 10)
    again = await client.post(WHAT_IFS, json={"window_days": 44})
    soon = (await client.get(f"{ORIGIN}{again.headers['location']}", params={"timeout": 0.01})).json()
    assert soon["state"] in ("waiting", "running"), "a wait ends, too"
    assert (await client.get(f"{ORIGIN}{again.headers['location']}", params={"timeout": 61})).status_code == 422


async def test_a_what_if_can_be_cancelled_and_their_number_is_bounded(client: httpx.AsyncClient) -> None:
    asked = [await client.post(WHAT_IFS, json={"window_days": 45}) for _ in range(kept.WAITING_MAX + 1)]
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


@contextmanager
def served(database: Database) -> Iterator[httpx.Client]:
    """The service as a process of its own, which is killed at the end."""
    settings = {"SAGECERT_SANDBOX": "true", "SAGECERT_COMPLIANCE_DATABASE_URL": database.compliance_url}
    with (
        serving(settings, "compliance", "serve") as (process, url),
        httpx.Client(base_url=url, timeout=SECONDS_MAX) as client,
    ):
        try:
            yield client
        finally:
            process.kill()
            process.wait()


def once(client: httpx.Client, location: str, is_so: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The what-if once it is so."""
    until = time.monotonic() + SECONDS_MAX
    while time.monotonic() < until:
        found: dict[str, Any] = client.get(location).raise_for_status().json()
        if is_so(found):
            return found
        time.sleep(0.02)
    raise AssertionError(f"it did not happen in time: {found['state']} {found['failure']}")


def is_done(found: dict[str, Any]) -> bool:
    return found["state"] in ("done", "failed")


def test_a_result_outlives_a_process_that_is_killed(told: Database) -> None:
    with served(told) as client:
        location = client.post("/audit/v1/what-ifs", json={"window_days": 45}).headers["location"]
        once(client, location, is_done)
        before = client.get(location, params={"after": 8}).json()
        table = client.get(f"{location}/differences.csv").content
    with served(told) as client:
        assert client.get(location, params={"after": 8}).json() == before
        assert client.get(f"{location}/differences.csv").content == table
        assert (before["state"], before["differing"], len(before["differences"])) == ("done", 10, 2)
        assert [run["what_if_id"] for run in client.get("/audit/v1/what-ifs").json()["what_ifs"]] == [
            before["what_if_id"]
        ]


def test_what_a_killed_process_had_begun_is_taken_up_at_the_same_moment(told: Database) -> None:
    """One had begun and one waits; meanwhile the clock goes on and every partner loses somebody more."""
    with served(told) as client:
        begun, waiting = (
            client.post("/audit/v1/what-ifs", json={"window_days": days}).headers["location"] for days in (45, 60)
        )
        first = once(client, begun, lambda found: found["at"] is not None)
    with psycopg.connect(told.owner_url, autocommit=True) as owner:
        later = NOW + 20 * DAY
        lost = [oracle.ConsultantLeft(f"{partner}-y", later, later, partner, f"{partner}-A") for partner in PARTNERS]
        set_clock(told, later)
        Log(owner).write(recorded([*story(), *lost])[-len(lost) :])
        owner.execute("UPDATE audit.what_if SET state = 'running' WHERE state = 'done'")  # it was quicker than the kill
    with served(told) as client:
        found = once(client, begun, is_done)
        assert [found[name] for name in ("state", "at", "known_at", "position", "differing")] == [
            *("done", first["at"], first["known_at"], first["position"], 10)
        ]
        second = once(client, waiting, is_done)
        assert (second["state"], second["position"]) == ("done", first["position"] + len(PARTNERS))


def test_results_are_few_and_do_not_become_old(told: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "KEPT_MAX", 2)
    with psycopg.connect(told.owner_url, autocommit=True) as owner:

        async def asked() -> list[str]:
            async with asking(settings_for(told)) as client:
                found = [await client.post(WHAT_IFS, json={"window_days": 45}) for _ in range(kept.WAITING_MAX)]
                for response in found:
                    await finished(client, response)
                newest = await client.post(WHAT_IFS, json={"window_days": 46})
                await finished(client, newest)
                known = [run["what_if_id"] for run in (await client.get(WHAT_IFS)).json()["what_ifs"]]
                assert known == [response.json()["what_if_id"] for response in (found[-1], newest)]
                owner.execute(
                    "UPDATE audit.what_if SET asked_at = asked_at - %s * interval '1 day' WHERE what_if_id = %s",
                    [kept.KEPT_DAYS_MAX + 1, known[0]],
                )
                assert (await client.get(f"{WHAT_IFS}/{known[0]}")).status_code == 404
                return [run["what_if_id"] for run in (await client.get(WHAT_IFS)).json()["what_ifs"]]

        assert len(asyncio.run(asked())) == 1


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
    if not body:
        said = "The body is not acceptable: a what-if gives window_days, minimum or programmes."
        assert refused.json()["detail"] == said


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
