"""The facts that stand, by what they are about."""

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from itertools import chain, groupby
from operator import attrgetter
from typing import Final, get_args

from services.compliance.policy.certified_periods import Obligation
from services.compliance.policy.enrolment import EnrolmentTimeline
from services.compliance.policy.parameters import Parameters
from services.compliance.policy.policy_timeline import policy_known
from services.compliance.policy.portal_change_terms import PortalChange, PortalChanges
from shared.events.envelope import Fact
from shared.events.facts import (
    AttemptScored,
    CertificationRecognised,
    CertificationRevoked,
    ConsultantCertified,
    ConsultantLeft,
    ConsultantLinked,
    CourseCompleted,
    EnrolmentFact,
    ExamRegistered,
    FactVoided,
    GrantStatement,
    MaintenanceCompleted,
    PartnerClosed,
    PartnersMerged,
    Period,
    PolicyRevised,
    PortalChangeCorrected,
    PortalChangeDeclared,
    RevocationOrdered,
    ScoreCorrected,
)
from shared.rules.active_links import contradicted

PersonAndProduct = tuple[str, str]
_OF_ENROLMENT: Final = get_args(EnrolmentFact)


def partner_of(fact: Fact) -> str:
    """The partner that the fact is about; "" where it is about none."""
    partner_id: str = getattr(fact.data, "partner_id", "")
    return partner_id


