"""When a person is certified: grants, less what lapsed for unfinished maintenance (R24, R25, R26, R37)."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from operator import attrgetter
from typing import Final

import msgspec
from msgspec.structs import replace

from services.compliance.policy.calendar import end_of_london_day
from services.compliance.policy.portal_change_terms import PortalChange
from shared.events.facts import GrantStatement, Period


class Obligation(msgspec.Struct, frozen=True, order=True):
    """A significant portal change: maintenance of a product is due from everyone granted before `announced_at` (R25).

    `fact_ids`: the declaration, and the corrections by which it is due then (R38). `due_on`: the London day by whose
    end, `lapse_at`, it is due.
    """

    announced_at: datetime
    lapse_at: datetime
    portal_change_id: str
    fact_ids: tuple[str, ...]
    due_on: date

    @classmethod
    def of(cls, change: PortalChange, product: str) -> "Obligation":
        """The certification lapses at the London midnight that ends `due_on` (R26)."""
        lapse_at = end_of_london_day(change.due_on)
        return cls(change.announced_at, lapse_at, change.portal_change_id, change.because_of(product), change.due_on)


class Span(msgspec.Struct, frozen=True):
    """Certified from `start` (inclusive) to `end` (exclusive; None: for ever).

    `start_facts`, `end_facts`: what made it start and end. `lapsed`: it ends because maintenance
    was not finished.
    """

    start: datetime
    end: datetime | None
    start_facts: tuple[str, ...]
    end_facts: tuple[str, ...]
    lapsed: bool


def valid_spans(
    grant: GrantStatement, obligations: Sequence[Obligation], completions: Mapping[str, Sequence[Period]]
) -> list[Span]:
    """The spans in which one grant of a person is valid, in order.

    `obligations`: of the grant's product, in order. `completions`: portal change id to the periods in which its
    maintenance is complete, in order. A grant at or after an announcement is free of it (R25).
    """
    valid = [Span(p.start, p.end, p.start_facts, p.end_facts, lapsed=False) for p in grant.periods]
    return obliged_spans(valid, grant, obligations, completions) if obligations else valid


def obliged_spans(
    valid: Sequence[Span],
    grant: GrantStatement,
    obligations: Sequence[Obligation],
    completions: Mapping[str, Sequence[Period]],
) -> list[Span]:
    """What is left of the valid spans of the grant under further obligations, which come after those obeyed so far."""
    left = list(valid)
    for obligation in _binding(_after(grant, obligations), completions):
        for gap in _unfinished(obligation, completions.get(obligation.portal_change_id, ())):
            left = _without(left, gap)
    return left


def lapses(
    grants: Iterable[GrantStatement], obligations: Sequence[Obligation], completions: Mapping[str, Sequence[Period]]
) -> list[Span]:
    """Where a grant would be valid, were the maintenance complete that is due from it, one span for each (R26).

    `start_facts`: what makes it due. Another grant can be valid meanwhile.
    """
    return [
        replace(
            gap,
            start=max(gap.start, period.start),
            end=min((end for end in (gap.end, period.end) if end is not None), default=None),
        )
        for grant in grants
        for obligation in _after(grant, obligations)
        for gap in _unfinished(obligation, completions.get(obligation.portal_change_id, ()))
        for period in grant.periods
        if (gap.end is None or period.start < gap.end) and (period.end is None or gap.start < period.end)
    ]


def _after(grant: GrantStatement, obligations: Sequence[Obligation]) -> Sequence[Obligation]:
    """Those announced after the grant (R25)."""
    return obligations[bisect_right(obligations, grant.granted_at, key=_announced_at) :]


def _binding(obligations: Sequence[Obligation], completions: Mapping[str, Sequence[Period]]) -> Sequence[Obligation]:
    """Those that can shorten a grant: of the ones for which nothing was ever completed, only the first to lapse."""
    never = [obligation for obligation in obligations if obligation.portal_change_id not in completions]
    if len(never) < 2:
        return obligations
    first = min(never, key=_lapse_at)
    return [due for due in obligations if due is first or due.portal_change_id in completions]


def _unfinished(obligation: Obligation, completed: Sequence[Period]) -> list[Span]:
    """Where maintenance is due and not complete. Completing at the very midnight is in time (R26)."""
    gaps = []
    start = obligation.lapse_at
    start_facts = obligation.fact_ids
    for period in completed:
        if period.end is not None and period.end <= start:
            continue
        if period.start > start:
            gaps.append(Span(start, period.start, start_facts, period.start_facts, lapsed=True))
        if period.end is None:
            return gaps
        start, start_facts = period.end, (*period.end_facts, *obligation.fact_ids)
    gaps.append(Span(start, None, start_facts, (), lapsed=True))
    return gaps


def _without(spans: Sequence[Span], gap: Span) -> list[Span]:
    left = []
    for span in spans:
        if (gap.end is not None and gap.end <= span.start) or (span.end is not None and span.end <= gap.start):
            left.append(span)
            continue
        if span.start < gap.start:
            left.append(Span(span.start, gap.start, span.start_facts, gap.start_facts, lapsed=True))
        if gap.end is not None and (span.end is None or gap.end < span.end):
            left.append(Span(gap.end, span.end, gap.end_facts, span.end_facts, span.lapsed))
    return left


_announced_at: Final = attrgetter("announced_at")
_lapse_at: Final = attrgetter("lapse_at")
_by_start: Final = attrgetter("start", "start_facts")


def united_spans(spans: Sequence[Span]) -> list[Span]:
    """The spans in which any of these holds, in order, none touching the next."""
    if len(spans) < 2:
        return list(spans)
    spans = sorted(spans, key=_by_start)
    united = spans[:1]
    for span in spans[1:]:
        last = united[-1]
        if last.end is not None and span.start > last.end:
            united.append(span)
        elif last.end is not None and (span.end is None or span.end > last.end):
            united[-1] = replace(last, end=span.end, end_facts=span.end_facts, lapsed=span.lapsed)
        elif span.end == last.end and last.end is not None and span.lapsed:
            united[-1] = replace(last, end_facts=span.end_facts, lapsed=True)
    return united
