"""Every mistake of the list, planted in a copy of the project, turns something red."""

import json
from collections import Counter

import pytest

from tests.test_the_tests.mistakes import MISTAKES, Mistake
from tests.test_the_tests.mistakes_about_people import PEOPLE_MISTAKES
from tests.test_the_tests.mistakes_in_revisions import REVISION_MISTAKES
from tests.test_the_tests.planting import ProjectCopy

ANY_SCENARIO = "test_thirty_days_and_then_no_new_customers"
EVERY_MISTAKE = (*MISTAKES, *PEOPLE_MISTAKES, *REVISION_MISTAKES)


Red = dict[str, bool]


def red(copy: ProjectCopy, scenario: str | None, *, calculator: bool = True, seed: int | None = None) -> Red:
    """Which checks turn red in the copy. `calculator`: whether it is tried, which takes most of the time.

    `seed`: that of the history that it tries first.
    """
    options = [] if calculator else ["--without-calculator"]
    options += [] if seed is None else [f"--first={seed}"]
    done = copy.run("tests.test_the_tests.check", scenario or ANY_SCENARIO, *options)
    assert done.status == 0, done.output
    found: Red = json.loads(done.output)
    return found


def test_nothing_is_red_without_a_mistake(copy: ProjectCopy) -> None:
    assert red(copy, ANY_SCENARIO) == {"scenario": False, "calculator": False}


@pytest.mark.parametrize("mistake", EVERY_MISTAKE, ids=lambda mistake: mistake.name.replace(" ", "-"))
def test_a_planted_mistake_turns_something_red(copy: ProjectCopy, mistake: Mistake) -> None:
    with copy.planted(mistake):
        found = red(copy, mistake.scenario, calculator=mistake.calculator, seed=mistake.seed)
    if mistake.scenario is not None:
        assert found["scenario"], f"{mistake.scenario} does not notice {mistake.name}"
    if mistake.calculator:
        assert found["calculator"], f"the calculator does not notice {mistake.name}"


def test_the_names_of_the_mistakes_are_their_own() -> None:
    assert [name for name, count in Counter(mistake.name for mistake in EVERY_MISTAKE).items() if count > 1] == []
