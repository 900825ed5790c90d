"""Instants and days as people in London write them."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Final

from shared.events.london import LONDON

KEPT_MAX: Final = 8192
"""Instants, days and sentences whose words a process keeps: a page, and the pages of a day, say the same ones often."""


@lru_cache(KEPT_MAX)
def parsed(instant: str | datetime) -> datetime:
    """The instant of an answer, in London."""
    moment = instant if isinstance(instant, datetime) else datetime.fromisoformat(instant)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(LONDON)


def london(instant: str | datetime | None) -> str:
    """Such as "2 March 2026, 10:00"."""
    if not instant:
        return ""
    moment = parsed(instant)
    return f"{moment.day} {moment:%B %Y, %H:%M}"


@lru_cache(KEPT_MAX)
def london_day(day: str | date | None) -> str:
    """Such as "2 March 2026", of a day or of an instant."""
    if not day:
        return ""
    if isinstance(day, str):
        day = date.fromisoformat(day) if len(day) == 10 else parsed(day).date()
    elif isinstance(day, datetime):
        day = parsed(day).date()
    return f"{day.day} {day:%B %Y}"


_ISO_INSTANT: Final = re.compile(r"(?<![\w:(-])\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,6})?Z(?![\w-])")
_ISO_DAY: Final = re.compile(r"(?<![\w:-])(?<!policy )\d{4}-\d{2}-\d{2}(?![\w-])")
_BRACKETS: Final = re.compile(r" \([^()]*\)")
_PROGRAMMES: Final = re.compile(r"(?<=programmes )[A-Z_]+(?:, [A-Z_]+)*|(?<=programme )[A-Z][A-Z0-9_]+")


@lru_cache(KEPT_MAX)
def plain(text: str) -> str:
    """A sentence of a service with its days and instants as people in London write them, and its programmes in words.

    The id of a policy stays as it is, and so does an exact instant in brackets.
    """
    said = _ISO_INSTANT.sub(lambda instant: _words(instant[0], london), text)
    return _PROGRAMMES.sub(
        lambda codes: code_words(codes[0]), _ISO_DAY.sub(lambda day: _words(day[0], london_day), said)
    )


@lru_cache(KEPT_MAX)
def brief(text: str) -> str:
    """Like `plain`, without the text in brackets. The page of the row shows the whole text."""
    return plain(_BRACKETS.sub("", text))


def code_words(code: str) -> str:
    """Such as "Partner Success" of PARTNER_SUCCESS."""
    return code.replace("_", " ").title()


def _words(written: str, words: Callable[[str], str]) -> str:
    try:
        return words(written)
    except ValueError:
        return written


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
    return f"in {count(days)} days" if days > 0 else f"{count(-days)} days ago"


def count(number: int) -> str:
    """A whole number with commas between thousands, such as 1,271."""
    return f"{number:,}"
