"""Every mistake of the list, planted in a copy of the project, turns something red."""

import json
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.test_the_tests.mistakes import MISTAKES, Mistake
from tests.test_the_tests.planting import PROJECT, plant

ANY_SCENARIO = "test_thirty_days_and_then_no_new_customers"
SECONDS_MAX = 100


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The policy, the rules and the quick checks, apart from the project itself."""
    for package in ("shared", "services/compliance/policy", "services/certification", "tests/oracle", "tests/policy"):
        shutil.copytree(PROJECT / package, tmp_path / package, ignore=shutil.ignore_patterns("schemas"))
    for package in ("services", "services/compliance", "tests", "tests/test_the_tests"):
        (tmp_path / package).mkdir(exist_ok=True)
        shutil.copy2(PROJECT / package / "__init__.py", tmp_path / package)
    shutil.copy2(PROJECT / "tests/test_the_tests/check.py", tmp_path / "tests/test_the_tests")
    return tmp_path


def red(copy: Path, scenario: str | None) -> dict[str, bool]:
    """Which checks turn red in the copy."""
    command = [sys.executable, "-m", "tests.test_the_tests.check", scenario or ANY_SCENARIO]
    done = subprocess.run(command, cwd=copy, capture_output=True, text=True, timeout=SECONDS_MAX, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, bool] = json.loads(done.stdout)
    return found


def test_nothing_is_red_without_a_mistake(copy: Path) -> None:
    assert red(copy, ANY_SCENARIO) == {"scenario": False, "calculator": False}


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name.replace(" ", "-"))
def test_a_planted_mistake_turns_something_red(mistake: Mistake, copy: Path) -> None:
    plant(copy, mistake.path, mistake.old, mistake.new)
    found = red(copy, mistake.scenario)
    if mistake.scenario is not None:
        assert found["scenario"], f"{mistake.scenario} does not notice {mistake.name}"
    if mistake.calculator:
        assert found["calculator"], f"the calculator does not notice {mistake.name}"


def test_the_names_of_the_mistakes_are_their_own() -> None:
    assert [name for name, count in Counter(mistake.name for mistake in MISTAKES).items() if count > 1] == []
