"""Every refusal has its answer."""

from collections.abc import Iterator

import pytest

from services.certification.api.problems import KINDS, answer_to
from services.certification.domain import refusals
from services.certification.domain.refusals import Refusal


def every(kind: type[Refusal]) -> Iterator[type[Refusal]]:
    for each in kind.__subclasses__():
        yield each
        yield from every(each)


def test_the_table_is_complete_and_says_nothing_twice() -> None:
    assert set(KINDS) == {each for each in every(Refusal) if each.__module__ == refusals.__name__}
    assert len({kind.name for kind in KINDS.values()}) == len(KINDS)


@pytest.mark.parametrize("refusal", KINDS)
def test_a_refusal_is_answered_as_the_table_says(refusal: type[Refusal]) -> None:
    answer = answer_to(refusal("It is so, \ud800."))
    assert answer.status_code == KINDS[refusal].status
    assert answer.media_type == "application/problem+json"
    assert ("Retry-After" in answer.headers) == (answer.status_code == 503)
