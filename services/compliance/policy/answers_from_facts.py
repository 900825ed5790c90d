"""Answers as of an instant, from nothing but the facts given: no projection, no clock."""

from bisect import bisect_right
from collections.abc import Container, Iterable, Iterator, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Final

import msgspec

from services.compliance.policy.certification import Certification, endings
from services.compliance.policy.enrolment import EnrolmentTimeline
from services.compliance.policy.explanation_grounds import Grounds
from services.compliance.policy.forecast import ForecastSegment, forecast
from services.compliance.policy.link_changes import Employment
from services.compliance.policy.parameters import Parameters
from services.compliance.policy.partner_facts import PartnerFacts
from services.compliance.policy.policy_timeline import PolicyTimeline
from services.compliance.policy.portal_change_terms import portal_change_in_force
from services.compliance.policy.reason import Reason
from services.compliance.policy.sweep import Sweep
from shared.events.compliance_events import Window
from shared.events.envelope import Fact
from shared.events.facts import FactVoided, PartnerClosed, PartnersMerged, PolicyRevised, RevocationOrdered
from shared.rules.active_links import contradicted


class CertificationAnswer(msgspec.Struct, frozen=True):
    """Whether a person is certified for a product and may use the portal for it (R1, R4, R24, R26)."""

    certified: bool
    portal_user: bool
    reasons: tuple[Reason, ...]
    next_change_at: datetime | None


def partner_segment(
    facts: Iterable[Fact], partner_id: str, product: str, at: datetime, parameters: Parameters
) -> ForecastSegment | None:
    """How the partner stands for the product at `at`, judged from these facts alone (R31).

    `facts`: those routed to the partner, in log order. None if none of them mentions the partner.
    """
    return next(partner_forecast(facts, partner_id, product, at, parameters), None)


def partner_segments(
    facts: Iterable[Fact], partner_id: str, products: Iterable[str], at: datetime, parameters: Parameters
) -> list[tuple[str, ForecastSegment]]:
    """`partner_segment` of each of the products; empty if no fact mentions the partner."""
    found = partner_known(facts, partner_id, products, at, parameters)
    return [] if found is None else [(product, next(segments)) for product, segments in found[1].items()]


def partner_forecast(
    facts: Iterable[Fact], partner_id: str, product: str, at: datetime, parameters: Parameters
) -> Iterator[ForecastSegment]:
    """`partner_segment`, then each segment that follows if no fact comes; empty if no fact mentions the partner.

    Segments are derived one by one as they are taken, at a cost that grows with the headcount and the windows.
    """
    found = partner_known(facts, partner_id, (product,), at, parameters)
    return iter(()) if found is None else found[1][product]


def partner_known(
    facts: Iterable[Fact], partner_id: str, products: Iterable[str], at: datetime, parameters: Parameters
) -> tuple[PartnerFacts, dict[str, Iterator[ForecastSegment]]] | None:
    """All that is known of the partner, and its `partner_forecast` of each product, from one pass through the facts.

    None if no fact mentions the partner.
    """
    partner_facts = _known(facts, partner_id, parameters)
    if partner_facts is None:
        return None
    return partner_facts, {product: forecast(_sweep(partner_facts, product, at), at) for product in products}


def partner_grounds(
    facts: Iterable[Fact], partner_id: str, product: str, at: datetime, parameters: Parameters
) -> tuple[Grounds, ForecastSegment] | None:
    """What explains the segment that contains `at`, and the segment; None if no fact mentions the partner."""
    partner_facts = _known(facts, partner_id, parameters)
    if partner_facts is None:
        return None
    sweep = _sweep(partner_facts, product, at)
    grounds = Grounds(product, at, sweep.situation(), dict(partner_facts.people()))
    return grounds, next(forecast(sweep, at))


def partner_windows(
    facts: Iterable[Fact], partner_id: str, products: Iterable[str], at: datetime, parameters: Parameters
) -> list[tuple[str, list[tuple[Window, Window]]]]:
    """By product, every window that opened by `at`, in opening order: as it is then, and as it ends if no fact comes.

    Empty if no fact mentions the partner.
    """
    partner_facts = _known(facts, partner_id, parameters)
    if partner_facts is None:
        return []
    return [(product, _windows(_sweep(partner_facts, product, at))) for product in products]


def _windows(sweep: Sweep) -> list[tuple[Window, Window]]:
    present = last = sweep.situation()
    windows = present.windows()
    for _, situation in sweep.forecast():
        last = situation
    return list(zip(windows, last.windows(), strict=False))


def _known(facts: Iterable[Fact], partner_id: str, parameters: Parameters) -> PartnerFacts | None:
    partner_facts = PartnerFacts(partner_id, parameters, facts)
    if not partner_facts.mentioned:
        return None
    partner_facts.refresh_partner()
    return partner_facts


def _sweep(partner_facts: PartnerFacts, product: str, at: datetime) -> Sweep:
    sweep = Sweep(product, partner_facts.policy, partner_facts.timeline)
    for consultant_id, person in partner_facts.people():
        sweep.set_times(consultant_id, (), person.counted(product))
    sweep.advance(at)
    return sweep


