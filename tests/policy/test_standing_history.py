"""How a partner stood over time: at every instant the span says what the answer for that instant says."""

from datetime import datetime

from hypothesis import HealthCheck, Phase, given, settings

from services.compliance.policy.answers_from_facts import partner_segment
from services.compliance.policy.parameters import PARAMETERS
from services.compliance.policy.standing_history import standing_history
from tests.oracle.histories import PRODUCTS, History, histories
from tests.policy.comparison import Case
from tests.policy.fact_log import everything

_MEMBERS = ("status", "sell_new", "headcount", "minimum", "shortfall")


@settings(
    phases=(Phase.generate,),
    max_examples=8,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    database=None,
)
@given(histories())
def test_each_span_is_the_answer_for_its_instants(history: History) -> None:
    case = Case(history)
    known = everything(case.groups)
    for partner in case.partners:
        history_of_partner = standing_history(known, partner, PARAMETERS)
        assert history_of_partner is not None
        spans, people = history_of_partner
        for at in case.instants[:: max(1, len(case.instants) // 8)]:
            for product in PRODUCTS:
                segment = partner_segment(known, partner, product, at, PARAMETERS)
                holding = [span for span in spans if span.product == product and _holds(span.start, span.to, at)]
                if segment is None or not holding:
                    assert segment is None or segment.standing.headcount == 0
                    continue
                (span,) = holding
                assert [getattr(span, name) for name in _MEMBERS] == [
                    getattr(segment.standing, name) for name in _MEMBERS
                ]
                counted = {
                    person.consultant_id
                    for person in people
                    if person.product == product and _holds(person.start, person.to, at)
                }
                assert counted == set(segment.standing.counted)


def _holds(start: datetime, to: datetime | None, at: datetime) -> bool:
    return start <= at and (to is None or at < to)
