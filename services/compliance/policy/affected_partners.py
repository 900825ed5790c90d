"""Which partners a fact about a person can matter to: a person linked to very many counts at one of them."""

from collections.abc import Iterable, Sequence
from typing import Final

from services.compliance.policy.link_history import Employment, LinkChange, LinkHistory, Outcomes
from services.compliance.policy.parameters import Parameters
from services.compliance.policy.partner_facts import PartnerFacts
from shared.events.envelope import Fact
from shared.events.facts import CertificationRevoked, ConsultantCertified, MaintenanceCompleted

_OF_GRANTS: Final = CertificationRevoked | ConsultantCertified | MaintenanceCompleted


class AffectedPartners:
    """The links of some people, followed once for all the partners that they are linked to.

    Feed it, in log order, every fact about these people, and the closures and mergers of every partner where they were
    ever linked or taken to.
    """

    def __init__(self, parameters: Parameters) -> None:
        self._knowledge = PartnerFacts("", parameters)

    def add(self, facts: Iterable[Fact]) -> None:
        """Takes in facts whose steps lie behind."""
        for fact in facts:
            self._knowledge.add(fact)
        for _ in self._knowledge.refresh_links():
            pass

    def concerned(self, group: Sequence[Fact]) -> set[str]:
        """Takes in the next facts that were appended together. Returns the partners for which they can matter.

        The partners that the facts name are left aside: a mention alone can matter to them.
        """
        graded = {fact.data.consultant_id for fact in group if isinstance(fact.data, _OF_GRANTS)}
        for fact in group:
            self._knowledge.add(fact)
        found: set[str] = set()
        for consultant_id, links, change in self._knowledge.refresh_links():
            if consultant_id in graded:
                found |= _counted_for(links.employments)
            if change is not None:
                found |= _changed_for(links, change)
        return found


def _counted_for(employments: Iterable[Employment]) -> set[str]:
    return {employment.counts_for for employment in employments if employment.counts_for is not None}


def _changed_for(links: LinkHistory, change: LinkChange) -> set[str]:
    """The partners at which the person counts, or is linked elsewhere at once, at other times than before."""
    if _several(change.before) != _several(change.after):
        return set(links.partners)
    before, after = _links_of(change.before), _links_of(change.after)
    found = {
        partner_id for partner_id in before.keys() | after.keys() if before.get(partner_id) != after.get(partner_id)
    }
    gone, new = _employments(change.before), _employments(change.after)
    if gone != new:
        found |= _counted_for((*gone, *new, *links.employment_before(change.since)))
    return found


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
