"""What checks the system shares no code with it."""

import ast
import sys
from typing import Final

from tests.architecture.for_each import for_each
from tests.architecture.sources import VERIFIER, python_files, tree

INDEPENDENT: Final = ("checker", "proxy", "receiver", "traffic")
"""Of `tests/faults`."""


def imported_by(path: str) -> set[str]:
    """The modules that a file imports, by their full names."""
    return {
        module
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for module in ([name.name for name in node.names] if isinstance(node, ast.Import) else [node.module or ""])
    }


@for_each(python_files(VERIFIER))
def test_the_verifier_needs_itself_and_cryptography_alone(path: str) -> None:
    roots = {module.split(".")[0] for module in imported_by(path)}
    assert roots - sys.stdlib_module_names <= {"sagecert_verify", "cryptography"}


@for_each(python_files("tests/oracle/rules/"))
def test_the_calculator_reads_the_rules_itself(path: str) -> None:
    """It shares the days of London with the verifier, and nothing else with anybody."""
    outside = {module for module in imported_by(path) if not module.startswith("tests.oracle.rules")}
    assert {module for module in outside if module.split(".")[0] not in sys.stdlib_module_names} <= {
        "sagecert_verify.derive.london"
    }


@for_each(INDEPENDENT)
def test_the_checker_of_faults_imports_nothing_of_the_system(name: str) -> None:
    imported = imported_by(f"tests/faults/{name}.py")
    assert not {module for module in imported if module.split(".")[0] in ("services", "shared")}
    assert {module for module in imported if module.startswith("tests")} <= {
        f"tests.faults.{module}" for module in INDEPENDENT
    }
