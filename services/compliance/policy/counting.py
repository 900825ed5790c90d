"""Where a person counts: one partner at a time, the earliest link that is still active (R23, R29)."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Final, NamedTuple, TypeVar

import msgspec
from msgspec.structs import replace

from shared.events.envelope import Fact
from shared.events.facts import ConsultantLeft, ConsultantLinked, PartnerClosed, PartnersMerged


class Employment(msgspec.Struct, frozen=True):
    """From `start` until the next employment begins: where the person counts.

    `counts_for`: the partner of the earliest active link, enrolled or not; None without a link.
    `facts`: what made it so at `start`.
    """

    start: datetime
    counts_for: str | None
    facts: tuple[str, ...]


class Counted(msgspec.Struct, frozen=True):
    """Counted for the partner from `start` to `end` (exclusive; None: for ever), and what made it so (R9)."""

    start: datetime
    end: datetime | None
    start_facts: tuple[str, ...]
    end_facts: tuple[str, ...]


class DualLink(NamedTuple):
    """From `start` the person is linked to the partner and elsewhere at once (`begins`), or no longer (R23)."""

    start: datetime
    begins: bool


class Changed(NamedTuple):
    """Something is different from before, from `since` to `through` (None: ever after)."""

    since: datetime
    through: datetime | None


class _Link(NamedTuple):
    """Ordered by age: the effective instant, then the position in the log."""

    linked_at: datetime
    position: int
    partner_id: str


class _Links:
    """The active links at one instant."""

    def __init__(self) -> None:
        self.of_partner: dict[str, _Link] = {}
        self._by_age: list[_Link] = []

    def put(self, partner_id: str, link: _Link | None) -> None:
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

    def dual(self, home: str) -> bool:
        """Whether the person is linked to this partner and elsewhere at once."""
        return len(self.of_partner) > 1 and home in self.of_partner

    def apply(self, facts: Sequence[Fact]) -> tuple[dict[str, _Link | None], list[str]]:
        """Applies the facts of one instant together: departures, closures and mergers, links (R17).

        Returns the links that it changed, as they were before, and the ids of the facts that mattered.
        """
        before: dict[str, _Link | None] = {}
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
                        self._change(partner_id, _Link(fact.effective_at, fact.position, partner_id), before)
                        causes.append(fact.fact_id)
        return before, causes

    def _change(self, partner_id: str, link: _Link | None, before: dict[str, _Link | None]) -> None:
        before.setdefault(partner_id, self.of_partner.get(partner_id))
        self.put(partner_id, link)

    def _end(self, endings: Sequence[Fact], before: dict[str, _Link | None]) -> list[str]:
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


class _LinkLog:
    """The link to one partner over time: from each instant the link that is active, or None."""

    def __init__(self) -> None:
        self.instants: list[datetime] = []
        self.links: list[_Link | None] = []

    def before(self, instant: datetime) -> _Link | None:
        place = bisect_left(self.instants, instant)
        return self.links[place - 1] if place else None

    def at(self, instant: datetime) -> _Link | None:
        place = bisect_right(self.instants, instant)
        return self.links[place - 1] if place else None


class _Outcome(NamedTuple):
    """What became of one instant: the links it left behind that it changed, and what is to be said of it."""

    links: dict[str, _Link | None]
    employment: Employment | None
    dual_link: DualLink | None


class Employments:
    """The links of one person over time, seen from one partner: `home`.

    Add and remove facts, then `refresh`: the links are followed again from the first instant changed up to where they
    are as before. `employments`: where the person counts, in order. `tenures`: when it counts at home, if certified.
    `dual_links`: when it begins and ceases to be linked to home and elsewhere at once.
    """

    def __init__(self, home: str) -> None:
        self.employments: list[Employment] = []
        self.tenures: list[Counted] = []
        self.dual_links: list[DualLink] = []
        self._home = home
        self._instants: list[datetime] = []
        self._facts: dict[datetime, list[Fact]] = {}
        self._outcomes: dict[datetime, _Outcome] = {}
        self._last = _Links()
        self._log: dict[str, _LinkLog] = {}
        self._followed: datetime | None = None
        self._changed: Changed | None = None

    # Facts -----------------------------------------------------------------------------------

    def add(self, fact: Fact) -> None:
        """A link, a departure, or the closure or merger of a partner where the person is or can be linked."""
        facts = self._facts.get(fact.effective_at)
        if facts is None:
            facts = self._facts[fact.effective_at] = []
            if fact.effective_at not in self._outcomes:
                insort(self._instants, fact.effective_at)
        insort(facts, fact, key=_by_position)
        self._note(fact.effective_at)

    def remove(self, fact: Fact) -> None:
        """Takes a fact out again that was added (R33)."""
        facts = self._facts[fact.effective_at]
        facts.remove(fact)
        if not facts:
            del self._facts[fact.effective_at]
        self._note(fact.effective_at)

    def _note(self, instant: datetime) -> None:
        known = self._changed
        if known is None or known.through is None:
            self._changed = Changed(instant, instant)
        else:
            self._changed = Changed(min(instant, known.since), max(instant, known.through))

    def may_count_after(self, instant: datetime) -> bool:
        """Whether the person can count at home after the instant, as far as the links say."""
        if self._changed is not None:
            return True
        return bool(self.tenures) and (self.tenures[-1].end is None or self.tenures[-1].end > instant)

    @property
    def ever_at_home(self) -> bool:
        """Whether the person is or was linked to home, whether or not it counted there."""
        return self._home in self._log

    # What follows ----------------------------------------------------------------------------

    def refresh(self) -> Changed | None:
        """Brings everything up to the facts. Returns from when to when it can differ from before, or None."""
        changed, self._changed = self._changed, None
        if changed is None:
            return None
        since, through = changed
        first, end = bisect_left(self._instants, since), len(self._instants)
        links = self._last if self._followed is None or since > self._followed else self._links_before(since)
        found: list[tuple[datetime, _Outcome]] = []
        different: set[str] = set()
        met: datetime | None = None
        for place in range(first, end):
            instant = self._instants[place]
            outcome = self._follow(links, instant)
            found.append((instant, outcome))
            self._compare(instant, outcome, links, different)
            if not different and through is not None and instant >= through and place + 1 < end:
                met, end = instant, place + 1
                break
        if met is None:
            self._last, self._followed = links, self._instants[-1] if self._instants else None
        return Changed(since, self._replace(since, met, self._instants[first:end], found))

    def _links_before(self, instant: datetime) -> _Links:
        links = _Links()
        for partner_id, log in self._log.items():
            link = log.before(instant)
            if link is not None:
                links.put(partner_id, link)
        return links

    def _follow(self, links: _Links, instant: datetime) -> _Outcome:
        counted_for, was_dual = links.counts_for, links.dual(self._home)
        before, causes = links.apply(self._facts.get(instant, ()))
        after = {partner_id: links.of_partner.get(partner_id) for partner_id in before}
        employment = dual_link = None
        if links.counts_for != counted_for:
            employment = Employment(instant, links.counts_for, tuple(causes))
        if links.dual(self._home) != was_dual:
            dual_link = DualLink(instant, not was_dual)
        return _Outcome(after, employment, dual_link)

    def _compare(self, instant: datetime, outcome: _Outcome, links: _Links, different: set[str]) -> None:
        """Notes the links that differ from before after this instant."""
        before = self._outcomes.get(instant)
        touched = outcome.links if before is None else outcome.links.keys() | before.links.keys()
        for partner_id in touched:
            log = self._log.get(partner_id)
            known = None if log is None else log.at(instant)
            if links.of_partner.get(partner_id) == known:
                different.discard(partner_id)
            else:
                different.add(partner_id)

    # Replacing what followed before ----------------------------------------------------------

    def _replace(
        self, since: datetime, met: datetime | None, instants: list[datetime], found: list[tuple[datetime, _Outcome]]
    ) -> datetime | None:
        """Puts the outcomes in the place of those before. Returns the last instant that differs (None: ever after)."""
        changes: dict[str, list[tuple[datetime, _Link | None]]] = {}
        for instant in instants:
            before = self._outcomes.pop(instant, None)
            for partner_id in () if before is None else before.links:
                changes.setdefault(partner_id, [])
        for instant, outcome in found:
            if instant in self._facts:
                self._outcomes[instant] = outcome
            else:
                del self._instants[bisect_left(self._instants, instant)]
            for partner_id, link in outcome.links.items():
                changes.setdefault(partner_id, []).append((instant, link))
        for partner_id, entries in changes.items():
            log = self._log.setdefault(partner_id, _LinkLog())
            first, end = _region(log.instants, since, met)
            log.instants[first:end] = [instant for instant, _ in entries]
            log.links[first:end] = [link for _, link in entries]
        _splice(
            self.dual_links, since, met, [outcome.dual_link for _, outcome in found if outcome.dual_link is not None]
        )
        coming = [outcome.employment for _, outcome in found if outcome.employment is not None]
        _splice(self.employments, since, met, coming)
        return self._replace_tenures(since, met, coming)

    def _replace_tenures(self, since: datetime, met: datetime | None, employments: list[Employment]) -> datetime | None:
        """The person counts at home whatever other links come and go meanwhile."""
        first = bisect_left(self.tenures, since, key=_start)
        if first and ((end := self.tenures[first - 1].end) is None or end >= since):
            first -= 1
        last = len(self.tenures) if met is None else bisect_right(self.tenures, met, key=_start)
        old = self.tenures[first:last]
        new = [replace(tenure, end=None, end_facts=()) for tenure in old[:1] if tenure.start < since]
        for employment in employments:
            here, running = employment.counts_for == self._home, bool(new) and new[-1].end is None
            if here and not running:
                new.append(Counted(employment.start, None, employment.facts, ()))
            elif running and not here:
                new[-1] = replace(new[-1], end=employment.start, end_facts=employment.facts)
        if met is None or not new or new[-1].end is not None:
            self.tenures[first:last] = new
            return met
        running_on = old[-1]
        new[-1] = replace(new[-1], end=running_on.end, end_facts=running_on.end_facts)
        self.tenures[first:last] = new
        return met if new[-1] == running_on else running_on.end


_start: Final = attrgetter("start")
_T = TypeVar("_T", DualLink, Employment)


def _region(instants: Sequence[datetime], since: datetime, met: datetime | None) -> tuple[int, int]:
    return bisect_left(instants, since), len(instants) if met is None else bisect_right(instants, met)


def _splice(items: list[_T], since: datetime, met: datetime | None, found: list[_T]) -> None:
    """Replaces the items from `since` to `met` (None: all that follow)."""
    first = bisect_left(items, since, key=_start)
    end = len(items) if met is None else bisect_right(items, met, key=_start)
    items[first:end] = found


def _by_position(fact: Fact) -> int:
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
            destination = _destinations(sorted(simultaneous, key=_by_position))
            undone.update(
                fact.fact_id
                for fact in simultaneous
                if isinstance(fact.data, PartnersMerged) and fact.data.partner_id not in destination
            )
    return frozenset(undone)
