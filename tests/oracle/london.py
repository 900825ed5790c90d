"""Days and midnights of Europe/London."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

LONDON = ZoneInfo("Europe/London")


def london_day(instant: datetime) -> date:
    """The London calendar day on which the instant falls."""
    return instant.astimezone(LONDON).date()


def midnight_ending(day: date) -> datetime:
    """The London midnight with which the day ends, in UTC: the day itself is over (R15, R26)."""
    return datetime.combine(day + timedelta(days=1), time.min, LONDON).astimezone(UTC)
