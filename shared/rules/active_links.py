"""The links of one person at one instant, and what the facts of that instant do to them (R17, R23, R29, R35)."""

from bisect import bisect_left, insort
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from shared.events.envelope import Fact
from shared.events.facts import ConsultantLeft, ConsultantLinked, PartnerClosed, PartnersMerged


class Link(NamedTuple):
    """Ordered by age: the effective instant, then the position in the log."""

    linked_at: datetime
    position: int
    partner_id: str


class ActiveLinks:
    """The active links at one instant."""

    def __init__(self) -> None:
        self.of_partner: dict[str, Link] = {}
        self._by_age: list[Link] = []

    def put(self, partner_id: str, link: Link | None) -> None:
        """The link to the partner from now on; None: there is none."""
        known = self.of_partner.pop(partner_id, None)
        if known is not None:
            del self._by_age[bisect_left(self._by_age, known)]
        if link is not None:
            self.of_partner[partner_id] = link
            insort(self._by_age, link)

    @property
    def counts_for(self) -> str | None:
        """The partner of the earliest active link (R23)."""
        return self._by_age[0].partner_id if self._by_age else None

    @property
    def several(self) -> bool:
        """Whether the person is linked to more than one partner at once (R23)."""
        return len(self.of_partner) > 1

    def apply(self, facts: Sequence[Fact]) -> tuple[dict[str, Link | None], list[str]]:
        """Applies the facts of one instant together: departures, closures and mergers, links (R17).

        Returns the links that it changed, as they were before, and the ids of the facts that mattered.
        """
        before: dict[str, Link | None] = {}
        causes: list[str] = []
        endings = []
        for fact in facts:
            match fact.data:
                case ConsultantLeft(partner_id=partner_id):
                    if partner_id in self.of_partner:
                        self._change(partner_id, None, before)
                        causes.append(fact.fact_id)
                case PartnerClosed() | PartnersMerged():
                    endings.append(fact)
        if endings and self.of_partner:
            causes += self._end(endings, before)
        for fact in facts:
            match fact.data:
                case ConsultantLinked(partner_id=partner_id):
                    if partner_id not in self.of_partner:
                        self._change(partner_id, Link(fact.effective_at, fact.position, partner_id), before)
                        causes.append(fact.fact_id)
        return before, causes

    def _change(self, partner_id: str, link: Link | None, before: dict[str, Link | None]) -> None:
        before.setdefault(partner_id, self.of_partner.get(partner_id))
        self.put(partner_id, link)

    def _end(self, endings: Sequence[Fact], before: dict[str, Link | None]) -> list[str]:
        """Ends the links of closed partners and moves those of merged ones to the survivor (R29)."""
        destination = _destinations(endings)
        ended = sorted(self.of_partner[partner_id] for partner_id in destination if partner_id in self.of_partner)
        for link in ended:
            self._change(link.partner_id, None, before)
        causes: list[str] = []
        for link in ended:
            survivor: str | None = link.partner_id
            while survivor in destination:
                survivor, fact_id = destination[survivor]
                causes.append(fact_id)
            if survivor is not None:
                moved, known = link._replace(partner_id=survivor), self.of_partner.get(survivor)
                if known is None or moved < known:
                    self._change(survivor, moved, before)
        return causes


def by_position(fact: Fact) -> int:
    """The place of a fact in the log, to sort by."""
    return fact.position


def _destinations(endings: Sequence[Fact]) -> dict[str, tuple[str | None, str]]:
    """Partner that ends at this instant to (its survivor or None, fact id). `endings`: in log order.

    Where endings contradict each other (two of one partner, or mergers in a circle), the later
    recorded wins (R35).
    """
    destination: dict[str, tuple[str | None, str]] = {}
    for fact in reversed(endings):
        match fact.data:
            case PartnerClosed(partner_id=partner):
                survivor = None
            case PartnersMerged(partner_id=partner, into=into):
                survivor = into
            case _:
                continue
        if partner in destination:
            continue
        end: str | None = survivor
        while end in destination:
            end = destination[end][0]
        if end != partner:
            destination[partner] = (survivor, fact.fact_id)
    return destination


def contradicted(endings: Iterable[Fact]) -> frozenset[str]:
    """The ids of mergers that never came about: later recorded ones of the same instant close a circle (R35)."""
    instants: dict[datetime, list[Fact]] = {}
    for fact in endings:
        instants.setdefault(fact.effective_at, []).append(fact)
    undone: set[str] = set()
    for simultaneous in instants.values():
        if len(simultaneous) > 1:
            destination = _destinations(sorted(simultaneous, key=by_position))
            undone.update(
                fact.fact_id
                for fact in simultaneous
                if isinstance(fact.data, PartnersMerged) and fact.data.partner_id not in destination
            )
    return frozenset(undone)
