"""No rule without a story."""

from importlib import import_module
from pathlib import Path

from tests.policy.scenarios.rules import CITED, THROUGH_HTTP


def test_every_rule_has_a_scenario() -> None:
    for path in sorted(Path(__file__).parent.glob("test_*.py")):
        import_module(f"{__package__}.{path.stem}")
    assert [rule for rule, scenarios in CITED.items() if not scenarios] == []
    assert len(THROUGH_HTTP) >= 20
