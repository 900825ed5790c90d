"""What-ifs: the standings that one revision more would make others, and those alone."""

from datetime import datetime
from random import Random

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from services.compliance.policy.answers_from_facts import partner_segment
from services.compliance.policy.hypothetical_policy import FROM_EVER, HypotheticalRevision, what_if_differences
from services.compliance.policy.parameters import PARAMETERS
from services.compliance.policy.policy_timeline import policy_known
from shared.events.envelope import Fact
from shared.events.facts import Minimum
from tests.oracle.histories import PRODUCTS, History, densely_revised, histories
from tests.policy.comparison import Case, standing_view
from tests.policy.fact_log import everything


@settings(
    phases=(Phase.generate,),
    max_examples=25,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    database=None,
)
@given(histories(), st.integers(0, 2**32))
def test_a_what_if_reports_exactly_what_differs_with_one_revision_more(history: History, seed: int) -> None:
    case, random = Case(history), Random(seed)
    log = everything(case.groups)
    for _ in range(3):
        at = random.choice(case.instants)
        revision = HypotheticalRevision(
            random.choice((None, 1, 29, 45)),
            random.choice((None, Minimum(3), Minimum(None, 2), Minimum(1, 1))),
            random.choice((None, ("PARTNER_SUCCESS",), ("RESELLER", "PARTNER_SUCCESS_PLUS"))),
            random.choice(case.instants),
        ).fact()
        for partner in case.partners:
            found = what_if_differences(log, partner, at, PARAMETERS, revision)
            differing = []
            for product in PRODUCTS:
                actual = _view(log, partner, product, at)
                if actual != _view([*log, revision], partner, product, at):
                    differing.append((product, actual and actual["status"]))
            assert [(difference.product, difference.actual.status) for difference in found] == differing
            assert all(difference.actual != difference.hypothetical for difference in found)


@pytest.mark.parametrize("seed", range(20))
def test_the_policy_in_force_makes_no_difference(seed: int) -> None:
    """R39: a what-if with every term as it is, from ever, or from the revision that set it."""
    case = Case(densely_revised(seed))
    log, at = everything(case.groups), case.instants[-1]
    policy, first = policy_known(log, PARAMETERS), PARAMETERS
    same = HypotheticalRevision(
        first.window_days, Minimum(first.minimum["VAR"], first.minimum["DEVELOPER"]), first.programmes
    )
    days = policy.window_days.at(at)
    last = HypotheticalRevision(days.value, effective_from=days.since or FROM_EVER)
    for partner in case.partners:
        for revision in (same, last):
            assert not what_if_differences(log, partner, at, PARAMETERS, revision.fact())


def _view(log: list[Fact], partner: str, product: str, at: datetime) -> dict[str, object] | None:
    segment = partner_segment(log, partner, product, at, PARAMETERS)
    return standing_view(None if segment is None else segment.standing)
