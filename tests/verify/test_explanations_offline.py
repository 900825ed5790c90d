"""An auditor has nothing but an explanation, as JSON or as the page that was saved, and the key of the log."""

import asyncio
import json
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from sagecert_verify.command import main
from services.audit.answer_proofs import AnswerProofs
from services.compliance.api.explanations import NO_PROOFS
from services.compliance.database import READING_ROLE
from services.web.fact_proofs import FactProofs
from shared.events.facts import ConsultantLeft
from tests.audit.seals import audit_settings, seal
from tests.compliance.asking import ORIGIN, asking
from tests.compliance.log import Log, set_clock, settings_for
from tests.compliance.seed import BEGIN, SeedFacts
from tests.databases import Database
from tests.systems import System
from tests.verify.exports import FACTS_LOG

LOSS = BEGIN + timedelta(days=60)
SECONDS_MAX = 60
NOW = LOSS + timedelta(days=40)
PATH = f"{ORIGIN}/audit/v1/explanations/partners/P1/S200P"
BROWSER = {"Accept": "text/html"}


def asked(database: Database, proofs: FactProofs | None, headers: dict[str, str] | None = None) -> httpx.Response:
    """The explanation of a suspension."""

    async def answer() -> httpx.Response:
        async with asking(settings_for(database), proofs) as client:
            return (await client.get(PATH, headers=headers or {})).raise_for_status()

    return asyncio.run(answer())


@pytest.fixture
def told(sandbox_database: Database) -> Database:
    story = SeedFacts()
    story.var(BEGIN, "P1")
    story.tell(LOSS, ConsultantLeft("P1", "P1-B"))
    set_clock(sandbox_database, NOW)
    with psycopg.connect(sandbox_database.owner_url, autocommit=True) as owner:
        Log(owner).write(story.groups)
    return sandbox_database


def proofs_of(database: Database, directory: Path) -> AnswerProofs:
    """As the service that runs apart reads them: with its own login, and the role of what only reads."""
    return AnswerProofs(audit_settings(database, directory, database_url=database.compliance_url), READING_ROLE)


@pytest.fixture
def policy(told: Database, tmp_path: Path) -> Path:
    """The key of the log, as an auditor keeps it; everything is sealed."""
    directory = tmp_path / "audit"
    seal(told, directory)
    (key,) = (line for line in (directory / "verifier-keys").read_text().split() if "/facts+" in line)
    path = tmp_path / "policy.txt"
    path.write_text(f"log {key}\nquorum none\n")
    return path


@pytest.fixture
def explained(told: Database, policy: Path) -> dict[str, Any]:
    found: dict[str, Any] = asked(told, proofs_of(told, policy.parent / "audit")).json()
    assert found["status"] == "suspended"
    return found


def verdict(path: Path, policy: Path, content: str | bytes) -> int:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return main([str(path), "--policy", str(policy)])


def test_every_fact_of_a_suspension_is_proved(
    explained: dict[str, Any], policy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert all(fact["tlog_proof"] and fact["entry"] for fact in explained["facts"])
    assert explained["unproved"] == []
    assert verdict(tmp_path / "explanation.json", policy, json.dumps(explained)) == 20
    shown = capsys.readouterr().out
    assert "what it contains is proved" in shown
    left = next(fact for fact in explained["facts"] if fact["type"].endswith("consultant-left.v1"))
    assert f"Position {left['position']}: {left['type']} about P1, P1-B, true from" in shown
    assert "It cannot prove that no other fact matters" in shown


def test_the_page_to_print_proves_it_too(
    told: Database, policy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = asked(told, proofs_of(told, tmp_path / "audit"), BROWSER).text
    assert verdict(tmp_path / "page.html", policy, page) == 20
    assert "about P1, P1-B" in capsys.readouterr().out
    assert verdict(tmp_path / "page.html", policy, page.replace("consultant-left", "consultant-lost")) == 30


def moved(found: dict[str, Any]) -> None:
    found["windows"][0]["deadline_on"] = "2099-01-01"


def renamed(found: dict[str, Any]) -> None:
    found["facts"][-1]["data"]["consultant_id"] = "P1-A"


def dated(found: dict[str, Any]) -> None:
    found["facts"][0]["effective_at"] = "2021-01-01T00:00:00Z"


def forged(found: dict[str, Any]) -> None:
    found["facts"][-1]["entry"] = found["facts"][-1]["entry"].replace("P1-B", "P1-A")


def swapped(found: dict[str, Any]) -> None:
    first, last = found["facts"][0], found["facts"][-1]
    first["tlog_proof"], last["tlog_proof"] = last["tlog_proof"], first["tlog_proof"]


def another_fact(found: dict[str, Any]) -> None:
    found["facts"][-1]["fact_id"] = "another"


def unsigned(found: dict[str, Any]) -> None:
    for fact in found["facts"]:
        fact["tlog_proof"] = fact["tlog_proof"].rsplit("\n", 2)[0] + f"\n{FACTS_LOG.line('nothing')}"


@pytest.mark.parametrize(
    ("change", "status"),
    [(moved, 40), (renamed, 30), (dated, 30), (forged, 30), (swapped, 30), (another_fact, 30), (unsigned, 30)],
)
def test_what_was_changed_is_refused(
    explained: dict[str, Any], policy: Path, tmp_path: Path, change: Callable[[dict[str, Any]], None], status: int
) -> None:
    change(explained)
    assert verdict(tmp_path / "explanation.json", policy, json.dumps(explained)) == status


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "{}",
        '{"facts": 3}',
        '{"facts": []}',
        '{"facts": [{"entry": 1, "tlog_proof": 2}]}',
        '{"facts": [{"entry": "", "tlog_proof": ""}]}',
        '{"facts":' + "[" * 200_000,
        "<html></html>",
        '<pre class="entry">' * 100_000,
        '<pre class="entry">a</pre><pre class="tlog-proof">b</pre>',
        b"{\xff}",
    ],
)
def test_what_is_no_explanation_is_damaged(policy: Path, tmp_path: Path, content: str | bytes) -> None:
    assert verdict(tmp_path / "explanation.json", policy, content) == 2


def test_without_a_key_that_is_trusted_there_is_no_verdict(
    explained: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "explanation.json"
    path.write_text(json.dumps(explained))
    assert main([str(path)]) == 64
    assert "--policy" in capsys.readouterr().err


def test_before_anything_is_sealed_an_explanation_goes_without(told: Database, tmp_path: Path) -> None:
    for proofs, why in ((None, NO_PROOFS), (proofs_of(told, tmp_path / "audit"), "Nothing is sealed yet.")):
        explained = asked(told, proofs).json()
        assert explained["unproved"] == [why]
        facts = explained["facts"]
        assert all(fact["entry"] is None and fact["tlog_proof"] is None and fact["proof"] for fact in facts)
        assert why in asked(told, proofs, BROWSER).text


def test_services_that_run_apart_prove_it_too(split_system: System) -> None:
    """Compliance reads what is sealed by its own login."""
    split_system.reset()
    split_system.record("partners", "k", partner_id="P1", kind="VAR", programme="PARTNER_SUCCESS").raise_for_status()
    until = time.monotonic() + SECONDS_MAX
    while True:
        explained = split_system.http.get("/audit/v1/explanations/partners/P1/S200P").raise_for_status().json()
        if all(fact["tlog_proof"] for fact in explained["facts"]):
            break
        assert time.monotonic() < until
        time.sleep(0.2)
    (fact,) = explained["facts"]
    assert (fact["position"], fact["type"].rpartition(".")[0].rpartition(".")[2]) == (1, "partner-enrolled")
