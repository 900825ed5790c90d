"""Which partners a fact about a person can matter to: a person linked to very many counts at one of them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Final

from services.compliance.policy.link_changes import Employment, LinkChange, Outcomes
from services.compliance.policy.link_history import LinkHistory
from services.compliance.policy.parameters import Parameters
from services.compliance.policy.partner_facts import PartnerFacts
from services.compliance.policy.shared_links import PeopleElsewhere
from shared.events.envelope import Fact
from shared.events.facts import CertificationRevoked, ConsultantCertified, MaintenanceCompleted

_OF_GRANTS: Final = CertificationRevoked | ConsultantCertified | MaintenanceCompleted


class AffectedPartners:
    """The links of some people, followed once for all the partners that they are linked to.

    Feed it, in log order, every fact about these people, and the closures and mergers of every partner where they were
    ever linked or taken to.
    """

    def __init__(self, parameters: Parameters, elsewhere: PeopleElsewhere | None = None) -> None:
        self._partner_facts = PartnerFacts("", parameters, elsewhere=elsewhere)

    @property
    def facts_held(self) -> int:
        """The number of facts taken in."""
        return self._partner_facts.facts_held

    def reaches(self, partner_id: str) -> bool:
        """Whether any of these people was ever linked to the partner, or taken there by a merger."""
        return self._partner_facts.reaches(partner_id)

    def add(self, facts: Iterable[Fact]) -> None:
        """Takes in facts whose steps are done. Call `follow` before the first whose step is not."""
        for fact in facts:
            self._partner_facts.add(fact)

    def follow(self) -> Iterator[None]:
        """Follows the links of each person through the facts taken in so."""
        return (None for _ in self._partner_facts.refresh_links())

    def concerned(self, group: Sequence[Fact]) -> set[str]:
        """Takes in the next facts that were appended together. Returns the partners for which they can matter.

        Left aside are the partners that the facts name, since a mention alone can matter to them, and those from which
        mergers lead to one that ends, since mergers of one instant can contradict each other (R35).
        """
        graded = {fact.data.consultant_id for fact in group if isinstance(fact.data, _OF_GRANTS)}
        for fact in group:
            self._partner_facts.add(fact)
        found: set[str] = set()
        for consultant_id, links, change in self._partner_facts.refresh_links():
            if consultant_id in graded:
                found |= _counted_for(links.employments)
            if change is not None:
                found |= _changed_for(links, change)
        return found


def _counted_for(employments: Iterable[Employment]) -> set[str]:
    return {employment.counts_for for employment in employments if employment.counts_for is not None}


def _changed_for(links: LinkHistory, change: LinkChange) -> set[str]:
    """The partners at which the person counts, or is linked elsewhere at once, at other times than before."""
    if change.partners is None:
        found = _different(_links_of(change.before), _links_of(change.after))
    else:
        found = set(change.partners)
    gone, new = _employments(change.before), _employments(change.after)
    if gone != new:
        held = links.employment_before(change.since)
        found |= _different(_tenures(held, gone), _tenures(held, new))
    if _several(change.before) != _several(change.after):
        several = links.several_before(change.since)
        linked = {partner_id for partner_id in links.partners if links.linked_before(partner_id, change.since)}
        found |= _different(_dual(linked, several, change.before), _dual(linked, several, change.after))
    return found


def _different(before: Mapping[str, object], after: Mapping[str, object]) -> set[str]:
    return {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}


def _several(outcomes: Outcomes) -> list[object]:
    return [(instant, outcome.several) for instant, outcome in outcomes if outcome.several is not None]


def _links_of(outcomes: Outcomes) -> dict[str, list[object]]:
    found: dict[str, list[object]] = {}
    for instant, outcome in outcomes:
        for partner_id, link in outcome.links.items():
            found.setdefault(partner_id, []).append((instant, link))
    return found


def _employments(outcomes: Outcomes) -> list[Employment]:
    return [outcome.employment for _, outcome in outcomes if outcome.employment is not None]


def _tenures(held: Sequence[Employment], employments: Sequence[Employment]) -> dict[str, list[object]]:
    """Each partner's employments, with the one that ends each. `held`: the one before them, if any."""
    found: dict[str, list[object]] = {}
    for employment, end in zip_longest((*held, *employments), employments[1 - len(held) :]):
        if employment is not None and employment.counts_for is not None:
            found.setdefault(employment.counts_for, []).append((employment, end))
    return found


def _dual(linked: Iterable[str], several: bool, outcomes: Outcomes) -> dict[str, list[object]]:
    """When each partner begins or ceases to be one of several. `linked`, `several`: before these outcomes.

    Where `several` changes, all links but one begin or end there: this costs what the outcomes hold.
    """
    found: dict[str, list[object]] = {}
    now = set(linked)
    for instant, outcome in outcomes:
        begins = several if outcome.several is None else outcome.several
        touched = set(outcome.links) if begins is several else now.union(outcome.links)
        was = {partner_id: several and partner_id in now for partner_id in touched}
        for partner_id, link in outcome.links.items():
            (now.discard if link is None else now.add)(partner_id)
        several = begins
        for partner_id in touched:
            dual = several and partner_id in now
            if dual != was[partner_id]:
                found.setdefault(partner_id, []).append((instant, dual))
    return found
