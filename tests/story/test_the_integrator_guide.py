"""The story of the integrator guide: its commands, run as they stand there, on 300 people and through ten nights."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from tests.architecture.markdown import code_blocks, read, sections
from tests.imports.importing import examples
from tests.reconciliation.transcripts import reconcile
from tests.story.university import FACTS, NIGHT, NIGHTS, University
from tests.systems import System, environment

GUIDE: Final = sections(read("docs/integrator-guide.md"))
EXAMPLES: Final = Path(__file__).parents[2] / "docs" / "examples"
LOAD, NIGHTLY, WATCH, WEEKLY = code_blocks(GUIDE["From the first load to every night"], "bash")
SUSPENDED: Final = {"P16": "2026-01-09T00:00:00Z", "P17": "2026-01-11T00:00:00Z"}
"""Who is truly suspended during the ten days, and when."""

SECONDS_MAX: Final = 240
"""Commands that take longer have come to a stop."""

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed here")


@pytest.fixture(scope="module", autouse=True)
def command(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A directory with `sagecert`, run by the Python that runs the tests."""
    directory = tmp_path_factory.mktemp("bin")
    script = directory / "sagecert"
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m services.cli "$@"\n')
    script.chmod(0o755)
    return str(directory)


class Shell:
    """Runs blocks of the guide in a directory."""

    def __init__(self, system: System, command: str, directory: Path) -> None:
        self._directory = directory
        paths = {"PATH": f"{command}:{os.environ['PATH']}", "PYTHONPATH": str(Path(__file__).parents[2])}
        self._environment = environment({**paths, "SAGECERT_URL": system.url})

    def start(self, script: str) -> subprocess.Popen[str]:
        """Starts the commands in a process group of their own."""
        return subprocess.Popen(
            ["bash", "-euc", script],
            cwd=self._directory,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, script: str, *, status: int = 0) -> str:
        """What the commands say, once all have ended with the status."""
        process = self.start(script)
        try:
            said, _ = process.communicate(timeout=SECONDS_MAX)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            raise
        assert process.returncode == status, said
        return said


def facts(system: System) -> list[dict[str, Any]]:
    """What was reported, in the order of the log."""
    found: list[dict[str, Any]] = []
    after = 0
    while page := system.http.get(f"/certification/v1/events?after={after}&limit=1000").json():
        after = page[-1]["position"]
        found += page
    return [fact for fact in found if "causationid" not in fact and not fact["type"].endswith("engine-installed.v1")]


def told(system: System) -> list[dict[str, Any]]:
    """The compliance events that an endpoint hears which leaves out what was loaded afterwards."""
    found: list[dict[str, Any]] = []
    after = 0
    while page := system.http.get(f"/compliance/v1/events?after={after}&limit=1000").json():
        after = page[-1]["position"]
        found += page
    return [event for event in found if not event["data"].get("history")]


def settle(system: System) -> None:
    """Waits until everything that is recorded is derived."""
    position = facts(system)[-1]["position"] if facts(system) else 0
    system.http.get(f"/compliance/v1/partners/P16?min_position={position}").raise_for_status()


def killed_half_way(shell: Shell, system: System) -> None:
    """Kills the first load once part of it is recorded."""
    loading = shell.start(LOAD)
    try:
        while loading.poll() is None and len(facts(system)) < FACTS // 5:
            time.sleep(0.02)
    finally:
        os.killpg(loading.pid, signal.SIGKILL)
        loading.communicate()


def watched(shell: Shell) -> list[dict[str, Any]]:
    """The answers to what the guide says to watch."""
    answers, said = [], shell.run(WATCH)
    while said:
        answer, end = json.JSONDecoder().raw_decode(said)
        answers.append(answer)
        said = said[end:].lstrip()
    return answers


def test_two_years_and_ten_nights(system: System, command: str, tmp_path: Path) -> None:
    """No false suspension is told, nothing is doubled, and the reconciliation is empty."""
    system.reset(NIGHT.isoformat())
    university = University()
    for mapping in EXAMPLES.glob("*.toml"):
        shutil.copy(mapping, tmp_path)
    shell = Shell(system, command, tmp_path)

    university.export(tmp_path)
    killed_half_way(shell, system)
    again = shell.run(LOAD)
    recorded, before = re.findall(r"([\d,]+) facts recorded; ([\d,]+) were recorded before; 0 refused", again)[-1]
    assert int(recorded.replace(",", "")) + int(before.replace(",", "")) == FACTS
    assert len(facts(system)) == FACTS
    settle(system)

    expected = FACTS
    for night in range(1, NIGHTS + 1):
        expected += university.day_before(night)
        university.export(tmp_path)
        system.set_clock((NIGHT + timedelta(days=night)).isoformat())
        shell.run(NIGHTLY)
        assert len(facts(system)) == expected, f"night {night} records what is new, once"
    settle(system)

    assert "agree" in shell.run(WEEKLY)
    held, without_effect, windows = watched(shell)
    assert (held["held_facts"], without_effect["facts"], windows["windows"]) == ([], [], [])
    events = told(system)
    suspended = {event["subject"]: event["time"] for event in events if event["type"].endswith(".selling-suspended.v1")}
    assert suspended == SUSPENDED
    taken_back = [event for event in events if event["type"].endswith(".retracted.v1")]
    assert not [event for event in taken_back if "suspended" in json.dumps(event["data"])]
    page = system.http.get("/compliance/v1/partners?status=suspended&product=S200P&limit=1000").json()
    assert {row["partner_id"] for row in page["partners"]} == {"P10", "P11", "P12", "P16"}


def test_the_commands_of_the_other_sections(system: System, command: str, tmp_path: Path) -> None:
    system.reset("2026-06-30T09:00:00Z")
    shutil.copytree(EXAMPLES, tmp_path / "docs" / "examples")
    shell = Shell(system, command, tmp_path)
    [load] = code_blocks(GUIDE["Loading files"], "bash")
    load = load.replace("http://127.0.0.1:8000", system.url)
    assert "90 facts would be recorded" in shell.run(load)
    assert "90 facts recorded" in shell.run(load.replace(" --dry-run", ""))
    [compare] = code_blocks(GUIDE["Reconciling"], "bash")
    shell = Shell(system, command, tmp_path / "docs" / "examples")
    assert "agree" in shell.run(compare)
    assert reconcile(system, *examples()) == (0, {"made": 0, "remaining": 0}), "of every type of fact"
