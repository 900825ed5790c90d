"""The unvoided facts routed to one partner, and what follows for each person."""

from bisect import bisect_left, insort
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Final

from services.compliance.policy.announcement import Announcement
from services.compliance.policy.consultant_facts import ConsultantChange, ConsultantFacts
from services.compliance.policy.counting_partner import Changed
from services.compliance.policy.enrolment import EnrolmentTimeline
from services.compliance.policy.link_history import LinkChange, LinkHistory
from services.compliance.policy.maintenance import Obligation, Span
from services.compliance.policy.parameters import Parameters
from services.compliance.policy.policy_timeline import Difference, PolicyTimeline
from services.compliance.policy.portal_changes import PortalChange, PortalChanges
from shared.events.envelope import Fact
from shared.events.facts import (
    CertificationRevoked,
    ConsultantCertified,
    ConsultantLeft,
    ConsultantLinked,
    FactVoided,
    MaintenanceCompleted,
    PartnerClosed,
    PartnersMerged,
    PolicyRevised,
    PortalChangeCorrected,
    PortalChangeDeclared,
)
from shared.rules.active_links import contradicted


class PartnerFacts:
    """The facts routed to a partner, in log order so far.

    `mentioned`: whether any fact, voided or not, names the partner. `policy`: as its revisions make it. `timeline`: the
    enrolments of the partner, as of the last `refresh_partner`. `facts_held`: the number of facts added. `merged`:
    whether a merger was among them.
    """

    def __init__(self, partner_id: str, parameters: Parameters) -> None:
        self.partner_id = partner_id
        self.mentioned = False
        self.policy = PolicyTimeline(parameters)
        self.timeline = EnrolmentTimeline(self.policy)
        self._products = parameters.products
        self.facts_held = 0
        self.merged = False
        self._persons: dict[str, ConsultantFacts] = {}
        self._changed_persons: set[str] = set()
        self._touched: set[str] = set()
        self._facts: dict[str, Fact] = {}
        self._endings: dict[str, dict[str, Fact]] = {}
        self._simultaneous: dict[datetime, dict[str, Fact]] = {}
        self._undone: frozenset[str] = frozenset()
        self._linked: set[str] = set()
        self._reach: dict[str, set[str]] = {}
        self._portal_changes = PortalChanges()
        self._significant: list[PortalChange] = []
        self._obligations: dict[str, list[Obligation]] = {}
        self._notices: list[Announcement] = []
        self._notices_stale_from: datetime | None = None
        self._days_changed: list[Changed] = []

    # Facts -----------------------------------------------------------------------------------

    def add(self, fact: Fact) -> None:
        """Adds the next fact of the log."""
        self.facts_held += 1
        match fact.data:
            case ConsultantLinked(partner_id, consultant_id) | ConsultantLeft(partner_id, consultant_id):
                self._facts[fact.fact_id] = fact
                self._changed_person(consultant_id).add(fact)
                self._extend_reach(consultant_id, partner_id)
                if isinstance(fact.data, ConsultantLinked):
                    self._linked.add(consultant_id)
                self.mentioned = self.mentioned or partner_id == self.partner_id
            case ConsultantCertified() | CertificationRevoked():
                self._changed_person(fact.data.consultant_id).granted(fact.data)
            case MaintenanceCompleted():
                person = self._changed_person(fact.data.consultant_id)
                person.completed(fact.data.product, fact.data.portal_change_id, fact.data.periods)
            case PortalChangeDeclared() | PortalChangeCorrected():
                self._facts[fact.fact_id] = fact
                self._change_portal(fact.data.portal_change_id, self._portal_changes.add, fact)
            case PolicyRevised():
                self._facts[fact.fact_id] = fact
                self._policy_changed(self.policy.add(fact, fact.data))
            case FactVoided():
                self._void(fact.data.fact_id)
            case _:
                self._add_partner_fact(fact)

    def _add_partner_fact(self, fact: Fact) -> None:
        partner_id = getattr(fact.data, "partner_id", None)
        if partner_id is None:
            return
        self._facts[fact.fact_id] = fact
        if partner_id == self.partner_id:
            self.mentioned = True
            self.timeline.add(fact)
        if isinstance(fact.data, PartnerClosed | PartnersMerged):
            self._endings.setdefault(partner_id, {})[fact.fact_id] = fact
            self._simultaneous.setdefault(fact.effective_at, {})[fact.fact_id] = fact
            self._settle_contradictions(fact.effective_at)
            for consultant_id in self._reach.get(partner_id, ()):
                self._changed_person(consultant_id).add(fact)
            if isinstance(fact.data, PartnersMerged):
                self.merged = True
                self.mentioned = self.mentioned or fact.data.into == self.partner_id
                for consultant_id in tuple(self._reach.get(partner_id, ())):
                    self._extend_reach(consultant_id, fact.data.into)

    def _void(self, fact_id: str) -> None:
        """Removes a voided fact (R33). The partner stays mentioned."""
        fact = self._facts.pop(fact_id, None)
        if fact is None:
            return
        match fact.data:
            case ConsultantLinked() | ConsultantLeft():
                self._changed_person(fact.data.consultant_id).remove(fact)
            case PortalChangeDeclared() | PortalChangeCorrected():
                self._change_portal(fact.data.portal_change_id, self._portal_changes.remove, fact)
            case PolicyRevised():
                self._policy_changed(self.policy.remove(fact))
            case _:
                self._void_partner_fact(fact)

    def _policy_changed(self, difference: Difference) -> None:
        """Windows and enrolments follow the policy of their instants, revised or not (R39)."""
        self._days_changed += difference.days
        for changed in difference.enrolment:
            self.timeline.policy_changed(changed)

    def _void_partner_fact(self, fact: Fact) -> None:
        partner_id = getattr(fact.data, "partner_id", "")
        if partner_id == self.partner_id and fact.fact_id not in self._undone:
            self.timeline.remove(fact)
        if isinstance(fact.data, PartnerClosed | PartnersMerged):
            del self._endings[partner_id][fact.fact_id], self._simultaneous[fact.effective_at][fact.fact_id]
            self._undone = self._undone.difference((fact.fact_id,))
            self._settle_contradictions(fact.effective_at)
            for consultant_id in self._reach.get(partner_id, ()):
                self._changed_person(consultant_id).remove(fact)

    def _settle_contradictions(self, instant: datetime) -> None:
        """Ignores mergers of one instant that never came about because they form a circle (R35)."""
        simultaneous = self._simultaneous[instant]
        undone = contradicted(simultaneous.values()) if len(simultaneous) > 1 else frozenset[str]()
        for fact_id, fact in simultaneous.items():
            if getattr(fact.data, "partner_id", None) == self.partner_id:
                if fact_id in undone and fact_id not in self._undone:
                    self.timeline.remove(fact)
                elif fact_id in self._undone and fact_id not in undone:
                    self.timeline.add(fact)
        self._undone = self._undone.difference(simultaneous) | undone

    def _changed_person(self, consultant_id: str) -> ConsultantFacts:
        self._changed_persons.add(consultant_id)
        self._touched.add(consultant_id)
        person = self._persons.get(consultant_id)
        if person is None:
            person = self._persons[consultant_id] = ConsultantFacts(consultant_id, self.partner_id)
        return person

    def _extend_reach(self, consultant_id: str, partner_id: str) -> None:
        """The closures and mergers of a partner that the person is or was linked to concern the person too (R29)."""
        to_follow = [partner_id]
        while to_follow:
            reached = to_follow.pop()
            people = self._reach.setdefault(reached, set())
            if consultant_id in people:
                continue
            people.add(consultant_id)
            for ending in self._endings.get(reached, {}).values():
                self._changed_person(consultant_id).add(ending)
                if isinstance(ending.data, PartnersMerged):
                    to_follow.append(ending.data.into)

    def _change_portal(self, portal_change_id: str, apply: Callable[[Fact], None], fact: Fact) -> None:
        """Applies a declaration, a correction or the void of one to everybody whom it concerns (R25, R27, R38)."""
        before = self._significant_in_force(portal_change_id)
        apply(fact)
        after = self._significant_in_force(portal_change_id)
        if before == after:
            return
        for change in (before, after):
            if change is not None:
                since = self._notices_stale_from
                self._notices_stale_from = change.announced_at if since is None else min(since, change.announced_at)
        if before is not None:
            self._significant.remove(before)
        if after is not None:
            insort(self._significant, after)
        old, new = _obligations(before), _obligations(after)
        for product in dict.fromkeys((*old, *new)):
            if old.get(product) != new.get(product):
                self._replace_obligation(product, old.get(product), new.get(product))

    def _significant_in_force(self, portal_change_id: str) -> PortalChange | None:
        change = self._portal_changes.in_force(portal_change_id)
        return change if change is not None and change.significant else None

    def _replace_obligation(self, product: str, old: Obligation | None, new: Obligation | None) -> None:
        obligations = self._obligations.setdefault(product, [])
        if old is not None:
            obligations.remove(old)
        if new is not None:
            insort(obligations, new)
        lapse_at = min(obligation.lapse_at for obligation in (old, new) if obligation is not None)
        for consultant_id, person in self._persons.items():
            if any(person.grants(product)):
                self._touched.add(consultant_id)
            if new is not None and old is None and obligations[-1] is new:
                concerned = person.obliged(product, new)
            else:
                concerned = person.obligations_changed(product, lapse_at)
            if concerned:
                self._changed_persons.add(consultant_id)

    # What follows ----------------------------------------------------------------------------

    def refresh_partner(self) -> tuple[datetime, datetime | None] | None:
        """Updates the timeline. Returns from when to when (None: for ever) it differs, or None."""
        changed = self.timeline.refresh()
        if changed is not None:
            since = self._notices_stale_from
            self._notices_stale_from = changed[0] if since is None else min(since, changed[0])
        return changed

    def refresh_days(self) -> list[Changed]:
        """From when to when windows that open have other days or reminders than at the last call."""
        changed, self._days_changed = self._days_changed, []
        return changed

    @property
    def notices_stale(self) -> bool:
        """Whether `refresh_notices` can find a difference."""
        return self._notices_stale_from is not None

    def refresh_notices(self) -> tuple[Sequence[Announcement], Sequence[Announcement]]:
        """The old and new notices about the partner itself: portal changes announced while it is enrolled (R27)."""
        since, self._notices_stale_from = self._notices_stale_from, None
        if since is None:
            return (), ()
        first = bisect_left(self._notices, since, key=_instant)
        before = self._notices[first:]
        after = [
            self._notice(change)
            for change in self._significant[bisect_left(self._significant, since, key=_announced_at) :]
            if self._enrolled_at(change.announced_at)
        ]
        self._notices[first:] = after
        return before, after

    def _notice(self, change: PortalChange) -> Announcement:
        """It names every product that is sold (R27)."""
        products = tuple(product for product in self._products if product in change.products)
        return Announcement(
            "maintenance-required", change.announced_at, None, change.portal_change_id, 1, change.due_on, products
        )

    def _enrolled_at(self, instant: datetime) -> bool:
        enrolment = self.timeline.at(instant)
        return enrolment is not None and enrolment.enrolled

    def refresh_people(self) -> Iterator[tuple[str, ConsultantChange]]:
        """What changed for each person since the last call, by consultant id."""
        changed, self._changed_persons = self._changed_persons, set()
        for consultant_id in sorted(changed) if len(changed) > 1 else changed:
            change = self._persons[consultant_id].refresh(self._obligations)
            if change is not None:
                yield consultant_id, change

    def take_touched(self) -> list[str]:
        """The people about whom something can be otherwise than at the last call, in order."""
        touched, self._touched = self._touched, set()
        return sorted(touched)

    def obligations(self, product: str) -> Sequence[Obligation]:
        """The maintenance of the product that significant portal changes ask for, in order."""
        return self._obligations.get(product, ())

    def refresh_links(self) -> Iterator[tuple[str, LinkHistory, LinkChange | None]]:
        """The links of each person with new facts since the last call, and how they changed.

        It derives nothing else for these people: use either this or `refresh_people`.
        """
        changed, self._changed_persons = self._changed_persons, set()
        for consultant_id in sorted(changed):
            links = self._persons[consultant_id].links
            yield consultant_id, links, links.refresh()

    def notices_at(self, owner: str, instant: datetime) -> list[Announcement]:
        """The notices at the instant about a person, or (owner "") about the partner."""
        if owner:
            return self._persons[owner].notices_at(instant)
        first = bisect_left(self._notices, instant, key=_instant)
        return [notice for notice in self._notices[first:] if notice.instant == instant]

    def person(self, consultant_id: str) -> ConsultantFacts | None:
        """The person, brought up to date; None if no fact is about it."""
        person = self._persons.get(consultant_id)
        if person is not None:
            person.refresh(self._obligations)
        return person

    def people(self) -> Iterator[tuple[str, ConsultantFacts]]:
        """Every person, brought up to date."""
        for consultant_id, person in self._persons.items():
            person.refresh(self._obligations)
            yield consultant_id, person

    def knows_person(self, consultant_id: str) -> bool:
        """Whether the person was ever linked to the partner, or to one whose links can reach it.

        Only then all facts about the person are routed here; a departure without a link comes alone.
        """
        return consultant_id in self._linked

    def holds(self, fact: Fact) -> bool:
        """Whether the fact, about a link or a partner, was added and is not voided."""
        return fact.fact_id in self._facts

    def reaches(self, partner_id: str) -> bool:
        """Whether anybody here was ever linked to that partner, or taken there by a merger."""
        return partner_id in self._reach or partner_id == self.partner_id

    def lapses(self, consultant_id: str, product: str) -> Sequence[Span]:
        """When only unfinished maintenance keeps the person from being certified by one of the grants."""
        return self._persons[consultant_id].lapses(product, self._obligations.get(product, ()))

    def communicated(self) -> Iterator[PortalChange]:
        """The portal changes that are communicated to the partner, in the order of their announcement (R27)."""
        self.refresh_partner()
        return (change for change in self._significant if self._enrolled_at(change.announced_at))


def _obligations(change: PortalChange | None) -> dict[str, Obligation]:
    """Product to what it obliges to."""
    return {} if change is None else {product: Obligation.of(change, product) for product in change.products}


_instant: Final = attrgetter("instant")
_announced_at: Final = attrgetter("announced_at")
