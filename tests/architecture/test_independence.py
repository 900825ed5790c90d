"""What checks the system shares no code with it."""

import ast
from typing import Final

import pytest

from tests.architecture.sources import tree

INDEPENDENT: Final = ("checker", "proxy", "receiver", "traffic")
"""Of `tests/faults`."""


@pytest.mark.parametrize("name", INDEPENDENT)
def test_the_checker_of_faults_imports_nothing_of_the_system(name: str) -> None:
    imported = {
        alias
        for node in ast.walk(tree(f"tests/faults/{name}.py"))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in ([name.name for name in node.names] if isinstance(node, ast.Import) else [node.module or ""])
    }
    assert not {module for module in imported if module.split(".")[0] in ("services", "shared")}
    assert {module for module in imported if module.startswith("tests")} <= {
        f"tests.faults.{module}" for module in INDEPENDENT
    }
