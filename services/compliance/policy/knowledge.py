"""What is known of one partner: the facts routed to it, without the voided ones, and what follows for each person."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from services.compliance.policy.counting import Employment, contradicted, employments
from services.compliance.policy.enrolment import Enrolment, enrolment_at, enrolments
from services.compliance.policy.maintenance import Obligation, Span, certified_spans
from services.compliance.policy.parameters import Parameters
from services.compliance.policy.windows import Announcement
from shared.events.envelope import Fact
from shared.events.facts import (
    CertificationRevoked,
    ConsultantCertified,
    ConsultantLeft,
    ConsultantLinked,
    FactVoided,
    GrantStatement,
    MaintenanceCompleted,
    PartnerClosed,
    PartnersMerged,
    Period,
    PortalChangeDeclared,
)


class Counted(NamedTuple):
    """Counted for the partner from `start` to `end` (exclusive; None: for ever), and what made it so (R9)."""

    start: datetime
    end: datetime | None
    start_facts: tuple[str, ...]
    end_facts: tuple[str, ...]


class PersonView(NamedTuple):
    """What follows for one person at one partner: when it is counted, per product, and what to announce of it."""

    counted: dict[str, list[Counted]]
    announcements: tuple[Announcement, ...]


NOBODY = PersonView({}, ())


class Person:
    """The unvoided facts about one person."""

    def __init__(self) -> None:
        self.work: dict[str, Fact] = {}
        self.grants: dict[str, dict[str, GrantStatement]] = {}
        self.completions: dict[str, dict[str, Sequence[Period]]] = {}

    def spans(self, product: str, obligations: Sequence[Obligation]) -> list[Span]:
        """When the person is certified for the product."""
        grants = self.grants.get(product)
        if grants is None:
            return []
        return certified_spans(grants.values(), obligations, self.completions.get(product, {}))


class Knowledge:
    """The facts routed to a partner, in log order so far.

    `mentioned`: whether any fact, voided or not, names the partner.
    `changed_persons`, `changed_partner`, `changed_obligations` collect what `add` touched until `seen`.
    """

    def __init__(self, partner_id: str, parameters: Parameters) -> None:
        self.partner_id = partner_id
        self.mentioned = False
        self.persons: dict[str, Person] = {}
        self.changed_persons: set[str] = set()
        self.changed_partner = False
        self.changed_obligations = False
        self._parameters = parameters
        self._facts: dict[str, Fact] = {}
        self._partner_facts: dict[str, Fact] = {}
        self._endings: dict[str, Fact] = {}
        self._portal_changes: dict[str, Fact] = {}
        self._obligations: dict[str, list[Obligation]] = {}

    def seen(self) -> None:
        """Forgets what changed."""
        self.changed_persons = set()
        self.changed_partner = self.changed_obligations = False

    def add(self, fact: Fact) -> None:
        """Takes the next fact of the log in."""
        match fact.data:
            case ConsultantLinked() | ConsultantLeft():
                self._facts[fact.fact_id] = fact
                self._person(fact.data.consultant_id).work[fact.fact_id] = fact
                self.mentioned = self.mentioned or fact.data.partner_id == self.partner_id
            case ConsultantCertified() | CertificationRevoked():
                person = self._person(fact.data.consultant_id)
                person.grants.setdefault(fact.data.product, {})[fact.data.grant_id] = fact.data
            case MaintenanceCompleted():
                person = self._person(fact.data.consultant_id)
                completions = person.completions.setdefault(fact.data.product, {})
                completions[fact.data.portal_change_id] = fact.data.periods
            case PortalChangeDeclared():
                self._facts[fact.fact_id] = fact
                if fact.data.significant:
                    self._portal_changes[fact.fact_id] = fact
                    self._reoblige(fact.data.products)
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
            self.mentioned = self.changed_partner = True
            self._partner_facts[fact.fact_id] = fact
        if isinstance(fact.data, PartnerClosed | PartnersMerged):
            self._endings[fact.fact_id] = fact
            self.changed_persons.update(self.persons)
            self.changed_partner = True
            if isinstance(fact.data, PartnersMerged) and fact.data.into == self.partner_id:
                self.mentioned = True

    def _void(self, fact_id: str) -> None:
        """R33: the fact counts nowhere any more; that it was a mention stays."""
        fact = self._facts.pop(fact_id, None)
        if fact is None:
            return
        match fact.data:
            case ConsultantLinked() | ConsultantLeft():
                del self._person(fact.data.consultant_id).work[fact_id]
            case PortalChangeDeclared():
                if self._portal_changes.pop(fact_id, None) is not None:
                    self._reoblige(fact.data.products)
            case _:
                if self._partner_facts.pop(fact_id, None) is not None:
                    self.changed_partner = True
                if self._endings.pop(fact_id, None) is not None:
                    self.changed_persons.update(self.persons)
                    self.changed_partner = True

    def _person(self, consultant_id: str) -> Person:
        self.changed_persons.add(consultant_id)
        person = self.persons.get(consultant_id)
        if person is None:
            person = self.persons[consultant_id] = Person()
        return person

    def _reoblige(self, products: Iterable[str]) -> None:
        """R25: who is obliged has changed for these products."""
        self.changed_obligations = True
        for product in products:
            self._obligations[product] = sorted(
                Obligation.of(fact.data.portal_change_id, fact.effective_at, fact.data.due_on, fact.fact_id)
                for fact in self._portal_changes.values()
                if isinstance(fact.data, PortalChangeDeclared) and product in fact.data.products
            )
        for consultant_id, person in self.persons.items():
            if any(product in person.grants for product in products):
                self.changed_persons.add(consultant_id)

    # What follows ----------------------------------------------------------------------------

    def enrolments(self) -> list[Enrolment]:
        """What the partner is over time."""
        undone = contradicted(self._endings.values())
        about = (fact for fact in self._partner_facts.values() if fact.fact_id not in undone)
        return enrolments(about, self._parameters)

    def employments(self, consultant_id: str) -> list[Employment]:
        """Where the person is linked over time."""
        return employments(self.persons[consultant_id].work.values(), self._endings.values())

    def spans(self, consultant_id: str, product: str) -> list[Span]:
        """When the person is certified for the product."""
        return self.persons[consultant_id].spans(product, self._obligations.get(product, ()))

    def view(self, consultant_id: str) -> PersonView:
        """What follows for the person at this partner."""
        work = self.employments(consultant_id)
        if not any(self.partner_id in employment.linked for employment in work):
            return NOBODY
        counted = {}
        announcements = self._dual_links(consultant_id, work)
        for product in sorted(self.persons[consultant_id].grants):
            spans = self.spans(consultant_id, product)
            counted[product] = self._counted(work, spans)
            announcements += self._lapses(consultant_id, product, counted[product], spans)
        return PersonView(counted, tuple(announcements))

    def _counted(self, work: Sequence[Employment], spans: Sequence[Span]) -> list[Counted]:
        """Where a time that counts here and a certified span overlap (R1, R23)."""
        found = []
        for start, end, start_facts, end_facts in self._tenures(work):
            for span in spans:
                if (span.end is not None and span.end <= start) or (end is not None and span.start >= end):
                    continue
                leaves_first = end is not None and (span.end is None or end <= span.end)
                found.append(
                    Counted(
                        max(start, span.start),
                        end if leaves_first else span.end,
                        start_facts + span.start_facts,
                        end_facts if leaves_first else span.end_facts,
                    )
                )
        return found

    def _tenures(self, work: Sequence[Employment]) -> list[Counted]:
        """When the person counts here if certified, whatever other links come and go meanwhile."""
        found: list[Counted] = []
        for employment in work:
            here = employment.counts_for == self.partner_id
            running = bool(found) and found[-1].end is None
            if here and not running:
                found.append(Counted(employment.start, None, employment.facts, ()))
            elif running and not here:
                found[-1] = found[-1]._replace(end=employment.start, end_facts=employment.facts)
        return found

    def _dual_links(self, consultant_id: str, work: Sequence[Employment]) -> list[Announcement]:
        """When the person begins and ceases to be linked here and elsewhere at once (R23)."""
        found = []
        dual = False
        for employment in work:
            now = self.partner_id in employment.linked and len(employment.linked) > 1
            if now != dual:
                name = "dual-link-detected" if now else "dual-link-cleared"
                found.append(Announcement(name, employment.start, None, consultant_id, 1))  # type: ignore[arg-type]
                dual = now
        return found

    def _lapses(
        self, consultant_id: str, product: str, counted: Sequence[Counted], spans: Sequence[Span]
    ) -> list[Announcement]:
        """When a counted person's certification lapses for unfinished maintenance (R26)."""
        lapses = {span.end: span.end_facts for span in spans if span.lapsed and span.end is not None}
        return [
            Announcement("certification-lapsed", one.end, product, consultant_id, 1)
            for one in counted
            if one.end is not None and lapses.get(one.end) == one.end_facts
        ]

    def maintenance_required(self) -> list[Announcement]:
        """One for each significant portal change announced while the partner is enrolled (R27)."""
        timeline = self.enrolments()
        found = []
        for fact in self._portal_changes.values():
            assert isinstance(fact.data, PortalChangeDeclared)
            enrolment = enrolment_at(timeline, fact.effective_at)
            if enrolment is not None and enrolment.enrolled:
                found.append(
                    Announcement("maintenance-required", fact.effective_at, None, fact.data.portal_change_id, 1)
                )
        return found

    def portal_change(self, portal_change_id: str) -> PortalChangeDeclared:
        """The significant portal change of this id; raises KeyError if there is none."""
        for fact in self._portal_changes.values():
            if isinstance(fact.data, PortalChangeDeclared) and fact.data.portal_change_id == portal_change_id:
                return fact.data
        raise KeyError(portal_change_id)
