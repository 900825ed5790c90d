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


class CertifiedPeriod(msgspec.Struct, frozen=True):
    """Certified from `start` (inclusive) to `end` (exclusive; None: for ever).

    `start_facts`, `end_facts`: what made it start and end. `lapsed`: it ends because maintenance was not finished.
    """

    start: datetime
    end: datetime | None
    start_facts: tuple[str, ...]
    end_facts: tuple[str, ...]
    lapsed: bool


def valid_periods(
    grant: GrantStatement, obligations: Sequence[Obligation], completions: Mapping[str, Sequence[Period]]
) -> list[CertifiedPeriod]:
    """The periods in which one grant of a person is valid, in order.

    `obligations`: of the grant's product, in order. `completions`: portal change id to the periods in which its
    maintenance is complete, in order. A grant at or after an announcement is free of it (R25).
    """
    valid = [CertifiedPeriod(p.start, p.end, p.start_facts, p.end_facts, lapsed=False) for p in grant.periods]
    return obliged_periods(valid, grant, obligations, completions) if obligations else valid


def obliged_periods(
    valid: Sequence[CertifiedPeriod],
    grant: GrantStatement,
    obligations: Sequence[Obligation],
    completions: Mapping[str, Sequence[Period]],
) -> list[CertifiedPeriod]:
    """What is left of the valid periods of the grant under further obligations, which come after those so far."""
    left = list(valid)
    for obligation in _binding(_after(grant, obligations), completions):
        for gap in _unfinished(obligation, completions.get(obligation.portal_change_id, ())):
            left = _without(left, gap)
    return left


def lapses(
    grants: Iterable[GrantStatement], obligations: Sequence[Obligation], completions: Mapping[str, Sequence[Period]]
) -> list[CertifiedPeriod]:
    """Where a grant would be valid, were the maintenance complete that is due from it, one period for each (R26).

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


def _unfinished(obligation: Obligation, completed: Sequence[Period]) -> list[CertifiedPeriod]:
    """Where maintenance is due and not complete. Completing at the very midnight is in time (R26)."""
    gaps = []
    start = obligation.lapse_at
    start_facts = obligation.fact_ids
    for period in completed:
        if period.end is not None and period.end <= start:
            continue
        if period.start > start:
            gaps.append(CertifiedPeriod(start, period.start, start_facts, period.start_facts, lapsed=True))
        if period.end is None:
            return gaps
        start, start_facts = period.end, (*period.end_facts, *obligation.fact_ids)
    gaps.append(CertifiedPeriod(start, None, start_facts, (), lapsed=True))
    return gaps


def _without(periods: Sequence[CertifiedPeriod], gap: CertifiedPeriod) -> list[CertifiedPeriod]:
    left = []
    for period in periods:
        if (gap.end is not None and gap.end <= period.start) or (period.end is not None and period.end <= gap.start):
            left.append(period)
            continue
        if period.start < gap.start:
            left.append(CertifiedPeriod(period.start, gap.start, period.start_facts, gap.start_facts, lapsed=True))
        if gap.end is not None and (period.end is None or gap.end < period.end):
            left.append(CertifiedPeriod(gap.end, period.end, gap.end_facts, period.end_facts, period.lapsed))
    return left


_announced_at: Final = attrgetter("announced_at")
_lapse_at: Final = attrgetter("lapse_at")
_by_start: Final = attrgetter("start", "start_facts")


def united_periods(periods: Sequence[CertifiedPeriod]) -> list[CertifiedPeriod]:
    """The periods in which any of these holds, in order, none touching the next."""
    if len(periods) < 2:
        return list(periods)
    periods = sorted(periods, key=_by_start)
    united = periods[:1]
    for period in periods[1:]:
        last = united[-1]
        if last.end is not None and period.start > last.end:
            united.append(period)
        elif last.end is not None and (period.end is None or period.end > last.end):
            united[-1] = replace(last, end=period.end, end_facts=period.end_facts, lapsed=period.lapsed)
        elif period.end == last.end and last.end is not None and period.lapsed:
            united[-1] = replace(last, end_facts=period.end_facts, lapsed=True)
    return united
