"""The pattern of instants and days in the documents is that of the code, but for offsets on the first and last day."""

import re
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.certification.api.fields import parse_day
from services.web.input_parsing import DAY_PATTERN, INSTANT_SCHEMA, parse_instant

INSTANT = re.compile(str(INSTANT_SCHEMA["pattern"]))
DAY = re.compile(DAY_PATTERN)


@given(st.from_regex(INSTANT, fullmatch=True))
def test_what_the_document_allows_is_an_instant(written: str) -> None:
    assert 2000 <= parse_instant(written).year <= 2100


@given(st.from_regex(DAY, fullmatch=True))
def test_what_the_document_allows_is_a_day(written: str) -> None:
    assert parse_day(written).isoformat() == written


def test_every_day_is_allowed() -> None:
    day = date(1999, 12, 25)
    while day < date(2101, 1, 7):
        assert bool(DAY.fullmatch(day.isoformat())) is (2000 <= day.year <= 2100), day
        day += timedelta(1)


FIRST, LAST = datetime(2000, 1, 1), datetime(2100, 12, 31, 23, 59, 59)  # noqa: DTZ001  # Hypothesis adds the zone


@given(st.datetimes(FIRST, LAST, timezones=st.just(UTC)))
def test_every_instant_in_utc_is_allowed(instant: datetime) -> None:
    assert INSTANT.fullmatch(instant.isoformat().replace("+00:00", "Z"))


@pytest.mark.parametrize("day", ["2100-02-29", "2001-02-29", "2022-04-31", "2022-13-01", "2022-00-10", "2022-01-00"])
def test_what_is_no_day_is_not_allowed(day: str) -> None:
    assert DAY.fullmatch(day) is None
    assert INSTANT.fullmatch(f"{day}T00:00:00Z") is None
