"""What is known: the facts recorded by some time, without those that are void or say nothing new."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sagecert_verify.rules.facts import (
    AttemptScored,
    CertificationRecognised,
    ConsultantLeft,
    ConsultantLinked,
    CourseCompleted,
    ExamRegistered,
    Fact,
    FactVoided,
    PartnerClosed,
    PartnerEnrolled,
    PartnerKindChanged,
    PartnerProgrammeChanged,
    PartnersMerged,
    PortalChangeDeclared,
    RevocationOrdered,
)


def known_by(facts: Iterable[Fact], known_at: datetime) -> list[Fact]:
    """The facts recorded by `known_at`, in log order (R31)."""
    return [fact for fact in facts if fact.recorded_at <= known_at]


def in_force(facts: Sequence[Fact]) -> list[Fact]:
    """The facts that count, in log order.

    One (registration, attempt) is one score, and a registration and a portal change are recorded once: while one
    stands, whatever comes under the same name is none (R34). A void takes a fact away for all time and leaves its
    place free: what comes under the name after the void stands (R33). Attempts other than 1 and 2 do not exist (R5).
    """
    standing: list[Fact] = []
    for fact in facts:
        if isinstance(fact, FactVoided):
            standing = [other for other in standing if other.fact_id != fact.voided]
        elif isinstance(fact, AttemptScored) and fact.attempt not in (1, 2):
            continue
        elif not any(same_name(fact, other) for other in standing):
            standing.append(fact)
    return standing


def partners_mentioned(facts: Iterable[Fact]) -> set[str]:
    """Every partner that some fact names; a voided fact still names it."""
    named: set[str] = set()
    for fact in facts:
        match fact:
            case PartnersMerged(partner=partner, into=into):
                named |= {partner, into}
            case (
                PartnerEnrolled(partner=partner)
                | PartnerKindChanged(partner=partner)
                | PartnerProgrammeChanged(partner=partner)
                | PartnerClosed(partner=partner)
                | ConsultantLinked(partner=partner)
                | ConsultantLeft(partner=partner)
            ):
                named.add(partner)
    return named


def consultants_mentioned(facts: Iterable[Fact]) -> set[str]:
    """Every consultant that some fact names; a voided fact still names them."""
    named: set[str] = set()
    for fact in facts:
        match fact:
            case (
                ConsultantLinked(consultant=consultant)
                | ConsultantLeft(consultant=consultant)
                | CourseCompleted(consultant=consultant)
                | ExamRegistered(consultant=consultant)
                | CertificationRecognised(consultant=consultant)
                | RevocationOrdered(consultant=consultant)
            ):
                named.add(consultant)
    return named


def same_name(fact: Fact, earlier: Fact) -> bool:
    """Whether only one of the two can stand: one attempt, registration or portal change (R34)."""
    match fact, earlier:
        case AttemptScored(), AttemptScored():
            return (fact.registration, fact.attempt) == (earlier.registration, earlier.attempt)
        case ExamRegistered(), ExamRegistered():
            return fact.registration == earlier.registration
        case PortalChangeDeclared(), PortalChangeDeclared():
            return fact.change == earlier.change
        case _:
            return fact.fact_id == earlier.fact_id
