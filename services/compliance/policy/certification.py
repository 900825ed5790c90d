"""Whether a person is certified for a product at an instant, and why, or why not (R4, R26, R32, R37)."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from operator import attrgetter
from typing import NamedTuple

from services.compliance.policy.certified_periods import CertifiedPeriod
from services.compliance.policy.reason import Reason
from shared.events.envelope import Fact
from shared.events.facts import Period
from shared.events.wire import instant_text


class Certification(NamedTuple):
    """One person's certification for one product, over time.

    `certified`: when it holds, in order. `lapses`: when nothing but unfinished maintenance is in its way. `ended`: from
    each instant at which a grant ended or a revocation was ordered, the reason why the person is not certified.
    """

    product: str
    certified: Sequence[CertifiedPeriod]
    lapses: Sequence[CertifiedPeriod]
    ended: Mapping[datetime, Reason]

    def instants(self) -> set[datetime]:
        """Every instant at which the answer about it can change."""
        bounds = {instant for period in (*self.certified, *self.lapses) for instant in (period.start, period.end)}
        return {instant for instant in (*bounds, *self.ended) if instant is not None}

    def at(self, instant: datetime) -> tuple[bool, Reason]:
        """Whether it holds at the instant, and why."""
        known = bisect_right(self.certified, instant, key=attrgetter("start"))
        for period in _holding(self.certified[known - 1 : known], instant):
            text = f"Certified for {self.product} since {instant_text(period.start)}."
            return True, Reason("R4", text, period.start_facts)
        lapsed_by = [fact_id for lapse in _holding(self.lapses, instant) for fact_id in lapse.start_facts]
        if lapsed_by:
            text = f"The certification for {self.product} lapsed: maintenance was due and is not complete."
            return False, Reason("R26", text, tuple(dict.fromkeys(lapsed_by)))
        last = max((ending for ending in self.ended if ending <= instant), default=None)
        if last is not None:
            return False, self.ended[last]
        text = f"Not certified for {self.product}: the course or a passed assessment is missing."
        return False, Reason("R4", text)


def endings(product: str, granted: Iterable[Period], revocations: Iterable[Fact]) -> dict[datetime, Reason]:
    """The reasons why a person is not certified, each by the instant from which it holds.

    `granted`: the periods of every grant, maintenance left aside. Only a revocation or a corrected score ends one. A
    revocation also stops what was passed by then and did not hold yet, so it counts whether or not it ended anything;
    at one instant it prevails (R37).
    """
    corrected: dict[datetime, tuple[str, ...]] = {}
    for period in granted:
        if period.end is not None:
            corrected[period.end] = corrected.get(period.end, ()) + period.end_facts
    revoked: dict[datetime, tuple[str, ...]] = {}
    for order in revocations:
        revoked[order.effective_at] = (*revoked.get(order.effective_at, ()), order.fact_id)
    found = {}
    for instant, fact_ids in corrected.items():
        text = f"The certification for {product} ended at {instant_text(instant)}: the score behind it was corrected."
        found[instant] = Reason("R32", text, tuple(dict.fromkeys(fact_ids)))
    for instant, fact_ids in revoked.items():
        text = (
            f"The certification for {product} was revoked at {instant_text(instant)}: only a later pass, with the "
            f"course, or a later recognition restores it."
        )
        found[instant] = Reason("R37", text, fact_ids)
    return found


def _holding(periods: Iterable[CertifiedPeriod], instant: datetime) -> list[CertifiedPeriod]:
    return [period for period in periods if period.start <= instant and (period.end is None or instant < period.end)]
