"""What is known of one partner: the facts routed to it, without the voided ones, and what follows for each person."""

from bisect import insort

from services.compliance.policy.counting import Employment, contradicted
from services.compliance.policy.enrolment import Enrolment, enrolment_at, enrolments
from services.compliance.policy.maintenance import Obligation, Span
from services.compliance.policy.parameters import Parameters
from services.compliance.policy.person import Person, PersonView
from services.compliance.policy.windows import Announcement
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
    Period,
    PortalChangeDeclared,
)


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
        self._enrolments: list[Enrolment] | None = None

    def seen(self) -> None:
        """Forgets what changed."""
        self.changed_persons = set()
        self.changed_partner = self.changed_obligations = False

    def add(self, fact: Fact) -> None:
        """Takes the next fact of the log in."""
        match fact.data:
            case ConsultantLinked() | ConsultantLeft():
                self._facts[fact.fact_id] = fact
                self._person(fact.data.consultant_id).work(fact)
                self.mentioned = self.mentioned or fact.data.partner_id == self.partner_id
            case ConsultantCertified() | CertificationRevoked():
                self._person(fact.data.consultant_id).granted(fact.data)
            case MaintenanceCompleted():
                person = self._person(fact.data.consultant_id)
                person.completed(fact.data.product, fact.data.portal_change_id, fact.data.periods)
            case PortalChangeDeclared():
                self._facts[fact.fact_id] = fact
                if fact.data.significant:
                    self._portal_changes[fact.fact_id] = fact
                    self._reoblige(fact, fact.data)
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
            self._partner_changed()
            self._partner_facts[fact.fact_id] = fact
        if isinstance(fact.data, PartnerClosed | PartnersMerged):
            self._endings[fact.fact_id] = fact
            self._endings_changed()
            if isinstance(fact.data, PartnersMerged) and fact.data.into == self.partner_id:
                self.mentioned = True

    def _void(self, fact_id: str) -> None:
        """R33: the fact counts nowhere any more; that it was a mention stays."""
        fact = self._facts.pop(fact_id, None)
        if fact is None:
            return
        match fact.data:
            case ConsultantLinked() | ConsultantLeft():
                self._person(fact.data.consultant_id).unwork(fact_id)
            case PortalChangeDeclared():
                if self._portal_changes.pop(fact_id, None) is not None:
                    self._reoblige(fact, fact.data)
            case _:
                if self._partner_facts.pop(fact_id, None) is not None:
                    self._partner_changed()
                if self._endings.pop(fact_id, None) is not None:
                    self._endings_changed()

    def _person(self, consultant_id: str) -> Person:
        self.changed_persons.add(consultant_id)
        person = self.persons.get(consultant_id)
        if person is None:
            person = self.persons[consultant_id] = Person(consultant_id, self.partner_id)
        return person

    def _partner_changed(self) -> None:
        self.changed_partner = True
        self._enrolments = None

    def _endings_changed(self) -> None:
        """R29: the people, and by a contradiction between mergers the partner itself, can be concerned."""
        self._partner_changed()
        self.changed_persons.update(self.persons)
        for person in self.persons.values():
            person.endings_changed()

    def _reoblige(self, fact: Fact, declared: PortalChangeDeclared) -> None:
        """R25: who is obliged by this declaration has changed: it is new, or voided."""
        self.changed_obligations = True
        obligation = Obligation.of(declared.portal_change_id, fact.effective_at, declared.due_on, fact.fact_id)
        for product in declared.products:
            obligations = self._obligations.setdefault(product, [])
            if fact.fact_id in self._portal_changes:
                insort(obligations, obligation)
            else:
                obligations.remove(obligation)
        for consultant_id, person in self.persons.items():
            if person.obligations_changed(declared.products, obligation.lapse_at):
                self.changed_persons.add(consultant_id)

    # What follows ----------------------------------------------------------------------------

    def enrolments(self) -> list[Enrolment]:
        """What the partner is over time."""
        if self._enrolments is None:
            undone = contradicted(self._endings.values())
            about = (fact for fact in self._partner_facts.values() if fact.fact_id not in undone)
            self._enrolments = enrolments(about, self._parameters)
        return self._enrolments

    def employments(self, consultant_id: str) -> list[Employment]:
        """Where the person is linked over time."""
        return self.persons[consultant_id].employments(self._endings.values())

    def spans(self, consultant_id: str, product: str) -> list[Span]:
        """When the person is certified for the product."""
        return self.persons[consultant_id].spans(product, self._obligations.get(product, ()))

    def lapses(self, consultant_id: str, product: str) -> list[Span]:
        """When nothing but unfinished maintenance keeps the person from being certified by one of the grants."""
        return self.persons[consultant_id].lapses(product, self._obligations.get(product, ()))

    def periods(self, consultant_id: str, product: str) -> list[Period]:
        """When the person's grants for the product hold, maintenance left aside."""
        return self.persons[consultant_id].periods(product)

    def view(self, consultant_id: str) -> PersonView:
        """What follows for the person at this partner."""
        return self.persons[consultant_id].view(self._endings.values(), self._obligations)

    def maintenance_required(self) -> list[Announcement]:
        """One for each significant portal change announced while the partner is enrolled (R27)."""
        timeline = self.enrolments()
        if not timeline:
            return []
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
