"""A new type of fact, added as CONTRIBUTING.md says, goes from POST to the compliance feed."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.architecture.markdown import code_blocks, read, sections
from tests.databases import Database
from tests.systems import System, running_system

SECTION: Final = sections(read("CONTRIBUTING.md"))["Add a fact about a partner"]
PATHS: Final = [
    "shared/events/facts.py",
    "services/certification/domain/partner.py",
    "services/compliance/policy/enrolment.py",
    "services/certification/api/partners.py",
]
"""The class, the decision, the effect and the endpoint."""

PROJECT: Final = Path(__file__).parents[2]
TOPIC: Final = "com.sage.partnercloud.partner-reopened.v1"
COMMAND_SECONDS_MAX: Final = 60


def lines_that_begin(hunk: str, *signs: str) -> str:
    return "".join(line[1:] for line in hunk.splitlines(keepends=True) if line[0] in signs)


def apply(patch: str, path: Path) -> None:
    """Fails where the place of a hunk is no longer there, or not the only one."""
    for hunk in patch.split("@@\n"):
        text, old = path.read_text(encoding="utf-8"), lines_that_begin(hunk, " ", "-")
        assert text.count(old) == 1, f"{path.name}: {old}"
        path.write_text(text.replace(old, lines_that_begin(hunk, " ", "+")), encoding="utf-8")


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The product with the lines of the section added; what a test starts runs it."""
    for package in ("services", "shared"):
        shutil.copytree(PROJECT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    for path, patch in zip(PATHS, code_blocks(SECTION, "diff"), strict=True):
        apply(patch, tmp_path / path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def changed(copy: Path, sandbox_database: Database) -> Iterator[System]:
    """The changed product on a database of its own, with a closed partner."""
    with running_system(sandbox_database.owner_url) as system:
        system.reset("2022-01-01T00:00:00Z")
        for path, body in [
            ("partners", {"partner_id": "P1", "kind": "VAR", "programme": "PARTNER_SUCCESS"}),
            ("partners/P1/consultants", {"consultant_id": "C1"}),
            ("partners/P1/closure", {}),
        ]:
            assert system.record(path, path, **body).status_code == 201
        system.set_clock("2022-02-01T00:00:00Z")
        yield system


def answer(system: System, path: str, **query: Any) -> Any:
    response = system.http.get(path, params=query)
    assert response.status_code == 200, response.text
    return response.json()


def enrolled(system: System, position: int) -> bool:
    standing = answer(system, "/compliance/v1/partners/P1/compliance/S200P", min_position=position)
    return bool(standing["status"] != "not_enrolled")


def test_the_section_names_the_files_that_it_changes() -> None:
    assert re.findall(r"^\*\*.*?`([\w/]+\.py)`", SECTION, re.MULTILINE) == PATHS


def test_a_new_fact_goes_from_post_to_both_feeds_and_the_timeline_and_can_be_voided(changed: System) -> None:
    reopened = changed.record("partners/P1/reopening", "reopened", programme="PARTNER_SUCCESS").json()

    (fact,) = answer(changed, "/certification/v1/events", type="partner-reopened", partner_id="P1")
    assert (fact["type"], fact["subject"], fact["id"]) == (TOPIC, "partner-P1", reopened["fact_id"])
    assert fact["data"] == {"partner_id": "P1", "programme": "PARTNER_SUCCESS"}
    assert enrolled(changed, reopened["position"])
    told = answer(changed, "/compliance/v1/events", partner_id="P1", type="standing-changed", limit=1000)
    assert any(reopened["fact_id"] in event["data"]["fact_ids"] for event in told)
    entries = answer(changed, "/compliance/v1/partners/P1/timeline")["entries"]
    assert TOPIC in [entry["type"] for entry in entries if entry["kind"] == "fact"]

    void = changed.record(f"facts/{reopened['fact_id']}/void", "void", reason="it did not").json()
    assert not enrolled(changed, void["position"])
    assert changed.record("partners/P1/reopening", "again", programme="no code").status_code == 422


def test_its_schema_is_made_from_the_class(copy: Path) -> None:
    command = [sys.executable, "-m", "shared.events.schemas", "--write"]
    subprocess.run(command, check=True, capture_output=True, timeout=COMMAND_SECONDS_MAX)
    assert "programme" in (copy / "shared/events/schemas/partner-reopened.v1.json").read_text(encoding="utf-8")
