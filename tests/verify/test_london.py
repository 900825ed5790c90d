"""Summer time by the law is that of the time zone database, on every day that a fact can name."""

from datetime import UTC, date, datetime, time, timedelta

from sagecert_verify.derive.london import london_day, midnight_ending
from shared.events.london import LONDON

DAY = timedelta(days=1)
FIRST, LAST = date(2000, 1, 1), date(2100, 12, 31)


def test_every_midnight_and_day_of_the_century() -> None:
    for number in range((LAST - FIRST).days + 1):
        day = FIRST + number * DAY
        midnight = datetime.combine(day + DAY, time.min, LONDON).astimezone(UTC)
        assert midnight_ending(day) == midnight
        assert london_day(midnight) == day + DAY
        assert london_day(midnight - timedelta(microseconds=1)) == day
