"""What was learned: at each known position the standing is that of the answer, and each difference is listed once."""

from datetime import datetime

from hypothesis import HealthCheck, Phase, given, settings

from services.compliance.policy.answers_from_facts import partner_segment
from services.compliance.policy.learned_changes import Standings, what_was_learned
from services.compliance.policy.parameters import PARAMETERS
from tests.oracle.histories import PRODUCTS, History, histories
from tests.policy.comparison import Case
from tests.policy.fact_log import everything


@settings(
    phases=(Phase.generate,),
    max_examples=25,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    database=None,
)
@given(histories())
def test_replaying_each_position_gives_exactly_the_listed_differences(history: History) -> None:
    case = Case(history)
    log = everything(case.groups)
    for at in case.instants[:: max(1, len(case.instants) // 4)]:
        for partner in case.partners:
            for begin in (0, len(log) // 2):
                learned = list(what_was_learned(log, begin, partner, at, PARAMETERS))
                listed = {found.facts[-1].position: (found.before, found.after) for found in learned[1:]}
                held = _standings(case, begin, partner, at)
                assert learned[0].after == held
                for group in case.groups:
                    if group and group[-1].position > begin:
                        now = _standings(case, group[-1].position, partner, at)
                        assert listed.pop(group[-1].position, (held, held)) == (held, now)
                        held = now
                assert not listed


def _standings(case: Case, position: int, partner: str, at: datetime) -> Standings:
    known = [fact for fact in everything(case.groups) if fact.position <= position]
    found = {product: partner_segment(known, partner, product, at, PARAMETERS) for product in PRODUCTS}
    return {product: segment.standing for product, segment in found.items() if segment is not None}
