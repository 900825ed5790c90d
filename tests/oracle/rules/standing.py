"""How a partner stands for a product: every instant at which something can happen, one after the other.

`facts`: the facts in force, in log order.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from sagecert_verify.derive.london import london_day, midnight_ending
from tests.oracle.rules.certifying import is_certified
from tests.oracle.rules.facts import (
    Fact,
    PartnerClosed,
    PartnerEnrolled,
    PartnerKindChanged,
    PartnerProgrammeChanged,
    PartnersMerged,
    PortalChangeDeclared,
)
from tests.oracle.rules.knowledge import consultants_mentioned
from tests.oracle.rules.linking import counting_partner, is_merged_away
from tests.oracle.rules.once import once
from tests.oracle.rules.policy import FIRST_POLICY, Policy, policy_at


@dataclass
class Window:
    """The London days in which one missing consultant must be replaced (R15), by the policy that set them (R39)."""

    opened_at: datetime
    deadline_on: date
    deadline_at: datetime
    closed_at: datetime | None = None
    outcome: str = "open"
    policy: str = FIRST_POLICY

    @property
    def is_unfilled(self) -> bool:
        """Open, or expired and still not filled."""
        return self.closed_at is None


@dataclass
class Suspension:
    """A time without selling to new customers (R19); `to` is None while it lasts."""

    since: datetime
    to: datetime | None = None


@dataclass
class Standing:
    """A partner and product at an instant, with all windows and suspensions that started by then."""

    counted: list[str] = field(default_factory=list)
    minimum: int | None = None
    shortfall: int | None = None
    is_enrolled: bool = False
    has_reached_minimum: bool = False
    windows: list[Window] = field(default_factory=list)
    suspensions: list[Suspension] = field(default_factory=list)

    @property
    def headcount(self) -> int:
        """How many are counted (R9)."""
        return len(self.counted)

    @property
    def unfilled(self) -> list[Window]:
        """Oldest first."""
        return [window for window in self.windows if window.is_unfilled]

    @property
    def is_suspended(self) -> bool:
        """Whether selling to new customers is suspended now (R19)."""
        return any(suspension.to is None for suspension in self.suspensions)

    @property
    def status(self) -> str:
        """The status by the rules, from enrolment to suspension."""
        if not self.is_enrolled:
            return "not_enrolled"
        if not self.has_reached_minimum:
            return "not_yet_authorised"
        if self.is_suspended:
            return "suspended"
        return "in_window" if self.shortfall else "compliant"

    @property
    def sell_new(self) -> bool:
        """Whether new customers may be sold to."""
        return self.status in ("compliant", "in_window")

    @property
    def maintain_existing(self) -> bool:
        """Whether existing customers may be maintained (R20)."""
        return self.is_enrolled


def standing(facts: Sequence[Fact], partner: str, product: str, at: datetime) -> Standing:
    """Goes over every instant up to `at`: at each, timers run first, then everything else together (R16, R17)."""
    state = Standing()
    for instant in instants(facts, state, at):
        timers_run(state, instant)
        state.counted = counted(facts, partner, product, instant)
        kind, policy = kind_of(facts, partner, instant), policy_at(facts, instant)
        state.minimum = None if kind is None else policy.minimum[kind]
        state.shortfall = None if state.minimum is None else max(0, state.minimum - state.headcount)
        state.is_enrolled = is_enrolled(facts, partner, instant)
        if not state.is_enrolled:
            leave_the_programme(state, instant)
        elif state.has_reached_minimum:
            compare_with_the_minimum(state, instant, policy)
        elif state.shortfall == 0:
            state.has_reached_minimum = True  # R12
    return state


def instants(facts: Sequence[Fact], state: Standing, at: datetime) -> Iterator[datetime]:
    """Every instant up to `at` at which something can change, in order; windows bring in their deadlines."""
    lapses = {midnight_ending(fact.due_on) for fact in facts if isinstance(fact, PortalChangeDeclared)}
    fixed = {fact.effective_at for fact in facts} | lapses | {at}
    done: datetime | None = None
    while True:
        deadlines = {window.deadline_at for window in state.windows}
        ahead = [instant for instant in fixed | deadlines if instant <= at and (done is None or instant > done)]
        if not ahead:
            return
        done = min(ahead)
        yield done


def timers_run(state: Standing, now: datetime) -> None:
    """Windows whose deadline is now expire, and the first to do so suspends selling (R16, R19)."""
    for window in state.unfilled:
        if window.deadline_at == now:
            window.outcome = "expired"
            if not state.is_suspended:
                state.suspensions.append(Suspension(since=now))


def leave_the_programme(state: Standing, now: datetime) -> None:
    """Outside the programme there is no window, suspension or authorisation (R28)."""
    for window in state.unfilled:
        window.closed_at, window.outcome = now, "void"
    end_suspension(state, now)
    state.has_reached_minimum = False


def compare_with_the_minimum(state: Standing, now: datetime, policy: Policy) -> None:
    """As many unfilled windows as consultants are missing: the oldest are filled first (R13, R14, R18).

    The days are added to a calendar day, never to an instant (R15).
    """
    assert state.shortfall is not None
    for window in state.unfilled[: max(0, len(state.unfilled) - state.shortfall)]:
        window.closed_at = now
        window.outcome = "closed_late" if window.outcome == "expired" else "closed"
    for _ in range(state.shortfall - len(state.unfilled)):
        deadline_on = london_day(now) + timedelta(days=policy.window_days)
        window = Window(now, deadline_on, midnight_ending(deadline_on), policy=policy.days_set_by)
        state.windows.append(window)
    if state.shortfall == 0:
        end_suspension(state, now)  # R21


def end_suspension(state: Standing, now: datetime) -> None:
    """One that began at this very instant never was (R16)."""
    for suspension in state.suspensions:
        if suspension.to is None:
            suspension.to = now
    state.suspensions = [suspension for suspension in state.suspensions if suspension.since != suspension.to]


@once
def counted(facts: Sequence[Fact], partner: str, product: str, at: datetime) -> list[str]:
    """Who counts for this partner and is certified for the product, sorted (R9, R23)."""
    return [
        consultant
        for consultant in sorted(consultants_mentioned(facts))
        if counting_partner(facts, consultant, at) == partner and is_certified(facts, consultant, product, at)
    ]


@once
def is_enrolled(facts: Sequence[Fact], partner: str, at: datetime) -> bool:
    """Of a known kind, and in one of the programmes of the policy (R11, R39)."""
    programmes = policy_at(facts, at).programmes
    return kind_of(facts, partner, at) is not None and programme_of(facts, partner, at) in programmes


@once
def kind_of(facts: Sequence[Fact], partner: str, at: datetime) -> str | None:
    """What the last fact by effective time says; of one instant, the last recorded (R22, R35)."""
    kind = None
    for fact in by_effect(facts, at):
        if isinstance(fact, PartnerEnrolled | PartnerKindChanged) and fact.partner == partner:
            kind = fact.kind
    return kind


def programme_of(facts: Sequence[Fact], partner: str, at: datetime) -> str | None:
    """As `kind_of`; closed or merged away, a partner is in no programme (R28)."""
    programme: str | None = None
    for fact in by_effect(facts, at):
        if isinstance(fact, PartnerEnrolled | PartnerProgrammeChanged) and fact.partner == partner:
            programme = fact.programme
        if isinstance(fact, PartnerClosed) and fact.partner == partner:
            programme = None
        if isinstance(fact, PartnersMerged) and fact.partner == partner and is_merged_away(facts, fact):
            programme = None
    return programme


def by_effect(facts: Sequence[Fact], at: datetime) -> list[Fact]:
    """The facts effective by now, in order of effect; `sorted` keeps log order within an instant."""
    return sorted((fact for fact in facts if fact.effective_at <= at), key=lambda fact: fact.effective_at)
