"""The real policy and the calculator side by side, in terms that both can be put into."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Any

from services.certification.domain import exam_registration
from services.compliance.policy.answers_from_facts import certification_answer, notified_partners, partner_segment
from services.compliance.policy.forecast import forecast
from services.compliance.policy.parameters import PARAMETERS
from services.compliance.policy.partner_history import PartnerHistory, Step
from shared.events.compliance_events import Standing, Window
from shared.events.envelope import Fact
from tests.oracle.histories import PRODUCTS, History, interesting_instants
from tests.oracle.rules import facts as oracle
from tests.oracle.rules import standing as by_definition
from tests.oracle.rules.calculator import Calculator
from tests.oracle.rules.knowledge import consultants_mentioned, partners_mentioned
from tests.policy.fact_log import Group, everything, recorded, stream_of

View = dict[str, Any]


def standing_view(standing: Standing | None) -> View | None:
    """What the policy says of a partner and product, without product and reasons."""
    if standing is None:
        return None
    return _view(standing, [_window(window, window.policy_id) for window in standing.windows])


def defined_view(standing: by_definition.Standing | None) -> View | None:
    """The same of the calculator."""
    if standing is None:
        return None
    return _view(standing, [_window(window, window.policy) for window in standing.windows])


def _view(standing: Standing | by_definition.Standing, windows: list[tuple[object, ...]]) -> View:
    return {
        "counted": list(standing.counted),
        "headcount": standing.headcount,
        "minimum": standing.minimum,
        "shortfall": standing.shortfall,
        "status": standing.status,
        "sell_new": standing.sell_new,
        "maintain_existing": standing.maintain_existing,
        "windows": windows,
        "suspensions": [(suspension.since, suspension.to) for suspension in standing.suspensions],
    }


def _window(window: Window | by_definition.Window, policy: str) -> tuple[object, ...]:
    return window.opened_at, window.deadline_on, window.deadline_at, window.closed_at, window.outcome, policy


@dataclass
class Case:
    """A history, what certification makes of it, and everyone in it."""

    history: History
    groups: list[Group] = field(init=False)
    calculators: dict[int, Calculator] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.groups = recorded(self.history)
        self.partners = sorted(partners_mentioned(self.history))
        self.consultants = sorted(consultants_mentioned(self.history))
        self.registrations = sorted({f.registration for f in self.history if isinstance(f, oracle.ExamRegistered)})
        self.changes = sorted({f.change for f in self.history if isinstance(f, oracle.PortalChangeDeclared)})
        self.instants = interesting_instants(self.history)

    def log(self, known: int) -> list[Fact]:
        """The log after the first `known` facts of the history."""
        return everything(self.groups[:known])

    def calculator(self, known: int) -> Calculator:
        if known not in self.calculators:
            self.calculators[known] = Calculator(self.history[:known])
        return self.calculators[known]


def disagreements(history: History, questions: int) -> Iterator[str]:
    """Where the policy and the calculator differ, one sentence each, over random (at, known) and over the fold."""
    case = Case(history)
    random = Random(len(history))
    for _ in range(questions):
        known = random.choice((len(history), len(history), random.randint(1, len(history))))
        at = random.choice(case.instants)
        yield from _answers_differ(case, known, at)
    for partner in case.partners:
        yield from _fold_differs(case, partner)


def _answers_differ(case: Case, known: int, at: datetime) -> Iterator[str]:
    log, calculator = case.log(known), case.calculator(known)
    when = f"at {at}, knowing {known}"
    for product in PRODUCTS:
        for partner in case.partners:
            segment = partner_segment(log, partner, product, at, PARAMETERS)
            got = standing_view(segment.standing if segment else None)
            yield from _differences(
                f"{partner} {product} {when}", got, defined_view(calculator.partner(partner, product, at))
            )
        for consultant in case.consultants:
            yield from _consultant_differs(case, consultant, product, known, at, when)
    for change in case.changes:
        notified = notified_partners(log, change, at, PARAMETERS)
        if notified != calculator.notified(change, at):
            yield f"{change} {when}: policy notifies {notified}, calculator {calculator.notified(change, at)}"
    for registration in case.registrations:
        yield from _registration_differs(registration, log, calculator, at, when)


def _consultant_differs(
    case: Case, consultant: str, product: str, known: int, at: datetime, when: str
) -> Iterator[str]:
    calculator = case.calculator(known)
    wanted = calculator.consultant(consultant, product, at)
    if wanted is None:
        return
    answer = certification_answer(case.log(known), consultant, product, at, PARAMETERS)
    if (answer.certified, answer.portal_user) != (wanted.certified, wanted.portal_user):
        yield f"{consultant} {product} {when}: policy {answer}, calculator {wanted}"
    if not answer.certified and answer.reasons[0].rule not in calculator.why_not(consultant, product, at):
        yield f"{consultant} {product} {when}: {answer.reasons[0]} is not why"
    later = next((instant for instant in case.instants if instant > at), at)
    lasts = answer.next_change_at is None or later < answer.next_change_at
    if lasts and calculator.consultant(consultant, product, later) != wanted:
        yield f"{consultant} {product} {when}: it changes by {later}, not at {answer.next_change_at}"


def _registration_differs(
    registration: str, log: Sequence[Fact], calculator: Calculator, at: datetime, when: str
) -> Iterator[str]:
    progress = exam_registration.progress(stream_of(registration, log), at)
    wanted = calculator.registration(registration, at)
    got_view = progress and (
        progress.registered.consultant_id,
        progress.state,
        progress.attempts_left,
        [(a.number, a.deciding(at).value, a.deciding(at).passes, a.effective_at) for a in progress.attempts],
    )
    wanted_view = wanted and (
        wanted.consultant,
        wanted.state,
        wanted.attempts_left,
        [(a.attempt, a.score, a.passed, a.effective_at) for a in wanted.attempts],
    )
    if got_view != wanted_view:
        yield f"{registration} {when}: certification {got_view}, calculator {wanted_view}"


def _fold_differs(case: Case, partner: str) -> Iterator[str]:
    """The fold's segments are answers about its future, at every step of the history."""
    fold = PartnerHistory(partner, PARAMETERS)
    for known, group in enumerate(case.groups, start=1):
        if not group:
            continue
        now = group[0].recorded_at
        fold.fire_timers(now)
        fold.record(group)
        calculator = case.calculator(known)
        last = known == len(case.groups)
        instants = [now, *(instant for instant in case.instants if instant > now)] if last else [now]
        for product, sweep in fold.sweeps().items():
            assert fold.changed_at is not None
            segments = list(forecast(sweep, fold.changed_at))
            for at in instants:
                segment = [one for one in segments if one.valid_from <= at][-1]
                wanted = defined_view(calculator.partner(partner, product, at))
                where = f"fold of {partner} {product} after {known}, at {at}"
                yield from _differences(where, standing_view(segment.standing), wanted)


def steps_of(groups: Sequence[Group], partner: str, until: datetime | None = None) -> list[Step]:
    """Every step of a partner, timers fired as late as the rules allow; after the last fact, those due by `until`."""
    fold = PartnerHistory(partner, PARAMETERS)
    steps: list[Step] = []
    for group in groups:
        if group:
            steps += fold.fire_timers(group[0].recorded_at)
            steps.append(fold.record(group))
    return steps + (fold.fire_timers(until) if until else [])


def _differences(where: str, got: View | None, wanted: View | None) -> Iterator[str]:
    if got is None or wanted is None:
        if got is not wanted:
            yield f"{where}: policy {got}, calculator {wanted}"
        return
    for name, value in wanted.items():
        if got[name] != value:
            yield f"{where}: {name} is {got[name]} by the policy, {value} by the calculator"
