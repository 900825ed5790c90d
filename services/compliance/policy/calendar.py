"""Europe/London days: deadlines are London midnights, whatever the UTC offset (R15, R26)."""

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache

from shared.events.london import LONDON


@lru_cache(maxsize=65_536)
def end_of_london_day(day: date) -> datetime:
    """The London midnight that ends the day, as an instant in UTC."""
    return datetime.combine(day + timedelta(days=1), time(), LONDON).astimezone(UTC)


def london_day(instant: datetime) -> date:
    """The London day of the instant."""
    return instant.astimezone(LONDON).date()


def deadline_on(opened_at: datetime, window_days: int) -> date:
    """The last London day to replace somebody lost at `opened_at`: in time means through that day (R15)."""
    return london_day(opened_at) + timedelta(days=window_days)


@lru_cache(maxsize=65_536)
def london_days_before(midnight: datetime, days: int) -> datetime:
    """The London midnight `days` London days before the London midnight given."""
    return end_of_london_day(london_day(midnight) - timedelta(days=days + 1))
