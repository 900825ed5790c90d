"""How pytest-xdist spreads the tests over workers: module by module, so that a module's tests run in their order."""

import os
from collections import Counter
from typing import Any, Final

import pytest
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]  # it has no stubs

ONE_BY_ONE: Final = (
    "tests/test_the_tests/test_named_test_turns_red.py",
    "tests/test_the_tests/test_something_turns_red.py",
)
"""The tests of these modules share nothing and are short. They come last, and keep every worker busy to the end."""

TOGETHER: Final = "tests/browser"
"""A folder whose modules share a browser and a system: all of them go to one worker."""

LONG: Final = (
    "tests/generated_calls/test_generated_calls.py",
    TOGETHER,
    "tests/policy/test_against_the_calculator.py",
    "tests/test_the_tests/test_clean_environment.py",
)
"""These take longest, and come first: what begins late must not last."""


def scope(nodeid: str) -> str:
    """What goes to one worker: a module, a folder of modules, or a test alone."""
    if nodeid.startswith(TOGETHER + "/"):
        return TOGETHER
    module = nodeid.split("::", 1)[0]
    return nodeid if module in ONE_BY_ONE else module


class ByModule(LoadScopeScheduling):  # type: ignore[misc]  # as above
    """Hands the scopes out in the order of the tests."""

    def __init__(self, config: pytest.Config, log: Any) -> None:
        config.option.loadscopereorder = False
        super().__init__(config, log)

    def _split_scope(self, nodeid: str) -> str:
        return scope(nodeid)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """First the long modules, then those with the most tests, and the single ones last."""
    tests = Counter(scope(item.nodeid) for item in items)

    def place(item: pytest.Item) -> tuple[bool, int, int]:
        mine = scope(item.nodeid)
        return mine == item.nodeid, LONG.index(mine) if mine in LONG else len(LONG), -tests[mine]

    if os.environ.get("PYTEST_XDIST_WORKER") is not None:
        items.sort(key=place)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByModule:
    """What pytest-xdist asks for."""
    return ByModule(config, log)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Half as many again as there are processors: a third of the time, a test waits for something."""
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return processors + (processors + 1) // 2