def certification_answer(
    facts: Iterable[Fact], consultant_id: str, product: str, at: datetime, parameters: Parameters
) -> CertificationAnswer:
    """Whether the consultant is certified for the product and may use the portal for it, at `at` (R1).

    `facts`: those routed to the consultant, in log order: its own, with the revocations, the declarations of portal
    changes, and the facts about every partner that its links can lead to.
    """
    known = list(facts)
    partner_facts = PartnerFacts("", parameters, known)
    person = partner_facts.person(consultant_id)
    certification = _certification(known, partner_facts, consultant_id, product)
    work = [] if person is None else _where_counted(person.employments)
    partners = {employment.counts_for for employment in work if employment.counts_for is not None}
    timelines = _timelines(known, partners, parameters)
    says = _says(certification, work, timelines, at)
    changes = certification.instants()
    if says[0]:
        changes |= {employment.start for employment in work}
        changes |= {start for timeline in timelines.values() for start in timeline.starts}
    later = sorted(instant for instant in changes if instant > at)
    changed = (instant for instant in later if _says(certification, work, timelines, instant) != says)
    next_change_at = next(changed, None)
    return CertificationAnswer(*says, next_change_at)


def _where_counted(employments: Iterable[Employment]) -> list[Employment]:
    """The employments with which the person began to count at another partner, or at none."""
    found: list[Employment] = []
    for employment in employments:
        if not found or employment.counts_for != found[-1].counts_for:
            found.append(employment)
    return found


def _timelines(known: Iterable[Fact], partners: Container[str], parameters: Parameters) -> dict[str, EnrolmentTimeline]:
    """The enrolments of these partners, as far as any fact is about them."""
    policy = PolicyTimeline(parameters)
    by_partner: dict[str, list[Fact]] = {}
    for fact in _came_about(list(known)):
        if isinstance(fact.data, PolicyRevised):
            policy.add(fact, fact.data)
        partner_id = getattr(fact.data, "partner_id", None)
        if partner_id is not None and partner_id in partners:
            by_partner.setdefault(partner_id, []).append(fact)
    timelines = {partner_id: EnrolmentTimeline(policy) for partner_id in by_partner}
    for partner_id, about in by_partner.items():
        for fact in about:
            timelines[partner_id].add(fact)
        timelines[partner_id].refresh()
    return timelines


def _came_about(known: Sequence[Fact]) -> list[Fact]:
    """The facts that are not voided, without mergers that never came about (R33, R35)."""
    voided = _voided(known)
    standing = [fact for fact in known if fact.fact_id not in voided]
    undone = contradicted(fact for fact in standing if isinstance(fact.data, PartnerClosed | PartnersMerged))
    return [fact for fact in standing if fact.fact_id not in undone]


def _certification(known: list[Fact], partner_facts: PartnerFacts, consultant_id: str, product: str) -> Certification:
    voided = _voided(known)
    revocations = [
        fact
        for fact in known
        if isinstance(fact.data, RevocationOrdered)
        and (fact.data.consultant_id, fact.data.product) == (consultant_id, product)
        and fact.fact_id not in voided
    ]
    person = partner_facts.person(consultant_id)
    stated = None if person is None else person.certification(product)
    if stated is None:
        return Certification(product, (), (), endings(product, (), revocations))
    return Certification(
        product,
        stated.certified,
        stated.lapses(partner_facts.obligations(product)),
        endings(product, stated.periods(), revocations),
    )


def _voided(facts: Iterable[Fact]) -> set[str]:
    return {fact.data.fact_id for fact in facts if isinstance(fact.data, FactVoided)}


def _says(
    certification: Certification, work: list[Employment], timelines: dict[str, EnrolmentTimeline], at: datetime
) -> tuple[bool, bool, tuple[Reason, ...]]:
    """(certified, portal user, reasons) at an instant: the answer, whose next change is looked for."""
    certified, reason = certification.at(at)
    if not certified:
        return False, False, (reason,)
    known = bisect_right(work, at, key=_start)
    portal_user, portal_reason = _portal(work[known - 1] if known else None, timelines, at)
    return True, portal_user, (reason, portal_reason)


_start: Final = attrgetter("start")


def _portal(
    employment: Employment | None, timelines: dict[str, EnrolmentTimeline], at: datetime
) -> tuple[bool, Reason]:
    """Whether a certified person may use the portal, and why (R1)."""
    if employment is None or employment.counts_for is None:
        facts = () if employment is None else employment.facts
        return False, Reason("R1", "No portal use: not linked to a partner.", facts)
    timeline = timelines.get(employment.counts_for)
    enrolment = None if timeline is None else timeline.at(at)
    facts = employment.facts + (() if enrolment is None else enrolment.programme_facts)
    if enrolment is not None and enrolment.enrolled:
        return True, Reason("R1", f"Counted for {employment.counts_for}, which is enrolled.", facts)
    return False, Reason("R1", f"No portal use: {employment.counts_for} is not enrolled.", facts)


def notified_partners(
    facts: Iterable[Fact], portal_change_id: str, at: datetime, parameters: Parameters
) -> list[str] | None:
    """The partners to whom the portal change is communicated: those enrolled at its announcement (R27), sorted.

    `facts`: its declarations and corrections, revisions of the policy, every fact about a partner, and voids. None if
    no fact mentions it. Empty where only a correction, a training or an assessment names it yet, before the
    announcement, for a minor change (R25)
    and while its declaration is voided and not recorded again (R33).
    """
    known = list(facts)
    if not any(getattr(fact.data, "portal_change_id", None) == portal_change_id for fact in known):
        return None
    in_force = portal_change_in_force(known, portal_change_id)
    if in_force is None or not in_force.significant or at < in_force.announced_at:
        return []
    partners = {partner_id for fact in known if (partner_id := getattr(fact.data, "partner_id", None)) is not None}
    notified = []
    for partner_id, timeline in _timelines(known, partners, parameters).items():
        enrolment = timeline.at(in_force.announced_at)
        if enrolment is not None and enrolment.enrolled:
            notified.append(partner_id)
    return sorted(notified)
