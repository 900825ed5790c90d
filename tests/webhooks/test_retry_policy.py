"""What follows from an answer that was no success."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.compliance.webhooks.delivery.retry_policy import (
    HEALTHY,
    Health,
    RetryDecision,
    after_failure,
    after_parking,
)
from services.compliance.webhooks.outcome import Outcome

NOW = datetime(2022, 6, 1, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
AGES = st.timedeltas(timedelta(0), 119 * HOUR)


def answered(status: int | None, retry_after_seconds: float | None = None) -> Outcome:
    error = "no answer within 15 s" if status is None else None
    return Outcome(status, error, 12, b"", retry_after_seconds)


def failing(age: timedelta) -> Health:
    return Health(NOW - age, 3)


def after(outcome: Outcome, health: Health = HEALTHY, chance: float = 0.0, *, parkable: bool = True) -> RetryDecision:
    return after_failure(outcome, health, NOW, chance, parkable=parkable)


def test_it_waits_5_seconds_then_twice_as_long_each_time_up_to_an_hour() -> None:
    waits, health = [], HEALTHY
    for _ in range(12):
        following = after(answered(500), health)
        waits.append(following.wait_seconds)
        health = following.health
    assert waits == [5, 10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600]


@given(st.integers(0, 10_000), st.floats(0, 1), st.sampled_from([None, 302, 400, 404, 429, 500, 503]), AGES)
def test_the_jitter_is_bounded(failures: int, chance: float, status: int | None, age: timedelta) -> None:
    health = Health(NOW - age, failures) if failures else HEALTHY
    following = after(answered(status), health, chance)
    longest = after(answered(status), health, 0.0).wait_seconds
    assert longest * 0.8 <= following.wait_seconds <= longest <= 3600
    assert following.wait_seconds >= 4


@given(st.sampled_from([429, 503]), st.floats(0, 1e9), st.integers(0, 100), st.floats(0, 1))
def test_who_is_busy_is_left_alone_for_as_long_as_it_asks_if_that_is_longer(
    status: int, asked: float, failures: int, chance: float
) -> None:
    """What it asks for is a lower bound, of at most an hour; nobody brings attempts on more quickly."""
    unasked = after(answered(status), Health(NOW, failures), chance).wait_seconds
    following = after(answered(status, asked), Health(NOW, failures), chance)
    assert following.wait_seconds == max(unasked, min(asked, 3600))


def test_zero_seconds_do_not_end_the_backing_off() -> None:
    waits, health = [], HEALTHY
    for _ in range(5):
        following = after(answered(503, 0), health)
        waits.append(following.wait_seconds)
        health = following.health
    assert waits == [5, 10, 20, 40, 80]


def test_nobody_else_says_when_to_come_back() -> None:
    assert after(answered(500, 1000)).wait_seconds == 5


@given(st.integers(0, 100), st.floats(0, 1))
def test_who_is_gone_is_disabled_at_once(failures: int, chance: float) -> None:
    assert after(answered(410), Health(NOW, failures), chance).disable == "gone"


@pytest.mark.parametrize(("hours", "disabled"), [(119.99, None), (120, "failing")])
def test_who_has_failed_for_120_hours_is_disabled(hours: float, disabled: str | None) -> None:
    assert after(answered(500), failing(hours * HOUR)).disable == disabled


def test_the_log_is_told_at_1_hour_and_at_24_once_each() -> None:
    told, health = [], HEALTHY
    for minutes in range(0, 60 * 50, 7):
        at = NOW + timedelta(minutes=minutes)
        following = after_failure(answered(500), health, at, 0.5, parkable=True)
        health = following.health
        if following.warn_hours is not None:
            told.append((following.warn_hours, minutes))
    assert told == [(1, 63), (24, 1442)]


def test_who_was_not_tried_for_a_day_is_warned_of_once() -> None:
    following = after(answered(500), failing(25 * HOUR))
    assert (following.warn_hours, following.health.warned_hours) == (24, 24)
    assert after(answered(500), following.health).warn_hours is None


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_message_rejected_for_24_hours_may_be_parked(status: int) -> None:
    for age, park in ((24 * HOUR - timedelta(seconds=1), False), (24 * HOUR, True)):
        health = Health(NOW - 30 * HOUR, 9, 24, NOW - age)
        assert after(answered(status), health).park is park


@pytest.mark.parametrize("status", [None, 302, 401, 404, 429, 500])
def test_any_other_answer_means_that_it_is_not_the_message(status: int | None) -> None:
    following = after(answered(status), Health(NOW - 30 * HOUR, 9, 24, NOW - 25 * HOUR))
    assert (following.park, following.health.rejecting_since) == (False, None)


def test_what_is_not_one_event_alone_is_never_parked() -> None:
    following = after(answered(400), Health(NOW - 30 * HOUR, 9, 24, NOW - 25 * HOUR), parkable=False)
    assert (following.park, following.health.rejecting_since) == (False, None)


def test_parking_does_not_make_well() -> None:
    """Who rejects everything is disabled in the end."""
    health = after_parking(Health(NOW - 119 * HOUR, 9, 24, NOW - 25 * HOUR))
    assert health == Health(NOW - 119 * HOUR, 9, 24, None)
    assert after_failure(answered(400), health, NOW + HOUR, 0.5, parkable=True).disable == "failing"
