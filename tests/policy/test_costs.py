"""One more fact costs what it changes: laws about the work of the policy, as CPU relative to a small partner's.

Each shape is a history of any size. A tenfold history may cost at most tenfold, with room for noise: what copies or
goes through the past for each fact costs a hundredfold. One more fact that is in order costs the same whatever came
before it.
"""

import gc
from collections.abc import Callable, Iterator, Sequence
from itertools import count, islice
from time import process_time

import pytest

from services.compliance.policy.answers_from_facts import certification_answer, partner_segment
from services.compliance.policy.learned_changes import what_was_learned
from services.compliance.policy.no_effect.facts_without_effect import facts_without_effect
from services.compliance.policy.parameters import PARAMETERS
from services.compliance.policy.partner_history import PartnerHistory
from services.compliance.policy.preview import partner_preview
from shared.events.envelope import Fact
from shared.events.facts import (
    ConsultantLeft,
    ConsultantLinked,
)
from tests.policy.cost_shapes import (
    DAY,
    HOUR,
    IN_ORDER,
    SHAPES,
    START,
    Shape,
    corrections_again,
    fact,
    links_and_departures_at_once,
    partners_closed,
    partners_left,
    revisions,
    scores_at_once,
    windows,
)

SMALL, GREAT = 150, 1_500
TENFOLD_MAX = 25
"""Ten, and room for noise and for logarithms; a square would be a hundred."""
TRIES = 3
SAME_MAX = 5
"""One, and room for noise; what goes through the past would be ten or more."""


def log(shape: Shape, size: int) -> list[Fact]:
    """The facts of a history, each recorded when it happened, or at once if something later was recorded before it."""
    facts: list[Fact] = []
    recorded_at = START
    for position, (at, data) in enumerate(shape(size), start=1):
        recorded_at = max(recorded_at, at) if at < START + 3_000 * DAY else recorded_at
        facts.append(fact(position, recorded_at, at, data))
    return facts


def fold(facts: Sequence[Fact]) -> PartnerHistory:
    history = PartnerHistory("P", PARAMETERS)
    for each in facts:
        history.fire_timers(each.recorded_at)
        history.record((each,))
    return history


def cpu_seconds(work: Callable[[], object], tries: int = 1) -> float:
    """The least that the work took in so many tries: what disturbs only adds."""
    taken = []
    gc.collect()
    gc.disable()
    try:
        for _ in range(tries):
            began = process_time()
            work()
            taken.append(process_time() - began)
    finally:
        gc.enable()
    return min(taken)


def costs_at_most(times: int, great: Callable[[], object], small: Callable[[], object]) -> bool:
    """Whether the great work takes at most so many times the small: once is proof, for what disturbs only adds."""
    seconds_max = times * cpu_seconds(small, TRIES)
    return any(cpu_seconds(great) < seconds_max for _ in range(TRIES))


@pytest.mark.parametrize("shape", SHAPES)
def test_a_tenfold_history_costs_at_most_tenfold(shape: Shape) -> None:
    small, great = log(shape, SMALL), log(shape, GREAT)

    assert costs_at_most(TENFOLD_MAX, lambda: fold(great), lambda: fold(small))


@pytest.mark.parametrize("shape", SHAPES)
def test_an_answer_about_a_tenfold_history_costs_at_most_tenfold(shape: Shape) -> None:
    small, great = log(shape, SMALL), log(shape, GREAT)

    def ask(facts: Sequence[Fact]) -> None:
        at = facts[-1].recorded_at
        assert partner_segment(facts, "P", "S200P", at, PARAMETERS) is not None
        certification_answer(facts, "C0", "S200P", at, PARAMETERS)

    assert costs_at_most(TENFOLD_MAX, lambda: ask(great), lambda: ask(small))


@pytest.mark.parametrize("shape", [revisions, windows, partners_left])
def test_a_preview_after_a_tenfold_history_costs_at_most_tenfold(shape: Shape) -> None:
    def look(facts: Sequence[Fact]) -> None:
        partner_preview(facts[:-5], facts[-5:], "P", facts[-1].recorded_at, PARAMETERS)

    small, great = log(shape, SMALL), log(shape, GREAT)

    assert costs_at_most(TENFOLD_MAX, lambda: look(great), lambda: look(small))


@pytest.mark.parametrize("shape", [partners_left, partners_closed])
def test_what_was_learned_of_a_tenfold_history_costs_at_most_tenfold(shape: Shape) -> None:
    def learn(facts: Sequence[Fact]) -> None:
        assert list(what_was_learned(facts, 0, "P", facts[-1].recorded_at, PARAMETERS))

    small, great = log(shape, SMALL), log(shape, GREAT)

    assert costs_at_most(TENFOLD_MAX, lambda: learn(great), lambda: learn(small))


@pytest.mark.parametrize("shape", [links_and_departures_at_once, scores_at_once, corrections_again, partners_closed])
def test_what_had_no_effect_in_a_tenfold_history_costs_at_most_tenfold(shape: Shape) -> None:
    def look(facts: Sequence[Fact]) -> None:
        facts_without_effect(facts, facts[-1].recorded_at, PARAMETERS)

    small, great = log(shape, SMALL), log(shape, 2 * GREAT)

    assert costs_at_most(2 * TENFOLD_MAX, lambda: look(great), lambda: look(small))


def further(history: PartnerHistory, after: Fact, number: Iterator[int]) -> None:
    """Thirty more facts in order: each time one person more, who leaves again, and one link that changes nothing."""
    at = after.recorded_at
    for index in islice(number, 10):
        at += HOUR
        for data in (
            ConsultantLinked("P", f"new-{index}"),
            ConsultantLeft("P", f"new-{index}"),
            ConsultantLinked("P", "C1"),
        ):
            position = after.position + 3 * index
            history.fire_timers(at)
            history.record((fact(position, at, at, data),))


@pytest.mark.parametrize("shape", IN_ORDER)
def test_a_fact_in_order_costs_the_same_whatever_came_before(shape: Shape) -> None:
    costs = []
    for size in (SMALL, GREAT):
        facts = log(shape, size)
        history, numbers = fold(facts), count(1)
        costs.append(cpu_seconds(lambda: further(history, facts[-1], numbers), TRIES))  # noqa: B023  # used at once

    assert costs[1] < SAME_MAX * costs[0]
