"""Instants and days as people in London write them."""

from datetime import UTC, date, datetime, timedelta

from shared.events.london import LONDON


def parsed(instant: str | datetime) -> datetime:
    """The instant of an answer, in London."""
    moment = instant if isinstance(instant, datetime) else datetime.fromisoformat(instant)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(LONDON)


def london(instant: str | datetime | None) -> str:
    """Such as "2 Mar 2026, 10:00"."""
    if not instant:
        return ""
    moment = parsed(instant)
    return f"{moment.day} {moment:%b %Y, %H:%M}"


def london_day(day: str | date | None) -> str:
    """Such as "2 Mar 2026", of a day or of an instant."""
    if not day:
        return ""
    if isinstance(day, str):
        day = date.fromisoformat(day) if len(day) == 10 else parsed(day).date()
    elif isinstance(day, datetime):
        day = parsed(day).date()
    return f"{day.day} {day:%b %Y}"


def exact(instant: str | datetime | None) -> str:
    """The whole instant, such as "2026-07-02 10:00:00 BST (2026-07-02T09:00:00Z)"."""
    if not instant:
        return ""
    moment = parsed(instant)
    utc = moment.astimezone(UTC).replace(tzinfo=None)
    return f"{moment.replace(tzinfo=None).isoformat(' ')} {moment.tzname()} ({utc.isoformat()}Z)"


def for_input(instant: str | datetime | None) -> str:
    """The value of an `<input type="datetime-local">`: London's time to the minute."""
    return parsed(instant).strftime("%Y-%m-%dT%H:%M") if instant else ""


def from_input(text: str) -> str:
    """The instant of an `<input type="datetime-local">`, with London's offset; anything else as it is."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    return (moment if moment.tzinfo else moment.replace(tzinfo=LONDON)).isoformat()


def day_of(instant: str | datetime) -> date:
    """London's day at the instant."""
    return parsed(instant).date()


def midnight(day: date) -> str:
    """The instant at which London's day begins."""
    moment = datetime(day.year, day.month, day.day, tzinfo=LONDON)
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def last_instant(day: date) -> str:
    """The last second of London's day."""
    moment = datetime(day.year, day.month, day.day, 23, 59, 59, tzinfo=LONDON)
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def days_between(now: str | datetime, then: str | datetime | date) -> int:
    """How many London days it is from now until then; negative: then is past."""
    day = then if isinstance(then, date) and not isinstance(then, datetime) else _day(then)
    return (day - day_of(now)).days


def last_monday(now: str | datetime) -> date:
    """The day of the latest Monday that is over or begins today, in London; on a Monday, the one before."""
    today = day_of(now)
    return today - timedelta(days=today.weekday() or 7)


def _day(then: str | datetime) -> date:
    return date.fromisoformat(then) if isinstance(then, str) and len(then) == 10 else day_of(then)


def in_days(days: int) -> str:
    """Such as "in 3 days", "today", "2 days ago"."""
    if days in (0, 1, -1):
        return {0: "today", 1: "tomorrow", -1: "yesterday"}[days]
    return f"in {days} days" if days > 0 else f"{-days} days ago"


def count(number: int) -> str:
    """A whole number, its thousands apart by a thin space."""
    return f"{number:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")
