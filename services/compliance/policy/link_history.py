"""The links of one person to partners over time, and which of them counts: the earliest still active (R23, R29)."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from operator import attrgetter, itemgetter
from typing import NamedTuple, TypeVar

import msgspec

from shared.events.envelope import Fact
from shared.rules.active_links import ActiveLinks, Link, by_position


class Employment(msgspec.Struct, frozen=True):
    """From `start` until the next employment begins: where the person counts.

    `counts_for`: the partner of the earliest active link, enrolled or not; None without a link.
    `facts`: what made it so at `start`.
    """

    start: datetime
    counts_for: str | None
    facts: tuple[str, ...]


class _LinkLog:
    """The link to one partner over time: from each instant the link that is active, or None."""

    def __init__(self) -> None:
        self.instants: list[datetime] = []
        self.links: list[Link | None] = []

    def before(self, instant: datetime) -> Link | None:
        place = bisect_left(self.instants, instant)
        return self.links[place - 1] if place else None

    def at(self, instant: datetime) -> Link | None:
        place = bisect_right(self.instants, instant)
        return self.links[place - 1] if place else None


class Outcome(NamedTuple):
    """What the facts of one instant changed: links (as they are afterwards), where the person counts, and `several`.

    `several`: whether the person is linked to more than one partner from then on; None: as before.
    """

    links: dict[str, Link | None]
    employment: Employment | None
    several: bool | None


Outcomes = list[tuple[datetime, Outcome]]


class LinkChange(NamedTuple):
    """The outcomes from `since` to `met` (None: all that follow), before and after a change."""

    since: datetime
    met: datetime | None
    before: Outcomes
    after: Outcomes


class LinkHistory:
    """The links of one person over time. `employments`: where the person counts, in order.

    Add and remove facts, then `refresh`: the links are followed again from the first instant changed up to where they
    are as before.
    """

    def __init__(self) -> None:
        self.employments: list[Employment] = []
        self._instants: list[datetime] = []
        self._facts: dict[datetime, list[Fact]] = {}
        self._outcomes: dict[datetime, Outcome] = {}
        self._last = ActiveLinks()
        self._log: dict[str, _LinkLog] = {}
        self._several: list[tuple[datetime, bool]] = []
        self._followed: datetime | None = None
        self._stale: tuple[datetime, datetime] | None = None

    # Facts -----------------------------------------------------------------------------------

    def add(self, fact: Fact) -> None:
        """A link, a departure, or the closure or merger of a partner where the person is or can be linked."""
        facts = self._facts.get(fact.effective_at)
        if facts is None:
            facts = self._facts[fact.effective_at] = []
            if fact.effective_at not in self._outcomes:
                insort(self._instants, fact.effective_at)
        insort(facts, fact, key=by_position)
        self._mark_stale(fact.effective_at)

    def remove(self, fact: Fact) -> None:
        """Takes a fact out again that was added (R33)."""
        facts = self._facts[fact.effective_at]
        facts.remove(fact)
        if not facts:
            del self._facts[fact.effective_at]
        self._mark_stale(fact.effective_at)

    def _mark_stale(self, instant: datetime) -> None:
        since, through = self._stale or (instant, instant)
        self._stale = min(instant, since), max(instant, through)

    # What is known ---------------------------------------------------------------------------

    @property
    def stale(self) -> bool:
        """Whether facts came or went since the last `refresh`."""
        return self._stale is not None

    @property
    def partners(self) -> Iterable[str]:
        """Every partner that the person was ever linked to, as of the last `refresh`."""
        return self._log.keys()

    def ever_linked_to(self, partner_id: str) -> bool:
        """Whether the person is or was linked to the partner."""
        return partner_id in self._log

    def linked_before(self, partner_id: str, instant: datetime) -> bool:
        """Whether the person is linked to the partner just before the instant."""
        log = self._log.get(partner_id)
        return log is not None and log.before(instant) is not None

    def linked_at(self, partner_id: str, instant: datetime) -> bool:
        """Whether the person is linked to the partner at the instant, its changes included."""
        log = self._log.get(partner_id)
        return log is not None and log.at(instant) is not None

    def linked_times(self, partner_id: str) -> tuple[datetime, ...]:
        """The instants at which the link to the partner begins and ends, in turn; empty: it was never linked."""
        log = self._log.get(partner_id)
        if log is None:
            return ()
        found: list[datetime] = []
        for instant, link in zip(log.instants, log.links, strict=True):
            if (link is not None) is not bool(len(found) % 2):
                found.append(instant)
        return tuple(found)

    def several_before(self, instant: datetime) -> bool:
        """Whether the person is linked to more than one partner just before the instant."""
        place = bisect_left(self._several, (instant,))
        return place > 0 and self._several[place - 1][1]

    def employment_before(self, instant: datetime) -> Sequence[Employment]:
        """The one that holds just before the instant, if any."""
        place = bisect_left(self.employments, instant, key=attrgetter("start"))
        return self.employments[max(0, place - 1) : place]

    # What follows ----------------------------------------------------------------------------

    def refresh(self) -> LinkChange | None:
        """Brings the links up to the facts. Returns what was followed again; None: no fact came or went."""
        if self._stale is None:
            return None
        (since, through), self._stale = self._stale, None
        first, end = bisect_left(self._instants, since), len(self._instants)
        links = self._last if self._followed is None or since > self._followed else self._links_before(since)
        after: Outcomes = []
        different: set[str] = set()
        met: datetime | None = None
        for place in range(first, end):
            instant = self._instants[place]
            outcome = self._follow(links, instant)
            after.append((instant, outcome))
            self._compare(instant, outcome, links, different)
            if not different and instant >= through and place + 1 < end:
                met, end = instant, place + 1
                break
        if met is None:
            self._last, self._followed = links, self._instants[-1] if self._instants else None
        return self._replace(since, met, self._instants[first:end], after)

    def _links_before(self, instant: datetime) -> ActiveLinks:
        links = ActiveLinks()
        for partner_id, log in self._log.items():
            link = log.before(instant)
            if link is not None:
                links.put(partner_id, link)
        return links

    def _follow(self, links: ActiveLinks, instant: datetime) -> Outcome:
        counted_for, several = links.counts_for, links.several
        before, causes = links.apply(self._facts.get(instant, ()))
        after = {partner_id: links.of_partner.get(partner_id) for partner_id in before}
        employment = None
        if links.counts_for != counted_for:
            employment = Employment(instant, links.counts_for, tuple(causes))
        return Outcome(after, employment, None if links.several == several else links.several)

    def _compare(self, instant: datetime, outcome: Outcome, links: ActiveLinks, different: set[str]) -> None:
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

    def _replace(
        self, since: datetime, met: datetime | None, instants: Sequence[datetime], after: Outcomes
    ) -> LinkChange:
        """Puts the outcomes in the place of those before."""
        changes: dict[str, list[tuple[datetime, Link | None]]] = {}
        before = [(instant, self._outcomes.pop(instant)) for instant in instants if instant in self._outcomes]
        for _, outcome in before:
            for partner_id in outcome.links:
                changes.setdefault(partner_id, [])
        for instant, outcome in after:
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
        several = [(instant, outcome.several) for instant, outcome in after if outcome.several is not None]
        splice(self._several, since, met, several, itemgetter(0))
        employments = [outcome.employment for _, outcome in after if outcome.employment is not None]
        splice(self.employments, since, met, employments, attrgetter("start"))
        return LinkChange(since, met, before, after)


def _region(instants: Sequence[datetime], since: datetime, met: datetime | None) -> tuple[int, int]:
    return bisect_left(instants, since), len(instants) if met is None else bisect_right(instants, met)


_T = TypeVar("_T")


def splice(
    items: list[_T], since: datetime, met: datetime | None, found: Iterable[_T], key: Callable[[_T], datetime]
) -> None:
    """Replaces the items from `since` to `met` (None: all that follow)."""
    first = bisect_left(items, since, key=key)
    end = len(items) if met is None else bisect_right(items, met, key=key)
    items[first:end] = found
