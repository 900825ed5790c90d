"""What is known: the facts recorded by some time, without those that are void or say nothing new."""

from collections.abc import Sequence
from dataclasses import replace

from sagecert_verify.derive.london import london_day
from tests.oracle.rules.facts import (
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
    PolicyRevised,
    PortalChangeCorrected,
    PortalChangeDeclared,
    RevocationOrdered,
)
from tests.oracle.rules.once import once
from tests.oracle.rules.policy import FIRST_POLICY


def in_force(facts: Sequence[Fact]) -> list[Fact]:
    """The facts that count, in log order; a portal change with its terms as corrected (R38)."""
    standing = not_void(facts)
    corrections = [fact for fact in standing if isinstance(fact, PortalChangeCorrected)]
    return [corrected(fact, corrections) if isinstance(fact, PortalChangeDeclared) else fact for fact in standing]


def not_void(facts: Sequence[Fact]) -> list[Fact]:
    """The facts that stand, as they were recorded, in log order.

    One (registration, attempt) is one score, and a registration and a portal change are recorded once: while one
    stands, whatever comes under the same name is none (R34). A void takes a fact away for all time and leaves its
    place free: what comes under the name after the void stands (R33).
    """
    standing: list[Fact] = []
    for fact in facts:
        if isinstance(fact, FactVoided):
            standing = [other for other in standing if other.fact_id != fact.voided]
        elif not is_refused(fact, standing) and not any(same_name(fact, other) for other in standing):
            standing.append(fact)
    return standing


def corrected(declared: PortalChangeDeclared, corrections: Sequence[PortalChangeCorrected]) -> PortalChangeDeclared:
    """As if it had been announced so: the last correction of each term wins (R38).

    A correction can wait for a change that is announced only after the day that it sets: it says nothing then (R35).
    """
    for correction in corrections:
        if correction.change != declared.change or is_due_too_early(correction, [declared]):
            continue
        if correction.due_on is not None:
            declared = replace(declared, due_on=correction.due_on)
        if correction.products is not None:
            declared = replace(declared, products=correction.products)
        if correction.significant is not None:
            declared = replace(declared, significant=correction.significant)
    return declared


def is_refused(fact: Fact, standing: Sequence[Fact]) -> bool:
    """Attempts other than 1 and 2 do not exist (R5), nor a corrected due day that is too early (R38), nor a revision of
    the policy that is dated back (R39)."""
    match fact:
        case AttemptScored():
            return fact.attempt not in (1, 2)
        case PortalChangeCorrected():
            return is_due_too_early(fact, standing)
        case PolicyRevised():
            return fact.policy == FIRST_POLICY or fact.effective_at < fact.recorded_at
        case _:
            return False


def is_due_too_early(correction: PortalChangeCorrected, standing: Sequence[Fact]) -> bool:
    """Neither before the day of the correction, nor before that of the announcement, if that is known (R38)."""
    days = [london_day(correction.effective_at)] + [
        london_day(fact.effective_at)
        for fact in standing
        if isinstance(fact, PortalChangeDeclared) and fact.change == correction.change
    ]
    return correction.due_on is not None and correction.due_on < max(days)


@once
def partners_mentioned(facts: Sequence[Fact]) -> set[str]:
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


@once
def consultants_mentioned(facts: Sequence[Fact]) -> set[str]:
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
        case PolicyRevised(), PolicyRevised():
            return fact.policy == earlier.policy
        case _:
            return fact.fact_id == earlier.fact_id
