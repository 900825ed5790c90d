"""What a person lacks, against who certification says is certified (R4, R7, R32, R37), and when maintenance is owed."""

from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.certification.domain.rules.grants import grants
from services.certification.domain.void import standing
from services.compliance.policy.certified_periods import Obligation
from services.compliance.policy.missing_qualifications import NO_TRAINING, lacking, owed_maintenance, training_of
from shared.events.envelope import Fact
from shared.events.facts import AttemptScored, ConsultantCertified, CourseCompleted, ExamRegistered, Period, Reported
from tests.certification.seed import day
from tests.certification.test_laws import histories


def certified(history: list[Fact], product: str, at: datetime) -> bool:
    return any(
        period.start <= at and (period.end is None or at < period.end)
        for grant in grants(standing(history))
        if grant.product == product
        for period in grant.periods
    )


def lacks(history: list[Fact], product: str, at: datetime) -> tuple[str, ...]:
    training = training_of(history).get(product, NO_TRAINING)
    return lacking(at, training, certified=certified(history, product, at), maintenance_owed=False)


@given(histories(), st.sampled_from(["S200P", "S200S"]), st.integers(0, 7))
@settings(max_examples=300, deadline=None)
def test_with_what_it_lacks_and_with_nothing_less_a_person_is_certified(
    history: list[Fact], product: str, on: int
) -> None:
    at = day(on + 0.5)
    missing = lacks(history, product, at)
    assert bool(missing) is not certified(history, product, at)
    done: dict[str, list[Reported]] = {
        "course": [CourseCompleted("C1", product)],
        "pass": [ExamRegistered("R9", "C1", product), AttemptScored("R9", 1, "80")],
    }
    for left_out in (None, *missing):
        reports = [data for lack in missing if lack != left_out for data in done[lack]]
        more = [Fact(f"more{number}", at, at, data) for number, data in enumerate(reports)]
        assert certified(history + more, product, at) is (left_out is None)


def test_a_certification_that_lapsed_needs_maintenance_and_nothing_else() -> None:
    """R26."""
    assert lacking(day(1), NO_TRAINING, certified=False, maintenance_owed=True) == ("maintenance",)
    assert lacking(day(1), NO_TRAINING, certified=True, maintenance_owed=True) == ()


CHANGE = Obligation(day(10), day(40), "CH1", ("change",), day(39).date())


def grant(granted: float, *periods: tuple[float, float | None]) -> ConsultantCertified:
    held = tuple(Period(day(start), None if end is None else day(end)) for start, end in periods)
    return ConsultantCertified("C1", "S200P", f"g{granted}", day(granted), held)


@pytest.mark.parametrize(
    ("held", "completed", "owed"),
    [
        ([grant(1, (1, None))], [], [10]),
        ([grant(1, (1, None))], [(20, None)], [10, 20]),
        ([grant(1, (1, None))], [(20, 25)], [10, 20, 25]),
        ([grant(1, (1, None))], [(5, 25), (25, None)], []),
        ([grant(10, (10, None))], [], []),
        ([grant(1, (1, 5))], [], []),
        ([grant(1, (1, 10))], [], []),
        ([grant(1, (1, 30))], [], [10, 30]),
        ([grant(1, (1, 15)), grant(2, (15, 30))], [], [10, 30]),
        ([grant(1, (1, None)), grant(15, (15, 50))], [], [10, 15, 50]),
        ([grant(1, (1, None)), grant(2, (2, 60))], [(5, None)], []),
    ],
)
def test_maintenance_is_owed_while_every_grant_in_force_is_older_than_the_announcement(
    held: list[ConsultantCertified],
    completed: list[tuple[float, float | None]],
    owed: list[float],
) -> None:
    """R25: a grant at or after the announcement is free of it. It is owed from the first instant to the second, ..."""
    done = [Period(day(start), None if end is None else day(end)) for start, end in completed]
    assert owed_maintenance(held, CHANGE, done) == tuple(map(day, owed))
