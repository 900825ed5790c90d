"""Scenarios of the rules, told to the running system over HTTP as they are told to the bare policy."""

from collections.abc import Callable

import pytest

from tests.end_to_end.client import FactClient
from tests.policy.scenarios import (  # noqa: F401 - each brings in its scenarios
    test_becoming_certified,
    test_counting,
    test_maintenance,
    test_policy_in_force,
    test_time_and_corrections,
    test_voids,
    test_windows,
)
from tests.policy.scenarios.rules import THROUGH_HTTP
from tests.policy.scenarios.story import Story
from tests.policy.scenarios.vocabulary import utc
from tests.systems import System

BEFORE_ALL = utc("2023-01-01 00:00")


@pytest.mark.parametrize("scenario", THROUGH_HTTP, ids=lambda scenario: str(scenario.__name__))
def test_the_running_system_answers_as_the_policy(scenario: Callable[[Story], None], system: System) -> None:
    scenario(Story(FactClient(system, BEFORE_ALL)))
