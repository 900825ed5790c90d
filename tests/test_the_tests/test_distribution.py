"""What the scheduler of the tests names is there."""

from tests.clean_environment import ROOT
from tests.distribution import LONG, ONE_BY_ONE


def test_the_modules_that_are_named_are_there() -> None:
    assert [path for path in (*LONG, *ONE_BY_ONE) if not (ROOT / path).exists()] == []
