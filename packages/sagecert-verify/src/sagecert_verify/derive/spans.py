"""Half-open spans of time: sorted, apart from each other; an end of None is never."""

from collections.abc import Iterable, Sequence
from datetime import datetime

Span = tuple[datetime, datetime | None]


def union(spans: Iterable[Span]) -> list[Span]:
    """All time that is in at least one of the spans."""
    found: list[Span] = []
    for begin, end in sorted(spans, key=lambda span: span[0]):
        if end is not None and end <= begin:
            continue
        if found and (found[-1][1] is None or begin <= found[-1][1]):
            last_begin, last_end = found[-1]
            found[-1] = (last_begin, None if last_end is None or end is None else max(last_end, end))
        else:
            found.append((begin, end))
    return found


def without(spans: Sequence[Span], taken: Sequence[Span]) -> list[Span]:
    """All time that is in the spans and not in those taken away; both are sorted and apart."""
    left = list(spans)
    for cut_begin, cut_end in taken:
        rest: list[Span] = []
        for begin, end in left:
            if (end is not None and end <= cut_begin) or (cut_end is not None and cut_end <= begin):
                rest.append((begin, end))
                continue
            if begin < cut_begin:
                rest.append((begin, cut_begin))
            if cut_end is not None and (end is None or cut_end < end):
                rest.append((cut_end, end))
        left = rest
    return left


def both(spans: Sequence[Span], others: Sequence[Span]) -> list[Span]:
    """All time that is in both; both are sorted and apart."""
    found: list[Span] = []
    first = second = 0
    while first < len(spans) and second < len(others):
        (begin, end), (other_begin, other_end) = spans[first], others[second]
        later, sooner = max(begin, other_begin), _sooner(end, other_end)
        if sooner is None or later < sooner:
            found.append((later, sooner))
        if sooner is None:
            break
        if end == sooner:
            first += 1
        if other_end == sooner:
            second += 1
    return found


def holds(spans: Sequence[Span], at: datetime) -> bool:
    """Whether the instant is in one of the spans."""
    return any(begin <= at and (end is None or at < end) for begin, end in spans)


def _sooner(end: datetime | None, other: datetime | None) -> datetime | None:
    if end is None or other is None:
        return other if end is None else end
    return min(end, other)
