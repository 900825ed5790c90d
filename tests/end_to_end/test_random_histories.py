"""Random histories through the running system, its answers against the calculator's.

30 histories by default; `HISTORIES_OVER_HTTP=300 pytest tests/end_to_end/test_random_histories.py` runs as
many as one likes, and `FIRST_HISTORY` says with which seed to begin.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from random import Random
from typing import Any

import httpx
import pytest

from tests.end_to_end.client import Answer, FactClient, Unanswered, as_of, before, rfc3339
from tests.oracle.histories import PRODUCTS, History, densely_revised, interesting_instants, seeded
from tests.oracle.rules import facts
from tests.oracle.rules.calculator import Calculator
from tests.oracle.rules.facts import Fact
from tests.oracle.rules.knowledge import consultants_mentioned, is_refused, not_void, partners_mentioned
from tests.oracle.shrinking import told
from tests.policy.comparison import defined_view
from tests.systems import System

HISTORIES = int(os.environ.get("HISTORIES_OVER_HTTP", "30"))
FIRST_HISTORY = int(os.environ.get("FIRST_HISTORY", "0"))
QUESTIONS_PER_HISTORY = 5


@pytest.mark.parametrize("seed", range(FIRST_HISTORY, FIRST_HISTORY + HISTORIES))
def test_every_answer_of_the_running_system_is_that_of_the_calculator(seed: int, system: System) -> None:
    """R1-R38 over HTTP: what is answered to each fact, live answers as time goes on, and answers as of any time."""
    history = seeded(seed)
    found = list(_Trial(system, history, Random(seed)).differences())
    assert not found, "\n".join([*found, "with the facts", told(history)])


@pytest.mark.parametrize("seed", range(FIRST_HISTORY, FIRST_HISTORY + max(1, HISTORIES // 5)))
def test_so_it_is_where_the_policy_is_revised_all_the_time(seed: int, system: System) -> None:
    """R38 and R39 over HTTP."""
    history = densely_revised(seed)
    found = list(_Trial(system, history, Random(seed)).differences())
    assert not found, "\n".join([*found, "with the facts", told(history)])


class _Trial:
    def __init__(self, system: System, history: History, random: Random) -> None:
        self.history = history
        self.random = random
        self.teller = FactClient(system, before(history))
        self.partners = [*sorted(partners_mentioned(history)), "P404"]
        self.consultants = [*sorted(consultants_mentioned(history)), "C404"]
        self.registrations = sorted({f.registration for f in history if isinstance(f, facts.ExamRegistered)})
        self.changes = sorted({f.change for f in history if isinstance(f, facts.PortalChangeDeclared)})

    def differences(self) -> Iterator[str]:
        """Tells the history, asking live now and then and at its end; then as of some other times."""
        for known, fact in enumerate(self.history, start=1):
            yield from self._tell(known, fact)
            if self.random.random() < 0.15:
                yield from self._compare(known, self.teller.clock, {})
        for instant in self.random.sample(interesting_instants(self.history), 2):
            self.teller.wait_until(instant)
            yield from self._compare(len(self.history), self.teller.clock, {})
        self.teller.wait_until(interesting_instants(self.history)[-1])
        yield from self._compare(len(self.history), self.teller.clock, {})
        yield from self._events_differ()
        for _ in range(QUESTIONS_PER_HISTORY):
            yield from self._compare_as_of()

    def _tell(self, known: int, fact: Fact) -> Iterator[str]:
        response = self.teller.tell(fact)
        wanted = answer_to(fact, self.history[: known - 1])
        if response.status_code != wanted:
            yield f"{fact} was answered {response.status_code} instead of {wanted}: {response.text}"
        if response.status_code in (201, 202) and self.random.random() < 0.2:
            again = self.teller.post(fact)
            if not _is_replay(again, response):
                yield f"{fact} once more was answered {again.status_code}: {again.text}"

    def _compare_as_of(self) -> Iterator[str]:
        """By known_at or by position, which are two names for the same knowledge."""
        at = self.random.choice(interesting_instants(self.history))
        known = self.random.randint(1, len(self.history))
        if self.random.random() < 0.5:
            when: dict[str, Any] = {"at": rfc3339(at), "known_position": self.teller.positions[known - 1]}
        else:
            known_at = self.history[known - 1].recorded_at
            known = sum(fact.recorded_at <= known_at for fact in self.history)
            when = dict(as_of(at, known_at))
        yield from self._compare(known, at, when)

    def _compare(self, known: int, at: datetime, when: Mapping[str, Any]) -> Iterator[str]:
        calculator = Calculator(self.history[:known])
        where = f"at {at}, knowing {known}, asked {dict(when)}"
        for product in PRODUCTS:
            for partner in self.partners:
                wanted = defined_view(calculator.partner(partner, product, at))
                path = f"partner {partner} {product} {where}"
                yield from _differs(path, wanted, lambda p=partner, q=product: self.teller.partner_as_of(p, q, when))
            for person in self.consultants:
                certification = calculator.consultant(person, product, at)
                wanted = vars(certification) if certification else None
                path = f"/compliance/v1/consultants/{person}/certifications/{product}"
                yield from _differs(f"{path} {where}", wanted, lambda path=path: self.teller.get(path, when))
        for change in self.changes:
            notified = calculator.notified(change, at)
            wanted = None if notified is None else {"notified": notified}
            path = f"/compliance/v1/portal-changes/{change}/notifications"
            yield from _differs(f"{path} {where}", wanted, lambda path=path: self.teller.get(path, when))
        if "known_position" not in when:
            yield from self._registrations_differ(calculator, at, when, where)

    def _registrations_differ(
        self, calculator: Calculator, at: datetime, when: Mapping[str, Any], where: str
    ) -> Iterator[str]:
        for registration in self.registrations:
            by_definition = calculator.registration(registration, at)
            wanted = (
                None
                if by_definition is None
                else {
                    "consultant_id": by_definition.consultant,
                    "product": by_definition.product,
                    "state": by_definition.state,
                    "attempts_left": by_definition.attempts_left,
                    "attempts": [
                        {
                            "attempt": attempt.attempt,
                            "score": attempt.score,
                            "passed": attempt.passed,
                            "effective_at": rfc3339(attempt.effective_at),
                        }
                        for attempt in by_definition.attempts
                    ],
                }
            )
            path = f"/certification/v1/exam-registrations/{registration}"
            yield from _differs(f"{path} {where}", wanted, lambda path=path: self.teller.get(path, when))

    def _events_differ(self) -> Iterator[str]:
        """Whoever took every compliance event in order holds what the API answers."""
        held: dict[tuple[str, str], Answer] = {}
        after = 0
        while True:
            path = "/compliance/v1/events"
            batch = self.teller.system.http.get(path, params={"after": after, "limit": 100}).raise_for_status().json()
            if not batch:
                break
            for event in batch:
                after += 1
                for standing in event["data"]["standings"]:
                    held[event["data"]["partner_id"], standing["product"]] = standing
        for (partner, product), standing in held.items():
            answer = self.teller.get(f"/compliance/v1/partners/{partner}/compliance/{product}", {})
            live = {name: answer[name] for name in standing}
            if live != standing:
                yield f"{partner} {product}: the events say {standing}, the API {live}"


def answer_to(fact: Fact, told_before: History) -> int:
    """The status with which the fact is to be answered, by the rules (R5, R33, R34, R35)."""
    standing = not_void(told_before)
    registered = {f.registration for f in standing if isinstance(f, facts.ExamRegistered)}
    scored = {(f.registration, f.attempt): f.score for f in standing if isinstance(f, facts.AttemptScored)}
    match fact:
        case facts.FactVoided(voided=voided) if not any(f.fact_id == voided for f in standing):
            void = any(isinstance(f, facts.FactVoided) and f.voided == voided for f in told_before)
            return 409 if void else 404
        case facts.PolicyRevised() if _is_dated_back(fact) and not _of_the_same_name(fact, standing):
            return 422
        case facts.ExamRegistered() | facts.PortalChangeDeclared() | facts.PolicyRevised() if same := _of_the_same_name(
            fact, standing
        ):
            return 200 if same == replace(fact, fact_id=same.fact_id, recorded_at=same.recorded_at) else 409
        case _ if is_refused(fact, standing):
            return 422
        case facts.PortalChangeCorrected(change=change):
            declared = any(isinstance(f, facts.PortalChangeDeclared) and f.change == change for f in standing)
            return 201 if declared else 202
        case facts.AttemptScored(registration=registration, attempt=attempt) if (registration, attempt) in scored:
            return 200 if Decimal(scored[registration, attempt]) == Decimal(fact.score) else 409
        case facts.AttemptScored():
            return 201 if fact.registration in registered else 202
        case facts.ScoreCorrected():
            binds = fact.registration in registered and (fact.registration, fact.attempt) in scored
            return 201 if binds else 202
        case _:
            return 201


def _is_dated_back(revision: facts.PolicyRevised) -> bool:
    return revision.effective_at < revision.recorded_at


def _of_the_same_name(fact: Fact, standing: History) -> Fact | None:
    """The registration, portal change or policy that is recorded under the same id, if there is one."""
    match fact:
        case facts.ExamRegistered(registration=name):
            return next((f for f in standing if isinstance(f, facts.ExamRegistered) and f.registration == name), None)
        case facts.PolicyRevised(policy=name):
            return next((f for f in standing if isinstance(f, facts.PolicyRevised) and f.policy == name), None)
        case facts.PortalChangeDeclared(change=name):
            return next((f for f in standing if isinstance(f, facts.PortalChangeDeclared) and f.change == name), None)
        case _:
            return None


def _is_replay(again: httpx.Response, first: httpx.Response) -> bool:
    """The same call once more gives the first body (R34)."""
    replayed = again.headers.get("Idempotent-Replayed") == "true"
    return again.status_code == 200 and replayed and again.json() == first.json()


def _differs(where: str, wanted: Mapping[str, Any] | None, ask: Any) -> Iterator[str]:
    """Only what is wanted is compared; None: not found."""
    try:
        answer = ask()
    except Unanswered as problem:
        if wanted is not None or problem.status != 404:
            yield f"{where}: {problem}, wanted {wanted}"
        return
    if wanted is None:
        yield f"{where}: answered {answer}, but nothing mentions it"
        return
    for name, value in wanted.items():
        got = answer.get(name)
        if name == "windows":
            got = [tuple(window[key] for key in WINDOW) for window in answer[name]]
        if got != value:
            yield f"{where}: {name} is {got}, by the calculator {value}"


WINDOW = ("opened_at", "deadline_on", "deadline_at", "closed_at", "outcome", "policy_id")
