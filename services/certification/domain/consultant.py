"""A consultant: what is known of one person, and the decisions that follow from it (R4, R25, R32, R33, R37)."""

from collections.abc import Mapping
from datetime import datetime
from typing import assert_never

import msgspec

from services.certification.domain.fact_report import FactReport, Recorded
from services.certification.domain.rules.grants import grants, statement
from services.certification.domain.rules.maintenance_completions import completions
from shared.events.envelope import Fact
from shared.events.facts import (
    AboutConsultant,
    CertificationRecognised,
    CertificationRevoked,
    ConsultantCertified,
    CourseCompleted,
    Decision,
    ExamRegistered,
    FactVoided,
    MaintenanceCompleted,
    RevocationOrdered,
)

Subject = tuple[str, ...]
"""What a statement is about: one grant, or maintenance of one product for one portal change."""


class Consultant(msgspec.Struct, frozen=True):
    """One person.

    `standing`: the reported facts about the person and their registrations that were not voided, in log order.
    `published`: the last statement of each subject.
    """

    consultant_id: str
    standing: tuple[Fact, ...] = ()
    published: Mapping[Subject, Decision] = {}


def decide(report: FactReport, data: AboutConsultant, now: datetime) -> Recorded:
    """Accepts every fact about a consultant: they arrive in any order (R35)."""
    match data:
        case CourseCompleted() | CertificationRecognised() | RevocationOrdered():
            return Recorded(report.fact(now))
        case _:
            assert_never(data)


def evolve(consultant: Consultant, *facts: Fact) -> Consultant:
    """The consultant after facts about them or their registrations, in log order.

    A registration of somebody else under an id that was once the consultant's concerns somebody else (R33).
    """
    standing = {fact.fact_id: fact for fact in consultant.standing}
    published = dict(consultant.published)
    for fact in facts:
        match fact.data:
            case FactVoided(fact_id):
                standing.pop(fact_id, None)
            case ExamRegistered(consultant_id=whose) if whose != consultant.consultant_id:
                pass
            case ConsultantCertified() | CertificationRevoked() | MaintenanceCompleted() as decision:
                published[subject(decision)] = decision
            case _:
                standing[fact.fact_id] = fact
    return Consultant(consultant.consultant_id, tuple(standing.values()), published)


def follow(consultant: Consultant, fact: Fact) -> tuple[Decision, ...]:
    """The decisions that follow from a new fact: what can be stated now and differs from the last statement.

    A subject that nothing speaks for any more is restated without a period, once.
    """
    before = consultant.published
    now: dict[Subject, Decision] = {}
    facts = evolve(consultant, fact).standing
    for decision in (*grants(facts), *completions(facts)):
        now[subject(decision)] = decision
    for key, published in before.items():
        now.setdefault(key, _emptied(published))
    return tuple(decision for key, decision in sorted(now.items()) if decision != before.get(key))


def subject(decision: Decision) -> Subject:
    """What the decision is about; a later decision about the same replaces it."""
    match decision:
        case ConsultantCertified() | CertificationRevoked():
            return (decision.grant_id,)
        case MaintenanceCompleted():
            return (decision.product, decision.portal_change_id)
        case _:
            assert_never(decision)


def _emptied(published: Decision) -> Decision:
    match published:
        case ConsultantCertified() | CertificationRevoked():
            return statement(
                published.consultant_id, published.product, published.grant_id, published.granted_at, periods=()
            )
        case MaintenanceCompleted():
            return MaintenanceCompleted(
                published.consultant_id, published.product, published.portal_change_id, periods=()
            )
        case _:
            assert_never(published)
