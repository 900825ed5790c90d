"""Every mistake of the lists that name who must notice it turns that test red."""

import pytest

from services.host.embedded_postgres.server import Server
from tests.databases import giving
from tests.test_the_tests import (
    mistakes_in_access,
    mistakes_in_audit,
    mistakes_in_audit_answers,
    mistakes_in_console,
    mistakes_in_delivery,
    mistakes_in_lists_and_imports,
    mistakes_in_verifying,
)
from tests.test_the_tests.mistakes_in_delivery import Mistake
from tests.test_the_tests.planting import SECONDS_MAX, Outcome, ProjectCopy

LISTS = {
    "delivery": mistakes_in_delivery.MISTAKES,
    "audit": mistakes_in_audit.MISTAKES,
    "access": mistakes_in_access.MISTAKES,
    "audit answers": mistakes_in_audit_answers.MISTAKES,
    "lists and imports": mistakes_in_lists_and_imports.MISTAKES,
    "console": mistakes_in_console.MISTAKES,
    "verifying": mistakes_in_verifying.MISTAKES,
}
MISTAKES = tuple(mistake for mistakes in LISTS.values() for mistake in mistakes)
GREEN, RED = 0, 1
PLUGINS = ("-p", "pytest_asyncio.plugin", "-p", "pytest_timeout", "-p", "no:cacheprovider")
SETTINGS = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}  # to load the others takes as long as most of these tests


def outcome(copy: ProjectCopy, server: Server, *tests: str, seconds_max: int = 30) -> Outcome:
    """What becomes of these tests in the copy, on a server that has what they need. `seconds_max`: for each of them."""
    timeout = ("--timeout", str(seconds_max))
    return copy.run("pytest", "-x", "-q", *timeout, *PLUGINS, *tests, environment={**SETTINGS, **giving(server)})


@pytest.mark.timeout(2 * SECONDS_MAX)
@pytest.mark.parametrize("mistakes", LISTS)
def test_nothing_is_red_without_a_mistake(copy: ProjectCopy, templates: Server, mistakes: str) -> None:
    tests = dict.fromkeys(f"tests/{mistake.noticed_by}" for mistake in LISTS[mistakes])
    done = outcome(copy, templates, *tests, seconds_max=SECONDS_MAX)
    assert done.status == GREEN, done.output


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name.replace(" ", "-"))
def test_a_planted_mistake_turns_its_test_red(copy: ProjectCopy, templates: Server, mistake: Mistake) -> None:
    with copy.planted(mistake):
        done = outcome(copy, templates, f"tests/{mistake.noticed_by}")
    assert done.status == RED, f"{mistake.noticed_by} does not notice that {mistake.name}: {done.output}"


def test_the_names_of_the_mistakes_are_their_own() -> None:
    assert len({mistake.name for mistake in MISTAKES}) == len(MISTAKES)
