"""Who may import whom: the contracts in pyproject.toml, checked by import-linter."""

import pytest
from importlinter.cli import lint_imports

from tests.architecture.sources import ROOT


def test_imports_go_one_way(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """certification and compliance never import each other; what decides imports no framework, driver or clock."""
    monkeypatch.chdir(ROOT)
    failed = lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True)
    assert not failed, capsys.readouterr().out
