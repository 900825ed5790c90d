"""Days and midnights of Europe/London.

By the law of summer time (The Summer Time Order 2002, Directive 2000/84/EC), which holds for all instants from 2000 to
2100 that a fact can name: an hour ahead of UTC from 01:00 UTC on the last Sunday of March to 01:00 UTC on the last
Sunday of October. No database of time zones is needed, and none can differ from the one of the system.
"""

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Final

HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)


@lru_cache(maxsize=256)
def summer_time(year: int) -> tuple[datetime, datetime]:
    """When summer time begins and ends in the year."""
    return last_sunday_at_one(year, 3), last_sunday_at_one(year, 10)


def last_sunday_at_one(year: int, month: int) -> datetime:
    """01:00 UTC on the last Sunday of a month that has 31 days."""
    last = date(year, month, 31)
    return datetime.combine(last - timedelta(days=last.isoweekday() % 7), time(1), UTC)


def offset(instant: datetime) -> timedelta:
    """By how much London is ahead of UTC at the instant."""
    begins, ends = summer_time(instant.year)
    return HOUR if begins <= instant < ends else timedelta()


def london_day(instant: datetime) -> date:
    """The London calendar day on which the instant (UTC) falls."""
    return (instant + offset(instant)).date()


def midnight_ending(day: date) -> datetime:
    """The London midnight with which the day ends, in UTC: the day itself is over (R15, R26)."""
    midnight = datetime.combine(day + DAY, time.min, UTC)
    return midnight - offset(midnight - HOUR)
