"""Answers as of an instant, from nothing but the facts given: no projection, no clock."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from services.compliance.policy.certification import Certification, endings
from services.compliance.policy.counting import Employment, contradicted
from services.compliance.policy.enrolment import Enrolment, enrolment_at, enrolments
from services.compliance.policy.history import future
from services.compliance.policy.knowledge import Knowledge
from services.compliance.policy.parameters import Parameters
from services.compliance.policy.standing import CertificationAnswer, Reason, Stretch
from services.compliance.policy.windows import Sweep
from shared.events.envelope import Fact
from shared.events.facts import FactVoided, PartnerClosed, PartnersMerged, PortalChangeDeclared, RevocationOrdered


def _known(facts: Iterable[Fact], partner_id: str, parameters: Parameters) -> Knowledge:
    knowledge = Knowledge(partner_id, parameters)
    for fact in facts:
        knowledge.add(fact)
    return knowledge


def partner_stretch(
    facts: Iterable[Fact], partner_id: str, product: str, at: datetime, parameters: Parameters
) -> Stretch | None:
    """How the partner stands for the product at `at`, judged from these facts alone (R31).

    `facts`: those routed to the partner, in log order. None if none of them mentions the partner.
    """
    return next(iter(partner_stretches(facts, partner_id, product, at, parameters)), None)


def partner_stretches(
    facts: Iterable[Fact], partner_id: str, product: str, at: datetime, parameters: Parameters
) -> list[Stretch]:
    """`partner_stretch`, and the stretches that follow without further facts; empty where it is None."""
    knowledge = _known(facts, partner_id, parameters)
    if not knowledge.mentioned:
        return []
    sweep = Sweep(product, parameters)
    sweep.set_enrolments(knowledge.enrolments())
    for consultant_id in knowledge.persons:
        for span in knowledge.view(consultant_id).counted.get(product, ()):
            sweep.set_movement(span.start, consultant_id, True, span.start_facts)
            if span.end is not None:
                sweep.set_movement(span.end, consultant_id, False, span.end_facts)
    sweep.advance(at)
    return future(sweep, at)


def certification_answer(
    facts: Iterable[Fact], consultant_id: str, product: str, at: datetime, parameters: Parameters
) -> CertificationAnswer:
    """Whether the consultant is certified for the product and may use the portal for it, at `at` (R1).

    `facts`: those routed to the consultant, in log order: its own, with the revocations, the declarations of portal
    changes, and the facts about every partner that its links can lead to.
    """
    known = list(facts)
    knowledge = _known(known, "", parameters)
    certification = _certification(known, knowledge, consultant_id, product)
    work = knowledge.employments(consultant_id) if consultant_id in knowledge.persons else []
    partners = {employment.counts_for for employment in work} - {None}
    timelines = {partner: _known(known, partner, parameters).enrolments() for partner in partners if partner}
    says = _says(certification, work, timelines, at)
    changes = certification.instants() | {employment.start for employment in work}
    changes |= {enrolment.start for timeline in timelines.values() for enrolment in timeline}
    later = sorted(instant for instant in changes if instant > at)
    next_change_at = next((one for one in later if _says(certification, work, timelines, one) != says), None)
    return CertificationAnswer(*says, next_change_at)


def _certification(known: list[Fact], knowledge: Knowledge, consultant_id: str, product: str) -> Certification:
    voided = _voided(known)
    revocations = [
        fact
        for fact in known
        if isinstance(fact.data, RevocationOrdered)
        and (fact.data.consultant_id, fact.data.product) == (consultant_id, product)
        and fact.fact_id not in voided
    ]
    if consultant_id not in knowledge.persons:
        return Certification(product, (), (), endings(product, (), revocations))
    return Certification(
        product,
        knowledge.spans(consultant_id, product),
        knowledge.lapses(consultant_id, product),
        endings(product, knowledge.periods(consultant_id, product), revocations),
    )


def _voided(facts: Iterable[Fact]) -> set[str]:
    return {fact.data.fact_id for fact in facts if isinstance(fact.data, FactVoided)}


def _employment_at(work: Iterable[Employment], at: datetime) -> Employment | None:
    """The one with which the person began to count where it does at `at`, whatever other links came and went since."""
    found = None
    for employment in work:
        if employment.start <= at and (found is None or employment.counts_for != found.counts_for):
            found = employment
    return found


def _says(
    certification: Certification, work: list[Employment], timelines: dict[str, list[Enrolment]], at: datetime
) -> tuple[bool, bool, tuple[Reason, ...]]:
    """(certified, portal user, why) at an instant: what an answer shows, and changes with."""
    certified, reason = certification.at(at)
    if not certified:
        return False, False, (reason,)
    portal_user, portal_reason = _portal(_employment_at(work, at), timelines, at)
    return True, portal_user, (reason, portal_reason)


def _portal(employment: Employment | None, timelines: dict[str, list[Enrolment]], at: datetime) -> tuple[bool, Reason]:
    """Whether somebody certified may use the portal, and why (R1)."""
    if employment is None or employment.counts_for is None:
        facts = () if employment is None else employment.facts
        return False, Reason("R1", "No portal use: not linked to a partner.", facts)
    enrolment = enrolment_at(timelines[employment.counts_for], at)
    facts = employment.facts + (() if enrolment is None else enrolment.programme_facts)
    if enrolment is not None and enrolment.enrolled:
        return True, Reason("R1", f"Counted for {employment.counts_for}, which is enrolled.", facts)
    return False, Reason("R1", f"No portal use: {employment.counts_for} is not enrolled.", facts)


class Declaration(NamedTuple):
    """A portal change as it was declared: what changes, when it was announced, and the fact that says so."""

    change: PortalChangeDeclared
    announced_at: datetime
    fact_id: str


def declaration_in_force(facts: Iterable[Fact], portal_change_id: str) -> Declaration | None:
    """The declaration of a portal change that is not voided; None if there is none (R33).

    `facts`: among them every declaration of the change, in log order, with their voids. One stands at a time (R34).
    """
    standing: Declaration | None = None
    for fact in facts:
        match fact.data:
            case PortalChangeDeclared() as change if change.portal_change_id == portal_change_id:
                standing = Declaration(change, fact.effective_at, fact.fact_id)
            case FactVoided(fact_id) if standing is not None and standing.fact_id == fact_id:
                standing = None
            case _:
                pass
    return standing


def notified_partners(
    facts: Iterable[Fact], portal_change_id: str, at: datetime, parameters: Parameters
) -> list[str] | None:
    """The partners to whom the portal change is communicated: those enrolled at its announcement (R27), sorted.

    `facts`: its declarations, every fact about a partner, and voids. None if no fact mentions it. Empty
    where only a training or an assessment names it yet, before the announcement, for a minor change (R25)
    and while its declaration is voided and not recorded again (R33).
    """
    known = list(facts)
    if not any(getattr(fact.data, "portal_change_id", None) == portal_change_id for fact in known):
        return None
    in_force = declaration_in_force(known, portal_change_id)
    if in_force is None or not in_force.change.significant or at < in_force.announced_at:
        return []
    voided = _voided(known)
    standing = [fact for fact in known if fact.fact_id not in voided]
    undone = contradicted(fact for fact in standing if isinstance(fact.data, PartnerClosed | PartnersMerged))
    by_partner: dict[str, list[Fact]] = {}
    for fact in standing:
        partner_id = getattr(fact.data, "partner_id", None)
        if partner_id is not None and fact.fact_id not in undone:
            by_partner.setdefault(partner_id, []).append(fact)
    notified = []
    for partner_id, about in by_partner.items():
        enrolment = enrolment_at(enrolments(about, parameters), in_force.announced_at)
        if enrolment is not None and enrolment.enrolled:
            notified.append(partner_id)
    return sorted(notified)
