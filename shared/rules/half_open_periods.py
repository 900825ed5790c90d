"""Arithmetic of half-open periods, each end with the ids of the facts that made it so.

A line of periods is sorted and does not overlap; `None` as an end stands for ever.
"""

from collections.abc import Iterable
from datetime import datetime
from operator import attrgetter

from shared.events.facts import Period


def facts_of(*groups: Iterable[str]) -> tuple[str, ...]:
    """The ids of all groups, each once, in the order of their first mention."""
    return tuple(dict.fromkeys(fact_id for group in groups for fact_id in group))


def ends_after(one: datetime | None, other: datetime) -> bool:
    """Whether the end `one` lies after the instant `other`."""
    return one is None or one > other


def from_instant(periods: Iterable[Period], instant: datetime, because: tuple[str, ...]) -> tuple[Period, ...]:
    """The parts of the periods at or after the instant; `because` are the facts that set it.

    They join the facts of the periods that would have started earlier.
    """
    kept = []
    for period in periods:
        if period.start > instant:
            kept.append(period)
        elif ends_after(period.end, instant):
            kept.append(Period(instant, period.end, facts_of(period.start_facts, because), period.end_facts))
    return tuple(kept)


def provided(periods: Iterable[Period], since: datetime, because: tuple[str, ...]) -> tuple[Period, ...]:
    """The parts of the periods at or after `since`, each with the facts `because` as well."""
    return tuple(
        Period(period.start, period.end, facts_of(period.start_facts, because), period.end_facts)
        for period in from_instant(periods, since, because)
    )


def until_instant(periods: Iterable[Period], instant: datetime, because: tuple[str, ...]) -> tuple[Period, ...]:
    """The parts of the periods before the instant; `because` are the facts that set it."""
    kept = []
    for period in periods:
        if period.start >= instant:
            break
        cut = ends_after(period.end, instant)
        kept.append(Period(period.start, instant, period.start_facts, because) if cut else period)
    return tuple(kept)


def without(periods: Iterable[Period], others: Iterable[Period]) -> tuple[Period, ...]:
    """The parts of the first periods outside the others. A part that begins at an end of these names its facts, too."""
    left: list[Period] = []
    cuts = list(others)
    first = 0
    for period in periods:
        start, start_facts = period.start, period.start_facts
        while first < len(cuts) and not ends_after(cuts[first].end, start):
            if cuts[first].end == start:
                start_facts = facts_of(start_facts, cuts[first].end_facts)
            first += 1
        at = first
        while at < len(cuts) and ends_after(period.end, cuts[at].start):
            cut = cuts[at]
            if cut.start > start:
                left.append(Period(start, cut.start, start_facts, cut.start_facts))
            if cut.end is None or not ends_after(period.end, cut.end):
                break
            start, start_facts = cut.end, facts_of(period.start_facts, cut.end_facts)
            at += 1
        else:
            left.append(Period(start, period.end, start_facts, period.end_facts))
    return tuple(left)


def union(periods: Iterable[Period]) -> tuple[Period, ...]:
    """Periods in any order, overlapping or touching, as one line."""
    line: list[Period] = []
    for period in sorted(periods, key=attrgetter("start")):
        last = line[-1] if line else None
        if last is None or (last.end is not None and last.end < period.start):
            line.append(period)
        elif last.end is not None and ends_after(period.end, last.end):
            line[-1] = Period(last.start, period.end, last.start_facts, period.end_facts)
    return tuple(line)
