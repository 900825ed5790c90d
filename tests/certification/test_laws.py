"""Laws of the decisions, over random histories of one consultant."""

from datetime import timedelta
from itertools import pairwise
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from services.certification.domain.consultant import Consultant, evolve, follow, subject
from services.certification.domain.fact_report import decided
from services.certification.domain.rules.grants import grants
from services.certification.domain.void import standing
from shared.events.envelope import Fact
from shared.events.facts import (
    AttemptScored,
    CertificationRecognised,
    CourseCompleted,
    Decision,
    ExamRegistered,
    FactVoided,
    Period,
    Reported,
    RevocationOrdered,
    ScoreCorrected,
)
from shared.rules.half_open_periods import from_instant, union, until_instant, without
from tests.certification.seed import day

SCORES = st.sampled_from(["70", "79.99", "80", "90"])
REGISTRATIONS = st.sampled_from(["R1", "R2", "M1"])
PRODUCTS = st.sampled_from(["S200P", "S200S"])
NUMBERS = st.sampled_from([1, 2])

REGISTERED: list[Reported] = [
    ExamRegistered("R1", "C1", "S200P"),
    ExamRegistered("R2", "C1", "S200S"),
    ExamRegistered("M1", "C1", "S200P", "CH1"),
]
REPORTS: st.SearchStrategy[Reported] = st.one_of(
    st.builds(CourseCompleted, st.just("C1"), PRODUCTS, st.sampled_from([None, "CH1"])),
    st.builds(CertificationRecognised, st.just("C1"), PRODUCTS),
    st.builds(RevocationOrdered, st.just("C1"), PRODUCTS),
    st.builds(AttemptScored, REGISTRATIONS, NUMBERS, SCORES),
    st.builds(ScoreCorrected, REGISTRATIONS, NUMBERS, SCORES),
)


@st.composite
def histories(draw: st.DrawFn) -> list[Fact]:
    """Reported facts on a few days, each score once, corrections of one attempt on days of their own; some voided."""
    reports = draw(st.lists(st.tuples(REPORTS, st.integers(0, 6)), max_size=14))
    found: list[Fact] = [
        Fact(f"r{number}", day(0), day(0), data) for number, data in enumerate(REGISTERED) if draw(st.booleans())
    ]
    taken: set[object] = set()
    for number, (data, on) in enumerate(reports):
        match data:
            case AttemptScored(registration, attempt):
                once: object = (registration, attempt)
            case ScoreCorrected(registration, attempt):
                once = (registration, attempt, on)
            case _:
                once = number
        if once not in taken:
            taken.add(once)
            found.append(Fact(f"f{number}", day(on), day(on), data))
    voided = draw(st.lists(st.sampled_from(found), max_size=3, unique=True)) if found else []
    return [*found, *(Fact(f"void-{fact.fact_id}", day(9), day(9), FactVoided(fact.fact_id)) for fact in voided)]


def published(history: list[Fact]) -> dict[tuple[str, ...], Decision]:
    """What was last stated of each subject that still holds at some time, told in this order."""
    consultant = Consultant("C1")
    for fact in history:
        for each in (fact, *decided(fact, follow(consultant, fact))):
            consultant = evolve(consultant, each)
    return {key: decision for key, decision in consultant.published.items() if decision.periods}


def told_differently(history: list[Fact], seed: int) -> list[Fact]:
    """The same facts in another order, each void somewhere after its fact."""
    random = Random(seed)
    shuffled = random.sample(history, len(history))
    told = [fact for fact in shuffled if not isinstance(fact.data, FactVoided)]
    for void in shuffled:
        if isinstance(void.data, FactVoided):
            voided = next(n for n, fact in enumerate(told) if fact.fact_id == void.data.fact_id)
            told.insert(random.randint(voided + 1, len(told)), void)
    return told


def times(decisions: dict[tuple[str, ...], Decision]) -> dict[tuple[str, ...], list[tuple[object, object]]]:
    return {key: [(each.start, each.end) for each in decision.periods] for key, decision in decisions.items()}


@given(histories(), st.integers())
@settings(max_examples=300, deadline=None)
def test_the_order_of_delivery_is_irrelevant(history: list[Fact], seed: int) -> None:
    """R35."""
    assert times(published(told_differently(history, seed))) == times(published(history))


@given(histories())
@settings(max_examples=200, deadline=None)
def test_what_is_stated_step_by_step_is_what_follows_from_the_whole(history: list[Fact]) -> None:
    grants_now = {subject(each): each for each in grants(standing(history))}
    stated = {key: decision for key, decision in published(history).items() if len(key) == 1}
    assert stated == grants_now


@given(histories())
@settings(max_examples=200, deadline=None)
def test_nothing_is_stated_twice_in_a_row(history: list[Fact]) -> None:
    consultant = Consultant("C1")
    for fact in history:
        decisions = follow(consultant, fact)
        assert all(consultant.published.get(subject(each)) != each for each in decisions)
        for each in (fact, *decided(fact, decisions)):
            consultant = evolve(consultant, each)
        assert follow(consultant, Fact("other", day(0), day(0), CourseCompleted("C1", "another product"))) == ()


@given(histories())
@settings(max_examples=200, deadline=None)
def test_at_most_one_attempt_of_a_registration_grants_at_a_time(history: list[Fact]) -> None:
    """R7."""
    for registration in ("R1", "R2"):
        mine = {
            fact.fact_id
            for fact in history
            if isinstance(fact.data, AttemptScored) and fact.data.registration_id == registration
        }
        lines = [each.periods for each in grants(standing(history)) if each.grant_id in mine]
        for instant in (day(number / 2) for number in range(20)):
            assert sum(covers(line, instant) for line in lines) <= 1


PERIODS = st.lists(st.tuples(st.integers(0, 9), st.integers(1, 9) | st.none()), max_size=5).map(
    lambda pairs: [Period(day(start), None if length is None else day(start + length)) for start, length in pairs]
)


def covers(periods: object, instant: object) -> bool:
    assert isinstance(periods, list | tuple)
    return any(each.start <= instant and (each.end is None or instant < each.end) for each in periods)


@given(PERIODS, PERIODS, st.integers(0, 18))
def test_periods_are_sets_of_instants(some: list[Period], others: list[Period], number: int) -> None:
    at, line, cut = day(number), union(some), day(9)
    assert covers(line, at) == covers(some, at)
    assert covers(without(line, union(others)), at) == (covers(some, at) and not covers(others, at))
    assert covers(from_instant(line, cut, ()), at) == (covers(some, at) and at >= cut)
    assert covers(until_instant(line, cut, ()), at) == (covers(some, at) and at < cut)
    assert all(one.end is not None and one.end < two.start for one, two in pairwise(line))
    assert all(each.end is None or each.end - each.start > timedelta(0) for each in without(line, union(others)))