class KnownFacts:
    """Facts in log order, without the voided ones. `voided`: those.

    Each list is in log order; of decisions the last statement is kept. `registrations`: what stands under an id.
    """

    def __init__(self, facts: Iterable[Fact], parameters: Parameters) -> None:
        known = list(facts)
        voids = {fact.data.fact_id for fact in known if isinstance(fact.data, FactVoided)}
        self.voided = [fact for fact in known if fact.fact_id in voids]
        self.links: dict[str, list[Fact]] = {}
        self.endings: dict[str, list[Fact]] = {}
        self.of_partner: dict[str, list[Fact]] = {}
        self.courses: dict[tuple[str, str, str | None], list[Fact]] = {}
        self.recognitions: dict[PersonAndProduct, list[Fact]] = {}
        self.revocations: dict[PersonAndProduct, list[Fact]] = {}
        self.registrations: dict[str, Fact] = {}
        self.scores: dict[str, list[Fact]] = {}
        self.corrections: dict[str, list[Fact]] = {}
        self.declared: dict[str, Fact] = {}
        self.terms_corrected: dict[str, list[Fact]] = {}
        self.grants: dict[str, GrantStatement] = {}
        self.completions: dict[tuple[str, str, str], tuple[Period, ...]] = {}
        self.policy = policy_known(known, parameters)
        self.revisions = [fact for fact in known if isinstance(fact.data, PolicyRevised) and fact.fact_id not in voids]
        self._timelines: dict[str, EnrolmentTimeline] = {}
        for fact in known:
            if fact.fact_id not in voids:
                self._add(fact)

    def _add(self, fact: Fact) -> None:
        match fact.data:
            case ConsultantLinked(_, consultant_id) | ConsultantLeft(_, consultant_id):
                self.links.setdefault(consultant_id, []).append(fact)
            case PortalChangeDeclared(change_id):
                self.declared[change_id] = fact
            case PortalChangeCorrected(change_id):
                self.terms_corrected.setdefault(change_id, []).append(fact)
            case ConsultantCertified() | CertificationRevoked() as grant:
                self.grants[grant.grant_id] = grant
            case MaintenanceCompleted(consultant_id, product, change_id, periods):
                self.completions[consultant_id, product, change_id] = periods
            case _ if isinstance(fact.data, _OF_ENROLMENT):
                self.of_partner.setdefault(partner_of(fact), []).append(fact)
                if isinstance(fact.data, PartnerClosed | PartnersMerged):
                    self.endings.setdefault(partner_of(fact), []).append(fact)
            case _:
                self._add_about_certification(fact)

    def _add_about_certification(self, fact: Fact) -> None:
        match fact.data:
            case CourseCompleted(consultant_id, product, change):
                self.courses.setdefault((consultant_id, product, change), []).append(fact)
            case CertificationRecognised(consultant_id, product):
                self.recognitions.setdefault((consultant_id, product), []).append(fact)
            case RevocationOrdered(consultant_id, product):
                self.revocations.setdefault((consultant_id, product), []).append(fact)
            case ExamRegistered(registration_id):
                self.registrations[registration_id] = fact
            case AttemptScored(registration_id):
                self.scores.setdefault(registration_id, []).append(fact)
            case ScoreCorrected(registration_id):
                self.corrections.setdefault(registration_id, []).append(fact)
            case _:
                pass

    # What follows ----------------------------------------------------------------------------

    @cached_property
    def undone(self) -> frozenset[str]:
        """The ids of mergers that never came about (R35)."""
        return contradicted(fact for endings in self.endings.values() for fact in endings)

    @cached_property
    def contested(self) -> frozenset[str]:
        """The ids of the endings without which another merger of the instant may come about differently (R35)."""
        found: set[str] = set()
        endings = [fact for endings in self.endings.values() for fact in endings]
        endings.sort(key=attrgetter("effective_at", "position"))
        for _, simultaneous in groupby(endings, attrgetter("effective_at")):
            group = list(simultaneous)
            named = {fact.data.into for fact in group if isinstance(fact.data, PartnersMerged)}
            last: dict[str, str] = {}
            for fact in group:
                if partner_of(fact) in named or partner_of(fact) in last:
                    found.add(fact.fact_id)
                found.discard(last.get(partner_of(fact), ""))
                last[partner_of(fact)] = fact.fact_id
        return frozenset(found - self.undone)

    def timeline(self, partner_id: str) -> EnrolmentTimeline:
        """The enrolments of a partner."""
        found = self._timelines.get(partner_id)
        if found is None:
            found = self._timelines[partner_id] = EnrolmentTimeline(self.policy)
            for fact in self.of_partner.get(partner_id, ()):
                if fact.fact_id not in self.undone:
                    found.add(fact)
            found.refresh()
        return found

    def employment_facts(self, consultant_id: str) -> list[Fact]:
        """The links and departures of a person, and the endings of every partner that its links can lead to."""
        own = self.links.get(consultant_id, [])
        reached: set[str] = set()
        to_follow = [partner_of(fact) for fact in own if isinstance(fact.data, ConsultantLinked)]
        found = list(own)
        while to_follow:
            partner_id = to_follow.pop()
            if partner_id in reached:
                continue
            reached.add(partner_id)
            for ending in self.endings.get(partner_id, ()):
                found.append(ending)
                if isinstance(ending.data, PartnersMerged):
                    to_follow.append(ending.data.into)
        return found

    @cached_property
    def grants_of(self) -> Mapping[PersonAndProduct, list[GrantStatement]]:
        """The grants of each person and product."""
        found: dict[PersonAndProduct, list[GrantStatement]] = {}
        for grant in self.grants.values():
            found.setdefault((grant.consultant_id, grant.product), []).append(grant)
        return found

    @cached_property
    def portal_changes(self) -> Mapping[str, PortalChange]:
        """The portal changes that are declared, with the terms in force (R38)."""
        changes = PortalChanges()
        for fact in (*self.declared.values(), *chain.from_iterable(self.terms_corrected.values())):
            changes.add(fact)
        in_force = (changes.in_force(change_id) for change_id in self.declared)
        return {change.portal_change_id: change for change in in_force if change is not None}

    @cached_property
    def obligations(self) -> Mapping[str, list[Obligation]]:
        """The significant portal changes of each product, in order (R25)."""
        found: dict[str, list[Obligation]] = {}
        for change in self.portal_changes.values():
            for product in change.products if change.significant else ():
                found.setdefault(product, []).append(Obligation.of(change, product))
        for obligations in found.values():
            obligations.sort()
        return found

    def attempts(self, subject: PersonAndProduct) -> Iterator[Fact]:
        """The scored attempts of the exams of a person for a product, maintenance assessments aside."""
        for registration_id in self._exams.get(subject, ()):
            yield from self.scores.get(registration_id, ())

    @cached_property
    def _exams(self) -> Mapping[PersonAndProduct, list[str]]:
        found: dict[PersonAndProduct, list[str]] = {}
        for registration_id, fact in self.registrations.items():
            if isinstance(fact.data, ExamRegistered) and fact.data.portal_change_id is None:
                found.setdefault((fact.data.consultant_id, fact.data.product), []).append(registration_id)
        return found
