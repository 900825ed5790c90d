"""A few of the histories; `python -m tests.every_answer --seconds 600` goes on for as long as one likes."""

import pytest

from tests.every_answer.trial import Trial
from tests.oracle.shrinking import told
from tests.systems import System


@pytest.mark.parametrize("seed", [11])
def test_what_is_answered_about_one_thing_is_the_same_by_every_path(system: System, seed: int) -> None:
    """R1-R39: alone, in lists and tables, over time, compared, explained and foretold; and by the calculator."""
    trial = Trial(system, seed, midway=0.02)
    trial.run()
    assert not trial.found, "\n".join([*trial.found, "with the facts", told(trial.history)])
    assert trial.compared > 500
