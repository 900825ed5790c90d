"""Who is certified at an instant, by definition. `facts`: the facts in force, in log order."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sagecert_verify.derive.london import midnight_ending
from tests.oracle.rules.facts import (
    AttemptScored,
    CertificationRecognised,
    CourseCompleted,
    ExamRegistered,
    Fact,
    PortalChangeDeclared,
    RevocationOrdered,
    ScoreCorrected,
)
from tests.oracle.rules.once import once

PASS_MARK_PERCENT = Decimal(80)


@dataclass(frozen=True)
class Grant:
    """`passed_at`: when the exam was passed, or the recognition given. `granted_at`: with the course, too (R4)."""

    grant_id: str
    passed_at: datetime
    granted_at: datetime


@once
def is_certified(facts: Sequence[Fact], consultant: str, product: str, at: datetime) -> bool:
    """Holds a grant that maintenance has not let lapse (R4, R25, R26, R37)."""
    return any(
        not has_lapsed(facts, grant, consultant, product, at) for grant in grants(facts, consultant, product, at)
    )


def why_not(facts: Sequence[Fact], consultant: str, product: str, at: datetime) -> set[str]:
    """Which rules can be the reason why somebody is not certified at the instant."""
    if grants(facts, consultant, product, at):
        return {"R26"}
    mine = registrations(facts, consultant, product, change=None)
    reasons = set() if in_hand(facts, consultant, product, at) else {"R4"}
    for fact in facts:
        if isinstance(fact, RevocationOrdered) and (fact.consultant, fact.product) == (consultant, product):
            reasons |= {"R37"} if fact.effective_at <= at else set()
        if isinstance(fact, ScoreCorrected) and fact.registration in mine:
            reasons |= {"R32"} if fact.effective_at <= at else set()
    return reasons


def grants(facts: Sequence[Fact], consultant: str, product: str, at: datetime) -> list[Grant]:
    """The grants that hold at the instant, maintenance left aside."""
    return [
        grant
        for grant in in_hand(facts, consultant, product, at)
        if not is_revoked(facts, grant, consultant, product, at)
    ]


def in_hand(facts: Sequence[Fact], consultant: str, product: str, at: datetime) -> list[Grant]:
    """The recognitions, and the passes with their course, of the instant: revocations, too, left aside."""
    found = [
        Grant(fact.fact_id, passed_at=fact.effective_at, granted_at=fact.effective_at)
        for fact in facts
        if isinstance(fact, CertificationRecognised) and (fact.consultant, fact.product) == (consultant, product)
    ]
    courses = [
        fact.effective_at
        for fact in facts
        if isinstance(fact, CourseCompleted)
        and (fact.consultant, fact.product, fact.change) == (consultant, product, None)
    ]
    for registration in registrations(facts, consultant, product, change=None):
        attempt = granting_attempt(facts, registration, at)
        if attempt is not None and courses:
            granted_at = max(attempt.effective_at, min(courses))
            found.append(Grant(attempt.fact_id, passed_at=attempt.effective_at, granted_at=granted_at))
    return [grant for grant in found if grant.granted_at <= at]


def is_revoked(facts: Sequence[Fact], grant: Grant, consultant: str, product: str, at: datetime) -> bool:
    """A revocation by now ends what was passed by then, also at the same instant (R37)."""
    return any(
        grant.passed_at <= fact.effective_at <= at
        for fact in facts
        if isinstance(fact, RevocationOrdered) and (fact.consultant, fact.product) == (consultant, product)
    )


def has_lapsed(facts: Sequence[Fact], grant: Grant, consultant: str, product: str, at: datetime) -> bool:
    """Some significant change announced after the grant is past its due day, and its maintenance is not done."""
    return any(
        grant.granted_at < fact.effective_at
        and at >= midnight_ending(fact.due_on)
        and not maintenance_is_done(facts, consultant, product, fact.change, at)
        for fact in facts
        if isinstance(fact, PortalChangeDeclared) and fact.significant and product in fact.products
    )


def maintenance_is_done(facts: Sequence[Fact], consultant: str, product: str, change: str, at: datetime) -> bool:
    """Training and assessment for this change and product are both done (R25)."""
    trained = any(
        fact.effective_at <= at
        for fact in facts
        if isinstance(fact, CourseCompleted)
        and (fact.consultant, fact.product, fact.change) == (consultant, product, change)
    )
    assessed = any(
        granting_attempt(facts, registration, at) is not None
        for registration in registrations(facts, consultant, product, change)
    )
    return trained and assessed


def registrations(facts: Sequence[Fact], consultant: str, product: str, change: str | None) -> list[str]:
    """The person's registrations for the exam (`change` None) or for the assessment of a portal change."""
    return [
        fact.registration
        for fact in facts
        if isinstance(fact, ExamRegistered)
        and (fact.consultant, fact.product, fact.change) == (consultant, product, change)
    ]


def granting_attempt(facts: Sequence[Fact], registration: str, at: datetime) -> AttemptScored | None:
    """The earliest attempt that passes at the instant: only it grants (R7)."""
    passing = [attempt for attempt in attempts(facts, registration) if passes(facts, attempt, at)]
    return min(passing, key=lambda attempt: (attempt.effective_at, attempt.attempt), default=None)


def attempts(facts: Sequence[Fact], registration: str) -> list[AttemptScored]:
    """The scored attempts of the registration, in log order."""
    return [fact for fact in facts if isinstance(fact, AttemptScored) and fact.registration == registration]


def passes(facts: Sequence[Fact], attempt: AttemptScored, at: datetime) -> bool:
    """Its latest known score passes, or the score in force at the instant does (R32)."""
    if at < attempt.effective_at:
        return False
    latest = scores(facts, attempt)[-1][1]
    return is_pass(latest) or is_pass(score_in_force(facts, attempt, at))


def score_in_force(facts: Sequence[Fact], attempt: AttemptScored, at: datetime) -> str:
    """The score as corrected by the instant; before the attempt, the score it will have."""
    by_then = [score for since, score in scores(facts, attempt) if since <= at]
    return by_then[-1] if by_then else attempt.score


def scores(facts: Sequence[Fact], attempt: AttemptScored) -> list[tuple[datetime, str]]:
    """The attempt's scores and since when each holds, the latest last. Of corrections at one instant the later
    recorded wins (R35); one stamped before the attempt holds from the attempt."""
    corrections = [
        (max(fact.effective_at, attempt.effective_at), fact.effective_at, position, fact.score)
        for position, fact in enumerate(facts)
        if isinstance(fact, ScoreCorrected)
        and (fact.registration, fact.attempt) == (attempt.registration, attempt.attempt)
    ]
    return [(attempt.effective_at, attempt.score)] + [
        (since, score) for since, _stamped, _position, score in sorted(corrections)
    ]


def is_pass(score: str) -> bool:
    """80.00 % or more, as an exact decimal (R6)."""
    return Decimal(score) >= PASS_MARK_PERCENT
