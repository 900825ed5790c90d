"""Verdicts on claims, and the standings that they rest on."""

import pytest
from hypothesis import HealthCheck, given, settings

from services.compliance.policy.answers_from_facts import partner_segment
from services.compliance.policy.claim_verdict import Verdict, standings_at, verdict
from services.compliance.policy.parameters import PARAMETERS
from tests.oracle.histories import PRODUCTS, History, histories
from tests.policy.comparison import Case
from tests.policy.fact_log import everything


@pytest.mark.parametrize(
    ("claimed", "now", "then", "expected"),
    [
        (True, True, True, "correct"),
        (True, True, False, "correct"),
        (False, False, None, "correct"),
        (True, False, True, "justified"),
        (False, True, False, "justified"),
        (True, False, False, "wrong"),
        (False, True, None, "wrong"),
        (False, None, None, "wrong"),
    ],
)
def test_a_claim_is_judged_by_what_is_known_now_and_then_by_what_was(
    claimed: bool, now: bool | None, then: bool | None, expected: Verdict
) -> None:
    assert verdict(claimed=claimed, now=now, then=then) == expected


@settings(max_examples=25, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None)
@given(histories())
def test_standings_of_many_instants_are_those_of_each(history: History) -> None:
    case = Case(history)
    log = everything(case.groups)
    for partner in case.partners:
        for product in PRODUCTS:
            found = dict(standings_at(log, partner, product, reversed(case.instants), PARAMETERS))
            assert list(found) == sorted(case.instants)
            for instant, standing in found.items():
                segment = partner_segment(log, partner, product, instant, PARAMETERS)
                assert standing == (segment and segment.standing)
