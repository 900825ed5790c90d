"""Every scenario is told to the bare policy."""

import pytest

from tests.policy.scenarios.story import BarePolicy, Story


@pytest.fixture
def story() -> Story:
    return Story(BarePolicy())
