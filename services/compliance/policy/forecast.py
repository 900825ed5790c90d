"""The standing of a partner from now on, segment by segment, if no fact comes."""

from collections.abc import Iterator
from datetime import datetime

import msgspec

from services.compliance.policy.reason import Reason
from services.compliance.policy.standing_origin import StandingOrigin, following
from services.compliance.policy.standing_reasons import standing_reasons
from services.compliance.policy.sweep import Sweep
from shared.events.compliance_events import Standing


class ForecastSegment(msgspec.Struct, frozen=True):
    """A standing with its reasons, valid from `valid_from` until `next_change_at` (None: for ever) if no fact comes.

    `origin`: how it came to be.
    """

    valid_from: datetime
    standing: Standing
    reasons: tuple[Reason, ...]
    next_change_at: datetime | None
    origin: StandingOrigin


def forecast(sweep: Sweep, now: datetime) -> Iterator[ForecastSegment]:
    """The standing that a sweep has reached, valid from `now`, then each that follows if no fact comes."""
    situation = sweep.situation()
    valid_from, standing, reasons = now, situation.standing(), standing_reasons(situation)
    origin = sweep.origin()
    for instant, situation in sweep.forecast():
        then, then_reasons = situation.standing(), standing_reasons(situation)
        if (then, then_reasons) != (standing, reasons):
            yield ForecastSegment(valid_from, standing, reasons, instant, origin)
            origin = following(origin, standing.status, instant, situation, sweep.losses)
            valid_from, standing, reasons = instant, then, then_reasons
    yield ForecastSegment(valid_from, standing, reasons, None, origin)
