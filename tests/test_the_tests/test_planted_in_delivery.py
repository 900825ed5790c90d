"""Every mistake in telling subscribers, sealing, letting callers in and answering auditors turns its test red."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.test_the_tests import mistakes_in_access, mistakes_in_audit, mistakes_in_delivery, mistakes_in_questions
from tests.test_the_tests.mistakes_in_delivery import Mistake
from tests.test_the_tests.planting import PROJECT, plant

MISTAKES = (
    *mistakes_in_delivery.MISTAKES,
    *mistakes_in_audit.MISTAKES,
    *mistakes_in_access.MISTAKES,
    *mistakes_in_questions.MISTAKES,
)
SECONDS_MAX = 100
GREEN, RED = 0, 1
PLUGINS = ("-p", "pytest_asyncio.plugin", "-p", "pytest_timeout", "-p", "no:cacheprovider")
SETTINGS = {
    "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",  # to load the others takes as long as most of these tests
    "PYTHONDONTWRITEBYTECODE": "1",  # what is compiled is of the project without a mistake
}


Outcome = subprocess.CompletedProcess[str]


@contextmanager
def copied() -> Iterator[Path]:
    """The services and the tests, apart from the project itself."""
    with TemporaryDirectory() as directory:
        copy = Path(directory)
        for package in ("services", "shared", "tests"):
            shutil.copytree(PROJECT / package, copy / package, ignore=shutil.ignore_patterns("node_modules"))
        shutil.copy2(PROJECT / "pyproject.toml", copy)
        yield copy


def outcome(copy: Path, *tests: str) -> Outcome:
    """What becomes of these tests in the copy."""
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-x", "-q", "--timeout", "30", *PLUGINS, *tests],
        cwd=copy,
        env={**os.environ, **SETTINGS},
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
        check=False,
    )


def outcome_with(mistake: Mistake) -> Outcome:
    with copied() as copy:
        plant(copy, mistake)
        return outcome(copy, f"tests/{mistake.noticed_by}")


def test_nothing_is_red_without_a_mistake() -> None:
    with copied() as copy:
        done = outcome(copy, *dict.fromkeys(f"tests/{mistake.noticed_by}" for mistake in MISTAKES))
    assert done.returncode == GREEN, done.stdout


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name.replace(" ", "-"))
def test_a_planted_mistake_turns_its_test_red(mistake: Mistake) -> None:
    done = outcome_with(mistake)
    assert done.returncode == RED, f"{mistake.noticed_by} does not notice that {mistake.name}: {done.stdout}"


def test_the_names_of_the_mistakes_are_their_own() -> None:
    assert len({mistake.name for mistake in MISTAKES}) == len(MISTAKES)
