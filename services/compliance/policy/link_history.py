"""The links of one person to partners over time, and which of them counts: the earliest still active (R23, R29)."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from operator import attrgetter, itemgetter

import msgspec

from services.compliance.policy.link_changes import (
    Employment,
    LinkChange,
    LinkLog,
    Outcome,
    Outcomes,
    last_before,
    splice,
)
from shared.events.envelope import Fact
from shared.events.facts import ConsultantLinked, PartnerClosed
from shared.rules.active_links import ActiveLinks, Link, by_position


class _Closures:
    """The closures of one instant at which nothing else happened, and the links that they ended, by age.

    `partners`: those that are closed.
    """

    def __init__(self) -> None:
        self.partners: set[str] = set()
        self._links: list[Link] = []
        self._fact_ids: list[str] = []

    def end(self, link: Link, fact_id: str) -> None:
        """A closure ended the link."""
        place = bisect_left(self._links, link)
        self._links.insert(place, link)
        self._fact_ids.insert(place, fact_id)

    @property
    def fact_ids(self) -> tuple[str, ...]:
        """The closures that ended links."""
        return tuple(self._fact_ids)


class LinkHistory:
    """The links of one person over time. `employments`: where the person counts, in order.

    Add and remove facts, then `refresh`: the links are followed again from the first instant changed up to where they
    are as before.
    """

    _keeps_versions = False
    """Whether `_will_change` keeps the earlier state."""

    def __init__(self) -> None:
        self.employments: list[Employment] = []
        self._instants: list[datetime] = []
        self._facts: dict[datetime, list[Fact]] = {}
        self._outcomes: dict[datetime, Outcome] = {}
        self._last = ActiveLinks()
        self._log: dict[str, LinkLog] = {}
        self._several: list[tuple[datetime, bool]] = []
        self._followed: datetime | None = None
        self._stale: tuple[datetime, datetime] | None = None
        self._further: list[Fact] | None = None
        self._closures: _Closures | None = None

    # Facts -----------------------------------------------------------------------------------

    def add(self, fact: Fact) -> None:
        """A link, a departure, or the closure or merger of a partner where the person is or can be linked."""
        facts = self._facts.get(fact.effective_at)
        self._note_further(fact, facts)
        if facts is None:
            facts = self._facts[fact.effective_at] = []
            place = bisect_left(self._instants, fact.effective_at)
            if self._instants[place : place + 1] != [fact.effective_at]:
                self._instants.insert(place, fact.effective_at)
        insort(facts, fact, key=by_position)
        self._mark_stale(fact.effective_at)

    def remove(self, fact: Fact) -> None:
        """Takes a fact out again that was added (R33)."""
        self._further = None
        facts = self._facts[fact.effective_at]
        facts.remove(fact)
        if not facts:
            del self._facts[fact.effective_at]
        self._mark_stale(fact.effective_at)

    def _note_further(self, fact: Fact, simultaneous: Sequence[Fact] | None) -> None:
        """Notes links, or closures, of the last instant that come after all facts followed so far.

        It is then enough to apply these alone: they change the effect of no other fact of the instant.
        """
        if not simultaneous or fact.effective_at != self._followed or simultaneous[-1].position > fact.position:
            self._further = None
        elif self._stale is None:
            self._further = [fact] if self._applies_alone(fact, simultaneous) else None
        elif self._further is not None:
            same = type(fact.data) is type(self._further[0].data)
            if same and self._applies_alone(fact, simultaneous):
                self._further.append(fact)
            else:
                self._further = None

    def _applies_alone(self, fact: Fact, simultaneous: Sequence[Fact]) -> bool:
        if isinstance(fact.data, ConsultantLinked):
            return self._last.counts_for is not None
        if not isinstance(fact.data, PartnerClosed):
            return False
        if self._closures is None:
            self._closures = self._closures_alone(simultaneous)
        if self._closures is None or fact.data.partner_id in self._closures.partners:
            return False
        self._closures.partners.add(fact.data.partner_id)
        return True

    def _closures_alone(self, simultaneous: Sequence[Fact]) -> _Closures | None:
        """The closures that were followed at the last instant; None: the instant has other facts, too."""
        found = _Closures()
        for fact in simultaneous:
            if not isinstance(fact.data, PartnerClosed) or fact.data.partner_id in found.partners:
                return None
            found.partners.add(fact.data.partner_id)
            log = self._log.get(fact.data.partner_id)
            link = None if log is None else log.before(fact.effective_at)
            if link is not None:
                found.end(link, fact.fact_id)
        return found

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
        return () if log is None else log.times

    def several_before(self, instant: datetime) -> bool:
        """Whether the person is linked to more than one partner just before the instant."""
        return last_before(self._several, instant)

    def employment_before(self, instant: datetime) -> Sequence[Employment]:
        """The one that holds just before the instant, if any."""
        place = bisect_left(self.employments, instant, key=attrgetter("start"))
        return self.employments[max(0, place - 1) : place]

    # What follows ----------------------------------------------------------------------------

    def changes(self) -> Iterable[LinkChange]:
        """Brings the links up to the facts. Yields what was followed again."""
        change = self.refresh()
        return () if change is None else (change,)

    def _will_change(self, partner_ids: Iterable[str], *, employments: bool, several: bool) -> None:
        """Called before the links to these partners change, the employments, and when there are several links."""

    def refresh(self) -> LinkChange | None:
        """Brings the links up to the facts. Returns what was followed again; None: no fact came or went."""
        if self._stale is None:
            return None
        (since, through), self._stale = self._stale, None
        further, self._further = self._further, None
        if further is not None:
            if isinstance(further[0].data, PartnerClosed):
                return self._follow_closures(since, further)
            self._closures = None
            return self._follow_further(since, further)
        self._closures = None
        if self._followed is None or since > self._followed:
            return self._follow_on(since)
        first, end = bisect_left(self._instants, since), len(self._instants)
        later = self._partners_since(first) if end - first < len(self._log) else None
        links = self._links_before(since) if later is None else self._taken_back(since, later)
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
        else:
            self._take_up_again(later or ())
        return self._replace(since, met, self._instants[first:end], after)

    def _follow_further(self, instant: datetime, facts: Sequence[Fact]) -> LinkChange:
        """Applies further links of the last instant followed: where the person counts stays as it is."""
        known, links = self._outcomes[instant], self._last
        before, causes = links.apply(facts)
        new: dict[str, Link | None] = {partner_id: links.of_partner[partner_id] for partner_id in before}
        employment = known.employment
        if employment is not None and causes:
            employment = msgspec.structs.replace(employment, facts=(*employment.facts, *causes))
        several = None if links.several == self.several_before(instant) else links.several
        outcome = Outcome(known.links | new, employment, several)
        self._put_further(instant, outcome, new)
        return LinkChange(instant, None, [(instant, known)], [(instant, outcome)], new.keys())

    def _follow_closures(self, instant: datetime, facts: Sequence[Fact]) -> LinkChange:
        """Applies further closures of the last instant followed, at which nothing else happened (R29)."""
        assert self._closures is not None
        known, links = self._outcomes[instant], self._last
        new: dict[str, Link | None] = {}
        for fact in facts:
            assert isinstance(fact.data, PartnerClosed)
            link = links.of_partner.get(fact.data.partner_id)
            if link is not None:
                links.put(link.partner_id, None)
                self._closures.end(link, fact.fact_id)
                new[link.partner_id] = None
        held = self.employment_before(instant)
        employment = None
        if links.counts_for != (held[0].counts_for if held else None):
            employment = Employment(instant, links.counts_for, self._closures.fact_ids)
        several = None if links.several == self.several_before(instant) else links.several
        outcome = Outcome(known.links | new, employment, several)
        self._put_further(instant, outcome, new)
        return LinkChange(instant, None, [(instant, known)], [(instant, outcome)], new.keys())

    def _put_further(self, instant: datetime, outcome: Outcome, new: Mapping[str, Link | None]) -> None:
        """Replaces the outcome of the last instant. `new`: the links that differ."""
        known = self._outcomes[instant]
        self._will_change(
            new, employments=known.employment != outcome.employment, several=known.several != outcome.several
        )
        self._outcomes[instant] = outcome
        employments = [] if outcome.employment is None else [outcome.employment]
        splice(self.employments, instant, None, employments, attrgetter("start"))
        several = [] if outcome.several is None else [(instant, outcome.several)]
        splice(self._several, instant, None, several, itemgetter(0))
        for partner_id, link in new.items():
            log = self._log.setdefault(partner_id, LinkLog())
            first, end = _region(log.instants, instant, None)
            log.instants[first:end], log.links[first:end] = [instant], [link]

    def _follow_on(self, since: datetime) -> LinkChange:
        """Follows the facts that come after all facts followed so far."""
        first = bisect_left(self._instants, since)
        self._instants[first:] = later = [instant for instant in self._instants[first:] if instant in self._facts]
        after = [(instant, self._follow(self._last, instant)) for instant in later]
        if later:
            self._followed = later[-1]
        if self._keeps_versions:
            self._will_change(
                {partner_id for _, outcome in after for partner_id in outcome.links},
                employments=any(outcome.employment is not None for _, outcome in after),
                several=any(outcome.several is not None for _, outcome in after),
            )
        for instant, outcome in after:
            self._outcomes[instant] = outcome
            for partner_id, link in outcome.links.items():
                log = self._log.get(partner_id)
                if log is None:
                    log = self._log[partner_id] = LinkLog()
                log.instants.append(instant)
                log.links.append(link)
            if outcome.employment is not None:
                self.employments.append(outcome.employment)
            if outcome.several is not None:
                self._several.append((instant, outcome.several))
        return LinkChange(since, None, [], after)

    def _links_before(self, instant: datetime) -> ActiveLinks:
        links = ActiveLinks()
        for partner_id, log in self._log.items():
            link = log.before(instant)
            if link is not None:
                links.put(partner_id, link)
        return links

    def _partners_since(self, first: int) -> set[str]:
        """The partners whose links change from the instant at this place on."""
        outcomes = (self._outcomes.get(instant) for instant in self._instants[first:])
        return {partner_id for outcome in outcomes if outcome is not None for partner_id in outcome.links}

    def _taken_back(self, instant: datetime, later: Iterable[str]) -> ActiveLinks:
        """The last links, as they were before the instant. `later`: the partners whose links changed since."""
        for partner_id in later:
            self._last.put(partner_id, self._log[partner_id].before(instant))
        return self._last

    def _take_up_again(self, later: Iterable[str]) -> None:
        """Brings the last links back to the end, where nothing changed after all."""
        for partner_id in later:
            self._last.put(partner_id, self._log[partner_id].links[-1])

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
        outcomes = [outcome for _, outcome in (*before, *after)]
        self._will_change(
            changes,
            employments=any(outcome.employment is not None for outcome in outcomes),
            several=any(outcome.several is not None for outcome in outcomes),
        )
        for partner_id, entries in changes.items():
            log = self._log.setdefault(partner_id, LinkLog())
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
