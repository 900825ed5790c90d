"""Every mistake of the list, planted in a copy of the project, turns something red."""

import json
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.test_the_tests.mistakes import MISTAKES, Mistake
from tests.test_the_tests.mistakes_about_people import PEOPLE_MISTAKES
from tests.test_the_tests.mistakes_in_revisions import REVISION_MISTAKES
from tests.test_the_tests.planting import PROJECT, plant

ANY_SCENARIO = "test_thirty_days_and_then_no_new_customers"
EVERY_MISTAKE = (*MISTAKES, *PEOPLE_MISTAKES, *REVISION_MISTAKES)
SECONDS_MAX = 100
PACKAGES = (
    "shared",
    "services/web",
    "services/compliance/policy",
    "services/certification",
    "tests/oracle",
    "tests/policy",
)


Red = dict[str, bool]


@contextmanager
def copied() -> Iterator[Path]:
    """The policy, the rules and the quick checks, apart from the project itself."""
    with TemporaryDirectory() as directory:
        copy = Path(directory)
        for package in PACKAGES:
            shutil.copytree(PROJECT / package, copy / package, ignore=shutil.ignore_patterns("schemas"))
        for package in ("services", "services/compliance", "tests", "tests/test_the_tests"):
            (copy / package).mkdir(exist_ok=True)
            shutil.copy2(PROJECT / package / "__init__.py", copy / package)
        shutil.copy2(PROJECT / "tests/test_the_tests/check.py", copy / "tests/test_the_tests")
        yield copy


def red(copy: Path, scenario: str | None, *, calculator: bool = True, seed: int | None = None) -> Red:
    """Which checks turn red in the copy. `calculator`: whether it is tried, which takes most of the time.

    `seed`: that of the history that it tries first.
    """
    command = [sys.executable, "-m", "tests.test_the_tests.check", scenario or ANY_SCENARIO]
    command += [] if calculator else ["--without-calculator"]
    command += [] if seed is None else [f"--first={seed}"]
    done = subprocess.run(command, cwd=copy, capture_output=True, text=True, timeout=SECONDS_MAX, check=False)
    assert done.returncode == 0, done.stderr
    found: Red = json.loads(done.stdout)
    return found


def red_with(mistake: Mistake) -> Red:
    with copied() as copy:
        plant(copy, mistake)
        return red(copy, mistake.scenario, calculator=mistake.calculator, seed=mistake.seed)


def test_nothing_is_red_without_a_mistake() -> None:
    with copied() as copy:
        assert red(copy, ANY_SCENARIO) == {"scenario": False, "calculator": False}


@pytest.mark.parametrize("mistake", EVERY_MISTAKE, ids=lambda mistake: mistake.name.replace(" ", "-"))
def test_a_planted_mistake_turns_something_red(mistake: Mistake) -> None:
    found = red_with(mistake)
    if mistake.scenario is not None:
        assert found["scenario"], f"{mistake.scenario} does not notice {mistake.name}"
    if mistake.calculator:
        assert found["calculator"], f"the calculator does not notice {mistake.name}"


def test_the_names_of_the_mistakes_are_their_own() -> None:
    assert [name for name, count in Counter(mistake.name for mistake in EVERY_MISTAKE).items() if count > 1] == []
