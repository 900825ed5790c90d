"""The real policy against the slow calculator, over random histories.

300 histories by default; `HISTORIES=10000 pytest tests/policy/test_against_the_calculator.py` runs as
many as one likes, and `FIRST_HISTORY` says with which seed to begin.
"""

import os

import pytest

from tests.oracle.histories import seeded
from tests.oracle.shrinking import smallest, told
from tests.policy.comparison import disagreements

HISTORIES = int(os.environ.get("HISTORIES", "300"))
FIRST_HISTORY = int(os.environ.get("FIRST_HISTORY", "0"))
HISTORIES_PER_TEST = 50
QUESTIONS_PER_HISTORY = 8


@pytest.mark.parametrize("first", range(FIRST_HISTORY, FIRST_HISTORY + HISTORIES, HISTORIES_PER_TEST))
def test_every_answer_is_that_of_the_calculator(first: int) -> None:
    """R1-R38 for (at, known_at) anywhere: partners, consultants, registrations, notifications, and the fold."""
    for seed in range(first, min(first + HISTORIES_PER_TEST, FIRST_HISTORY + HISTORIES)):
        history = seeded(seed)
        if any(disagreements(history, QUESTIONS_PER_HISTORY)):
            small = smallest(history, lambda part: any(disagreements(part, QUESTIONS_PER_HISTORY)))
            found = "\n".join(disagreements(small, QUESTIONS_PER_HISTORY))
            pytest.fail(f"history {seed} disagrees:\n{found}\nwith the facts\n{told(small)}")
