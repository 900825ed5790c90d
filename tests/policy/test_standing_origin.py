"""What lists say of a standing: since when it holds and who was lost, against a search by hand."""

from datetime import datetime, timedelta

from hypothesis import HealthCheck, Phase, given, settings

from services.compliance.policy.answers_from_facts import partner_forecast, partner_grounds, partner_segment
from services.compliance.policy.forecast import ForecastSegment
from services.compliance.policy.parameters import PARAMETERS
from services.compliance.policy.standing_origin import LastLoss
from shared.events.envelope import Fact
from tests.oracle.histories import PRODUCTS, History, histories
from tests.policy.comparison import Case
from tests.policy.fact_log import everything

MICROSECOND = timedelta(microseconds=1)


@settings(
    phases=(Phase.generate,),
    max_examples=40,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    database=None,
)
@given(histories())
def test_a_status_holds_since_when_it_says_and_the_last_loss_is_the_last(history: History) -> None:
    """Also of the segments that follow if no fact comes."""
    case = Case(history)
    log = everything(case.groups)
    for at in case.instants[:: max(1, len(case.instants) // 4)]:
        for partner in case.partners:
            for product in PRODUCTS:
                for segment in partner_forecast(log, partner, product, at, PARAMETERS):
                    _check(log, partner, product, segment)


def _check(log: list[Fact], partner: str, product: str, segment: ForecastSegment) -> None:
    at, (since, lost) = segment.valid_from, segment.origin
    status = segment.standing.status
    if since is None:
        assert status == "not_enrolled"
    else:
        assert since <= at
        assert _status(log, partner, product, since) == status
        assert _status(log, partner, product, since - MICROSECOND) != status
        between = [since + (at - since) * part / 4 for part in range(1, 4)]
        assert {_status(log, partner, product, instant) for instant in between} == {status}
    assert lost == _last_loss(log, partner, product, at)


def _status(log: list[Fact], partner: str, product: str, at: datetime) -> str:
    segment = partner_segment(log, partner, product, at, PARAMETERS)
    assert segment is not None
    return segment.standing.status


def _last_loss(log: list[Fact], partner: str, product: str, at: datetime) -> LastLoss | None:
    """By the times of everybody, as the explanation finds it."""
    found = partner_grounds(log, partner, product, at, PARAMETERS)
    assert found is not None
    losses = found[0].losses()
    if not losses:
        return None
    consultant_id, time = losses[0]
    assert time.end is not None
    return LastLoss(consultant_id, time.end)
