"""Answers each question from the bare list of facts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from tests.oracle.rules import certifying
from tests.oracle.rules.facts import AttemptScored, ExamRegistered, Fact, PortalChangeDeclared
from tests.oracle.rules.knowledge import consultants_mentioned, in_force, partners_mentioned
from tests.oracle.rules.linking import counting_partner
from tests.oracle.rules.once import Facts
from tests.oracle.rules.standing import Standing, is_enrolled
from tests.oracle.rules.standing import standing as standing_by_definition


@dataclass(frozen=True)
class Certification:
    """Whether a consultant is certified for a product, and may use the Provisioning Portal for it (R1)."""

    certified: bool
    portal_user: bool


@dataclass(frozen=True)
class Attempt:
    """`score`: the one that decides whether it passed: that in force, or the latest where only it passes (R32)."""

    attempt: int
    score: str
    passed: bool
    effective_at: datetime


@dataclass(frozen=True)
class Registration:
    """State and attempts of a registration at an instant (R5, R7, R8)."""

    consultant: str
    product: str
    state: str
    attempts_left: int
    attempts: tuple[Attempt, ...]


class Calculator:
    """Answers as of `at`, judged from `facts` alone: exactly those known, in log order (R31).

    None stands for an id that no fact mentions.
    """

    def __init__(self, facts: Sequence[Fact]) -> None:
        self.known = Facts(facts)
        self.in_force = Facts(in_force(facts))

    def partner(self, partner: str, product: str, at: datetime) -> Standing | None:
        """How the partner stands for the product at the instant."""
        if partner not in partners_mentioned(self.known):
            return None
        return standing_by_definition(self.in_force, partner, product, at)

    def consultant(self, consultant: str, product: str, at: datetime) -> Certification | None:
        """A portal user is certified and counts for a partner that is enrolled (R1)."""
        if consultant not in consultants_mentioned(self.known):
            return None
        certified = certifying.is_certified(self.in_force, consultant, product, at)
        partner = counting_partner(self.in_force, consultant, at)
        return Certification(certified, certified and partner is not None and is_enrolled(self.in_force, partner, at))

    def why_not(self, consultant: str, product: str, at: datetime) -> set[str]:
        """The rules that can be the reason why the consultant is not certified."""
        return certifying.why_not(self.in_force, consultant, product, at)

    def registration(self, registration: str, at: datetime) -> Registration | None:
        """State and attempts (R5, R7, R8); None also while it is voided and not recorded again (R33)."""
        recorded = [
            fact for fact in self.in_force if isinstance(fact, ExamRegistered) and fact.registration == registration
        ]
        if not recorded:
            return None
        taken = [fact for fact in certifying.attempts(self.in_force, registration) if fact.effective_at <= at]
        attempts = [
            self._attempt(fact, at) for fact in sorted(taken, key=lambda fact: (fact.effective_at, fact.attempt))
        ]
        if any(attempt.passed for attempt in attempts):
            state, attempts_left = "passed", 0
        else:
            state, attempts_left = "open" if len(attempts) < 2 else "exhausted", 2 - len(attempts)
        return Registration(recorded[0].consultant, recorded[0].product, state, attempts_left, tuple(attempts))

    def notified(self, change: str, at: datetime) -> list[str] | None:
        """The partners enrolled when a significant change was announced, sorted (R27); None if nothing mentions it."""
        if not any(getattr(fact, "change", None) == change for fact in self.known):
            return None
        return [
            partner
            for partner in sorted(partners_mentioned(self.known))
            for fact in self.in_force
            if isinstance(fact, PortalChangeDeclared) and fact.change == change and fact.significant
            if fact.effective_at <= at and is_enrolled(self.in_force, partner, fact.effective_at)
        ]

    def _attempt(self, fact: AttemptScored, at: datetime) -> Attempt:
        score = certifying.score_in_force(self.in_force, fact, at)
        passed = certifying.passes(self.in_force, fact, at)
        if passed and not certifying.is_pass(score):
            score = certifying.scores(self.in_force, fact)[-1][1]
        return Attempt(fact.attempt, score, passed, fact.effective_at)
