"""Revisions that meet everything else at one instant: policy, calculator and verifier agree (R38, R39)."""

import pytest

from tests.oracle.rules.facts import PolicyRevised
from tests.oracle.shrinking import told
from tests.policy.comparison import disagreements
from tests.verify.policy_collisions import COLLISIONS, written
from tests.verify.test_derivation import check_every_event

QUESTIONS = 25


@pytest.mark.parametrize("name", COLLISIONS)
def test_three_readings_of_the_rules_agree(name: str) -> None:
    history = written(name)
    assert any(isinstance(fact, PolicyRevised) for fact in history)
    assert not list(disagreements(history, QUESTIONS)), told(history)
    check_every_event(history, len(history))
