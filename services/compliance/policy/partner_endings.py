"""The closures and mergers that a partner knows of, and which of them never came about (R29, R35)."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from shared.events.envelope import Fact
from shared.events.facts import PartnerClosed, PartnersMerged
from shared.rules.active_links import contradicted


class Settled(NamedTuple):
    """The endings that, after a change, no longer came about, and those that did after all."""

    undone: Iterable[Fact] = ()
    restored: Iterable[Fact] = ()


class _Instant:
    """The endings of one instant. `survivors`: how many of them merge a partner into this one."""

    def __init__(self) -> None:
        self.facts: dict[str, Fact] = {}
        self.survivors: Counter[str] = Counter()
        self.undone: frozenset[str] = frozenset()

    def count(self, ending: PartnerClosed | PartnersMerged, number: int) -> None:
        if isinstance(ending, PartnersMerged):
            self.survivors[ending.into] += number

    def in_no_circle(self, partner_id: str) -> bool:
        """Whether nothing merges into the partner: no ending of it is part of a circle."""
        return not self.survivors[partner_id]

    def settle(self) -> Settled:
        """Ignores mergers that never came about because they form a circle (R35)."""
        before, self.undone = self.undone, contradicted(self.facts.values())
        return Settled(
            [self.facts[fact_id] for fact_id in self.undone - before],
            [self.facts[fact_id] for fact_id in before - self.undone],
        )


class PartnerEndings:
    """Closures and mergers, unvoided, by the partner that they end.

    `survivors`: the partner that knows of them, and those to which mergers of it ever led: their endings can contradict
    its own.
    """

    def __init__(self, partner_id: str) -> None:
        self.survivors = {partner_id}
        self._of_partner: dict[str, dict[str, Fact]] = {}
        self._instants: dict[datetime, _Instant] = {}

    def of(self, partner_id: str) -> Iterable[Fact]:
        """Those of the partner."""
        return self._of_partner.get(partner_id, {}).values()

    def came_about(self, fact: Fact) -> bool:
        """Whether the ending, which was added, is not one of a circle."""
        return fact.fact_id not in self._instants[fact.effective_at].undone

    def add(self, fact: Fact, ending: PartnerClosed | PartnersMerged) -> Settled:
        """Adds an ending, again if need be."""
        self._of_partner.setdefault(ending.partner_id, {})[fact.fact_id] = fact
        if isinstance(ending, PartnersMerged) and ending.partner_id in self.survivors:
            self._extend_survivors(ending.into)
        instant = self._instants.setdefault(fact.effective_at, _Instant())
        if fact.fact_id in instant.facts:
            return Settled()
        instant.facts[fact.fact_id] = fact
        instant.count(ending, 1)
        return Settled() if instant.in_no_circle(ending.partner_id) else instant.settle()

    def _extend_survivors(self, partner_id: str) -> None:
        to_follow = [partner_id]
        while to_follow:
            survivor = to_follow.pop()
            if survivor not in self.survivors:
                self.survivors.add(survivor)
                endings = (fact.data for fact in self.of(survivor))
                to_follow += [ending.into for ending in endings if isinstance(ending, PartnersMerged)]

    def remove(self, fact: Fact, ending: PartnerClosed | PartnersMerged) -> Settled:
        """Takes out an ending that was added."""
        del self._of_partner[ending.partner_id][fact.fact_id]
        instant = self._instants[fact.effective_at]
        del instant.facts[fact.fact_id]
        instant.count(ending, -1)
        instant.undone -= {fact.fact_id}
        return Settled() if instant.in_no_circle(ending.partner_id) else instant.settle()
