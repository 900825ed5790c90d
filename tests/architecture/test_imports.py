"""Who may import whom: the contracts in pyproject.toml, checked by import-linter."""

import subprocess
import sys

from tests.architecture.sources import ROOT


def test_imports_go_one_way() -> None:
    """certification and compliance never import each other; what decides imports no framework, driver or clock.

    In a process of its own: the linter switches every logger off that there is.
    """
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"]
    done = subprocess.run([*command, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
