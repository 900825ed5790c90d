"""How pytest-xdist spreads the tests over workers: module by module, so that a module's tests run in their order."""

import os
from typing import Any, Final

import pytest
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]  # it has no stubs

ONE_BY_ONE: Final = "tests/test_the_tests/test_planted_"
"""These tests are slow and share nothing. They come last, and keep every worker busy to the end."""

TOGETHER: Final = "tests/browser"
"""A folder whose modules share a browser and a system: all of them go to one worker."""


class ByModule(LoadScopeScheduling):  # type: ignore[misc]  # as above
    """A module goes to one worker, the modules with the most tests first."""

    def _split_scope(self, nodeid: str) -> str:
        if nodeid.startswith(TOGETHER + "/"):
            return TOGETHER
        return nodeid if nodeid.startswith(ONE_BY_ONE) else nodeid.split("::", 1)[0]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByModule:
    """What pytest-xdist asks for."""
    return ByModule(config, log)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Half as many again as there are processors: a third of the time, a test waits for something."""
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return processors + (processors + 1) // 2
