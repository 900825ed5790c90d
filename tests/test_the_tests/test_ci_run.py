"""`.ci/run` ends with 0 where every step passed, and with 1 where one failed. The steps do nothing here."""

import os
import shutil
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pytest

from tests.clean_environment import ROOT
from tests.systems import gone

COMMANDS: Final = ("bin/make", ".venv/bin/python", ".venv/bin/ruff", ".venv/bin/mypy", ".venv/bin/lint-imports")

NOTHING: Final = """#!/bin/sh
call="$(basename "$0") $*"
echo "$call" >> calls
echo "said by $call"
[ "$call" = "$FAILING" ] && exit 1
[ "$call" = "$ENDLESS" ] && echo $$ > endless && exec sleep 60
exit 0
"""
"""A command that says how it was called. It fails, or does not end, where that is asked for."""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with `.ci/run`, and the acceptance scenarios beside it."""
    root = tmp_path / "project"
    for command in COMMANDS:
        (root / command).parent.mkdir(parents=True, exist_ok=True)
        (root / command).write_text(NOTHING)
        (root / command).chmod(0o755)
    (root / ".ci").mkdir()
    shutil.copy2(ROOT / ".ci" / "run", root / ".ci")
    (tmp_path / "shared" / "acceptance").mkdir(parents=True)
    (tmp_path / "shared" / "acceptance" / "run.py").touch()
    return root


def run(project: Path, failing: str = "", endless: str = "") -> "subprocess.CompletedProcess[str]":
    environment = {
        "PATH": f"{project / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "FAILING": failing,
        "ENDLESS": endless,
    }
    (project / "calls").unlink(missing_ok=True)
    return subprocess.run(
        [project / ".ci" / "run"], env=environment, capture_output=True, text=True, timeout=60, check=False
    )


def calls(project: Path) -> Sequence[str]:
    return (project / "calls").read_text().splitlines()


def test_it_ends_with_0_where_every_step_passed_and_with_1_where_one_failed(project: Path) -> None:
    passed = run(project)
    assert (passed.returncode, passed.stderr) == (0, "")
    steps = calls(project)
    assert passed.stdout.splitlines()[-1] == f"said by {steps[-1]}" == "said by make --no-print-directory test"
    assert {step.split()[0] for step in steps} == {Path(command).name for command in COMMANDS}
    for step in steps:
        failed = run(project, failing=step)
        assert failed.returncode == 1, f"{step} failed, and the status is {failed.returncode}"
        assert f"said by {step}" in failed.stdout, f"{step} failed, and what it said is not shown"


def test_what_runs_beside_the_others_ends_with_them(project: Path) -> None:
    beside = "make --no-print-directory faults"
    assert run(project, failing="ruff check --quiet", endless=beside).returncode == 1
    process = int((project / "endless").read_text())
    try:
        assert gone(process)
    finally:
        if not gone(process, seconds=0.1):
            os.kill(process, signal.SIGKILL)
