"""A history as certification records it: every fact put to its pure rules, with the decisions that follow."""

from collections.abc import Iterable, Sequence
from dataclasses import fields
from itertools import chain
from typing import assert_never

from services.certification.domain import consultant, exam_registration, partner, policy_revision, portal_change, void
from services.certification.domain.consultant import Consultant
from services.certification.domain.exam_registration import ExamRegistration
from services.certification.domain.fact_report import FactReport, Recorded, Repeated, StatedScore, decided
from services.certification.domain.policy_revision import NO_REVISION
from services.certification.domain.portal_change import PortalChange
from services.certification.domain.void import standing
from services.web.refusal import Refusal
from shared.events import facts as contract
from shared.events.envelope import Fact
from shared.events.facts import (
    AttemptScored,
    CertificationRecognised,
    ConsultantLeft,
    ConsultantLinked,
    CourseCompleted,
    ExamRegistered,
    FactVoided,
    Minimum,
    PartnerClosed,
    PartnerEnrolled,
    PartnerKindChanged,
    PartnerProgrammeChanged,
    PartnersMerged,
    PolicyRevised,
    PortalChangeCorrected,
    PortalChangeDeclared,
    Reported,
    RevocationOrdered,
    ScoreCorrected,
)
from tests.oracle.histories import History
from tests.oracle.rules import facts as oracle

Group = tuple[Fact, ...]
"""Facts appended together; empty where certification refused the report or knew it already."""

NAMES = {
    "partner": "partner_id",
    "consultant": "consultant_id",
    "registration": "registration_id",
    "change": "portal_change_id",
    "policy": "policy_id",
    "voided": "fact_id",
}


def recorded(history: History) -> list[Group]:
    """For each fact of the history, what the log then holds because of it."""
    groups: list[Group] = []
    for told in history:
        try:
            groups.append(appended(everything(groups), told))
        except Refusal:
            groups.append(())
    return groups


def everything(groups: Iterable[Group]) -> list[Fact]:
    """The log that the groups make up."""
    return list(chain.from_iterable(groups))


def data_of(told: oracle.Fact) -> Reported:
    """The same in the words of the event contract. Raises `NoSuchAttempt` (R5)."""
    given = {
        NAMES.get(field.name, field.name): getattr(told, field.name)
        for field in fields(told)
        if field.name not in ("fact_id", "effective_at", "recorded_at")
    }
    if isinstance(told, oracle.PortalChangeDeclared):
        given["summary"] = "a change"
    if isinstance(told, oracle.PolicyRevised) and told.minimum is not None:
        given["minimum"] = Minimum(told.minimum.get("VAR"), told.minimum.get("DEVELOPER"))
    if "attempt" in given:
        given["attempt"] = exam_registration.attempt_number(given["attempt"])
    data: Reported = getattr(contract, type(told).__name__)(**given)
    return data


def appended(log: Sequence[Fact], told: oracle.Fact) -> Group:
    """What the log holds more after this report; nothing where it was known before. Raises `Refusal`."""
    report = FactReport(fact_id=told.fact_id, data=data_of(told), effective_at=told.effective_at)
    outcome = _decide(log, report, told)
    if isinstance(outcome, Repeated):
        return ()
    group = [outcome.fact]
    whose = consultant_of(log, outcome.fact)
    if whose is not None:
        state = Consultant(whose)
        for fact in facts_about(log, whose, outcome.fact):
            state = consultant.evolve(state, fact)
        group += decided(outcome.fact, consultant.follow(state, outcome.fact))
    first, last = len(log) + 1, len(log) + len(group)
    return tuple(
        Fact(
            fact_id=fact.fact_id,
            effective_at=fact.effective_at,
            recorded_at=fact.recorded_at,
            data=fact.data,
            position=position,
            append_position=last,
            causation_id=fact.causation_id,
        )
        for position, fact in enumerate(group, start=first)
    )


def _decide(log: Sequence[Fact], report: FactReport, told: oracle.Fact) -> Recorded | Repeated:
    now = told.recorded_at
    match report.data:
        case (
            PartnerEnrolled()
            | PartnerKindChanged()
            | PartnerProgrammeChanged()
            | PartnerClosed()
            | PartnersMerged()
            | ConsultantLinked()
            | ConsultantLeft()
        ) as data:
            return partner.decide(report, data, now)
        case CourseCompleted() | CertificationRecognised() | RevocationOrdered() as data:
            return consultant.decide(report, data, now)
        case ExamRegistered() | AttemptScored() | ScoreCorrected() as data:
            registration = ExamRegistration()
            for fact in stream_of(data.registration_id, log):
                registration = exam_registration.evolve(registration, fact)
            return exam_registration.decide(registration, report, data, now)
        case PortalChangeDeclared(portal_change_id=change) | PortalChangeCorrected(portal_change_id=change) as data:
            declared = PortalChange()
            own = [fact for fact in log if isinstance(fact.data, PortalChangeDeclared | PortalChangeCorrected)]
            for fact in with_voids([fact for fact in own if getattr(fact.data, "portal_change_id", "") == change], log):
                declared = portal_change.evolve(declared, fact)
            return portal_change.decide(declared, report, data, now)
        case PolicyRevised(policy_id=policy) as data:
            revision = NO_REVISION
            own = [fact for fact in log if isinstance(fact.data, PolicyRevised) and fact.data.policy_id == policy]
            for fact in with_voids(own, log):
                revision = policy_revision.evolve(revision, fact)
            return policy_revision.decide(revision, report, data, now)
        case FactVoided() as data:
            return void.decide(log, report, data, now)
        case StatedScore():
            raise NotImplementedError("a history says what happened")
        case _:
            assert_never(report.data)


def stream_of(registration_id: str, log: Sequence[Fact]) -> list[Fact]:
    """The facts of a registration and their voids."""
    return with_voids([fact for fact in log if getattr(fact.data, "registration_id", None) == registration_id], log)


def with_voids(facts: Iterable[Fact], log: Sequence[Fact]) -> list[Fact]:
    """The facts and their voids, in log order."""
    own = {fact.fact_id for fact in facts}
    return [fact for fact in log if fact.fact_id in own or getattr(fact.data, "fact_id", None) in own]


def consultant_of(log: Sequence[Fact], fact: Fact) -> str | None:
    """Whom the fact is about: directly, by a registration that stands (R33), or as the void of such a fact."""
    match fact.data:
        case FactVoided(fact_id=voided):
            return consultant_of(log, next(other for other in log if other.fact_id == voided))
        case AttemptScored(registration_id=registration) | ScoreCorrected(registration_id=registration):
            registered = [fact.data for fact in standing(stream_of(registration, log))]
            return next((data.consultant_id for data in registered if isinstance(data, ExamRegistered)), None)
        case _:
            return getattr(fact.data, "consultant_id", None)


def facts_about(log: Sequence[Fact], consultant_id: str, newest: Fact) -> list[Fact]:
    """Everything about the person, and the whole streams of their registrations, in log order, as the event store
    loads it: a registration that is just being recorded brings along what waited for it (R35), one that was voided
    brings along whoever is registered under its id now (R33)."""
    known = [*log, newest]
    registered = [fact.data for fact in known if isinstance(fact.data, ExamRegistered)]
    streams = [stream_of(data.registration_id, log) for data in registered if data.consultant_id == consultant_id]
    wanted = {fact.fact_id for stream in streams for fact in stream}
    return [fact for fact in log if fact.fact_id in wanted or consultant_of(known, fact) == consultant_id]
