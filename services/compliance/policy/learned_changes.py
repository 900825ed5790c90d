"""How a partner stands at one fixed instant while more becomes known of it, and which facts make the difference."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import groupby, islice
from operator import attrgetter
from typing import Final, NamedTuple

from services.compliance.policy.forecast import ForecastSegment, forecast
from services.compliance.policy.parameters import Parameters
from services.compliance.policy.partner_facts import PartnerFacts
from services.compliance.policy.sweep import Sweep
from shared.events.compliance_events import Standing
from shared.events.envelope import Fact

Standings = dict[str, Standing]
"""By product; empty while no known fact mentions the partner."""


class KnownStandings:
    """The standings of a partner at `at`, for each product, as far as the facts added say. A late fact sweeps again."""

    def __init__(self, partner_id: str, at: datetime, parameters: Parameters) -> None:
        self._at = at
        self._partner_facts = PartnerFacts(partner_id, parameters)
        policy, timeline = self._partner_facts.policy, self._partner_facts.timeline
        self._sweeps = {product: Sweep(product, policy, timeline) for product in parameters.products}

    def add(self, facts: Iterable[Fact]) -> bool:
        """Takes in the next facts of the log. Returns whether a standing can be another one."""
        partner_facts, mentioned = self._partner_facts, self._partner_facts.mentioned
        for fact in facts:
            partner_facts.add(fact)
        enrolled = partner_facts.refresh_partner()
        if enrolled is not None:
            for sweep in self._sweeps.values():
                sweep.enrolments_changed(*enrolled)
        days = partner_facts.refresh_days()
        for sweep in self._sweeps.values():
            sweep.days_changed(days)
        for consultant_id, change in partner_facts.refresh_people():
            for product, times in change.times.items():
                if product in self._sweeps:
                    self._sweeps[product].set_times(consultant_id, times.before, times.after)
        changed = [sweep.advance(self._at).changed_from is not None for sweep in self._sweeps.values() if sweep.changed]
        return any(changed) or partner_facts.mentioned != mentioned

    def standings(self) -> Standings:
        """How the partner stands at the instant, as known now."""
        if not self._partner_facts.mentioned:
            return {}
        for sweep in self._sweeps.values():
            sweep.advance(self._at)
        return {product: sweep.situation().standing() for product, sweep in self._sweeps.items()}

    def forecasts(self, segments_max: int) -> dict[str, list[ForecastSegment]]:
        """At most `segments_max` segments of each product, the first from the instant on; empty like the standings."""
        if not self._partner_facts.mentioned:
            return {}
        for sweep in self._sweeps.values():
            sweep.advance(self._at)
        return {
            product: list(islice(forecast(sweep, self._at), segments_max)) for product, sweep in self._sweeps.items()
        }


class Learned(NamedTuple):
    """Facts that became known together, and the standings that they made others: as they were before, and after."""

    facts: Sequence[Fact]
    before: Standings
    after: Standings


def what_was_learned(
    facts: Sequence[Fact], after_position: int, partner_id: str, at: datetime, parameters: Parameters
) -> Iterator[Learned]:
    """Which of the facts after a position changed how the partner stands at `at`, and how, in log order.

    First without facts, `before` and `after` alike: how it stood as known at the position. `facts`: those routed to the
    partner, in log order.
    """
    known = KnownStandings(partner_id, at, parameters)
    known.add(fact for fact in facts if fact.position <= after_position)
    before = known.standings()
    yield Learned((), before, before)
    later = (fact for fact in facts if fact.position > after_position)
    for _, appended in groupby(later, _append_position):
        group = tuple(appended)
        if known.add(group):
            now = known.standings()
            if now != before:
                yield Learned(group, before, now)
                before = now


_append_position: Final = attrgetter("append_position")
