"""The unvoided facts routed to one partner, and what follows for each person."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from operator import itemgetter
from typing import Final

from services.compliance.policy.certified_periods import Obligation
from services.compliance.policy.consultant_at_partner import ConsultantAtPartner, ConsultantChange
from services.compliance.policy.counting_partner import Changed
from services.compliance.policy.enrolment import EnrolmentTimeline
from services.compliance.policy.event_announcement import Announcement
from services.compliance.policy.link_changes import LinkChange
from services.compliance.policy.link_history import LinkHistory
from services.compliance.policy.parameters import Parameters
from services.compliance.policy.partner_endings import PartnerEndings, Settled
from services.compliance.policy.policy_timeline import Difference, PolicyTimeline
from services.compliance.policy.portal_change_terms import PortalChange
from services.compliance.policy.shared_links import PeopleElsewhere
from services.compliance.policy.significant_changes import ObligationChange, SignificantChanges
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


class PartnerFacts:
    """The facts routed to a partner, in log order so far.

    `facts`: the first of them. `mentioned`: whether any fact, voided or not, names the partner. `policy`: as its
    revisions make it. `timeline`: the enrolments of the partner, as of the last `refresh_partner`. `facts_held`: the
    number of facts added. `merged`: whether a merger was among them.
    """

    def __init__(
        self,
        partner_id: str,
        parameters: Parameters,
        facts: Iterable[Fact] = (),
        elsewhere: PeopleElsewhere | None = None,
    ) -> None:
        self.partner_id = partner_id
        self.mentioned = False
        self._elsewhere = elsewhere
        self._position = 0
        self.policy = PolicyTimeline(parameters)
        self.timeline = EnrolmentTimeline(self.policy)
        self.facts_held = 0
        self.merged = False
        self._persons: dict[str, ConsultantAtPartner] = {}
        self._changed_persons: set[str] = set()
        self._touched: dict[str, set[str] | None] = {}
        self._facts: dict[str, Fact] = {}
        self._endings = PartnerEndings(partner_id)
        self._linked: set[str] = set()
        self._reach: dict[str, set[str]] = {}
        self._significant_changes = SignificantChanges(parameters.products, self.timeline)
        self._obligations = self._significant_changes.obligations
        self._days_changed: list[Changed] = []
        for fact in facts:
            self.add(fact)

    # Facts -----------------------------------------------------------------------------------

    def add(self, fact: Fact) -> None:
        """Adds the next fact of the log."""
        self.facts_held += 1
        if self._elsewhere is not None and fact.append_position != self._position:
            self._position = fact.append_position
            for consultant_id in self._elsewhere.come_to(fact.append_position):
                if consultant_id in self._persons:
                    self._changed_person(consultant_id)
        match fact.data:
            case MaintenanceCompleted() | ConsultantCertified() | CertificationRevoked():
                person = self._changed_person(fact.data.consultant_id)
                if self._elsewhere is None or person.follows_links:
                    person.take_in(fact.data)
            case ConsultantLinked(partner_id, consultant_id) | ConsultantLeft(partner_id, consultant_id):
                self._facts[fact.fact_id] = fact
                person = self._changed_person(consultant_id)
                person.add(fact)
                if isinstance(fact.data, ConsultantLinked):
                    if self._elsewhere is None or person.follows_links:
                        self._extend_reach(consultant_id, partner_id)
                    self._linked.add(consultant_id)
                self.mentioned = self.mentioned or partner_id == self.partner_id
            case PortalChangeDeclared() | PortalChangeCorrected():
                self._facts[fact.fact_id] = fact
                self._oblige(self._significant_changes.add(fact, fact.data.portal_change_id))
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
            self._apply(self._endings.add(fact, fact.data))
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
                self._oblige(self._significant_changes.remove(fact, fact.data.portal_change_id))
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
        ending = isinstance(fact.data, PartnerClosed | PartnersMerged)
        if partner_id == self.partner_id and (not ending or self._endings.came_about(fact)):
            self.timeline.remove(fact)
        if isinstance(fact.data, PartnerClosed | PartnersMerged):
            self._apply(self._endings.remove(fact, fact.data))
            for consultant_id in self._reach.get(partner_id, ()):
                self._changed_person(consultant_id).remove(fact)

    def _apply(self, settled: Settled) -> None:
        """Mergers of the partner that never came about do not end it (R35)."""
        for fact in settled.undone:
            if getattr(fact.data, "partner_id", None) == self.partner_id:
                self.timeline.remove(fact)
        for fact in settled.restored:
            if getattr(fact.data, "partner_id", None) == self.partner_id:
                self.timeline.add(fact)

    def _changed_person(self, consultant_id: str) -> ConsultantAtPartner:
        self._changed_persons.add(consultant_id)
        self._touched[consultant_id] = None
        person = self._persons.get(consultant_id)
        if person is None:
            links = None if self._elsewhere is None else self._elsewhere.links(consultant_id)
            person = self._persons[consultant_id] = ConsultantAtPartner(consultant_id, self.partner_id, links)
        if self._elsewhere is not None:
            self._take_in_statements(person, consultant_id, self._elsewhere)
        return person

    def _take_in_statements(self, person: ConsultantAtPartner, consultant_id: str, elsewhere: PeopleElsewhere) -> None:
        """Reads the statements about a person where the links of that person are read."""
        if consultant_id in elsewhere.ids and not person.follows_links:
            for fact in elsewhere.statements(consultant_id, person.stated_through):
                person.take_in(fact.data)
            person.stated_through = max(person.stated_through, self._position)

    def read_links(self, elsewhere: PeopleElsewhere) -> bool:
        """From now on the links of those people are read from `elsewhere`, which holds what was followed here so far.

        Returns whether nothing changes thereby; if not, fold the partner from the first fact.
        """
        if self._elsewhere is None:
            self._elsewhere, self._position = elsewhere, 0
        for consultant_id in elsewhere.ids & self._persons.keys():
            person = self._persons[consultant_id]
            if person.follows_links:
                if person.refresh(self._obligations) is not None:
                    return False
                times = person.linked_times(self.partner_id)
                person.read_links(self._elsewhere.known_links(consultant_id, times))
                if self.knows_person(consultant_id):
                    person.stated_through = self._elsewhere.known_position
                self._shorten_reach(consultant_id)
        return True

    def _shorten_reach(self, consultant_id: str) -> None:
        """Endings of partners that only this person reaches are no longer taken in."""
        for partner_id, people in list(self._reach.items()):
            people.discard(consultant_id)
            if not people:
                del self._reach[partner_id]

    def _extend_reach(self, consultant_id: str, partner_id: str) -> None:
        """The closures and mergers of a partner that the person is or was linked to concern the person too (R29)."""
        to_follow = [partner_id]
        while to_follow:
            reached = to_follow.pop()
            people = self._reach.setdefault(reached, set())
            if consultant_id in people:
                continue
            people.add(consultant_id)
            for ending in self._endings.of(reached):
                self._changed_person(consultant_id).add(ending)
                if isinstance(ending.data, PartnersMerged):
                    to_follow.append(ending.data.into)

    def _oblige(self, changes: Iterable[ObligationChange]) -> None:
        """Takes note of a changed obligation for everybody with a grant for the product (R25)."""
        for change in changes:
            for consultant_id, person in self._persons.items():
                if person.has_grant(change.product):
                    touched = self._touched.setdefault(consultant_id, set())
                    if touched is not None:
                        touched.add(change.portal_change_id)
                    if person.obliged(change):
                        self._changed_persons.add(consultant_id)

    # What follows ----------------------------------------------------------------------------

    def refresh_partner(self) -> tuple[datetime, datetime | None] | None:
        """Updates the timeline. Returns from when to when (None: for ever) it differs, or None."""
        changed = self.timeline.refresh()
        if changed is not None:
            self._significant_changes.enrolments_changed(changed[0])
        return changed

    def refresh_days(self) -> list[Changed]:
        """From when to when windows that open have other days or reminders than at the last call."""
        changed, self._days_changed = self._days_changed, []
        return changed

    @property
    def partner_stale(self) -> bool:
        """Whether `refresh_partner`, `refresh_days` or `refresh_notices` can find a difference."""
        return self.timeline.stale or self._significant_changes.notices_stale or bool(self._days_changed)

    def refresh_notices(self) -> tuple[Sequence[Announcement], Sequence[Announcement]] | None:
        """The old and new notices to the partner itself; None where there are none (see `SignificantChanges`)."""
        return self._significant_changes.refresh_notices()

    def refresh_people(self) -> Iterator[tuple[str, ConsultantChange]]:
        """What changed for each person since the last call, by consultant id."""
        changed, self._changed_persons = self._changed_persons, set()
        for consultant_id in sorted(changed) if len(changed) > 1 else changed:
            change = self._persons[consultant_id].refresh(self._obligations)
            if change is not None:
                yield consultant_id, change

    def take_touched(self) -> list[tuple[str, set[str] | None]]:
        """The people about whom something can have changed since the last call, in order.

        With each the portal changes whose maintenance can have changed; None: that of all, and its links.
        """
        touched, self._touched = self._touched, {}
        return sorted(touched.items(), key=_consultant_id)

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
        return self._significant_changes.notices_at(instant)

    def person(self, consultant_id: str) -> ConsultantAtPartner | None:
        """The person, brought up to date; None if no fact is about it."""
        person = self._persons.get(consultant_id)
        if person is not None:
            person.refresh(self._obligations)
        return person

    def people(self) -> Iterator[tuple[str, ConsultantAtPartner]]:
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

    def knows_merger(self, merger: PartnersMerged) -> bool:
        """Whether an unvoided fact says the same, so that another one brings no further people."""
        endings = (ending.data for ending in self._endings.of(merger.partner_id))
        return any(isinstance(ending, PartnersMerged) and ending.into == merger.into for ending in endings)

    def reaches(self, partner_id: str) -> bool:
        """Whether anybody here was ever linked to that partner, or a merger took one of them or this partner to it."""
        return partner_id in self._reach or partner_id in self._endings.survivors

    def communicated(self) -> Iterator[PortalChange]:
        """The portal changes that are communicated to the partner, in the order of their announcement (R27)."""
        self.refresh_partner()
        return self._significant_changes.communicated()


_consultant_id: Final = itemgetter(0)
