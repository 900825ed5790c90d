"""The contents of an export whose integrity is verified, and the results of comparing them."""

from collections.abc import Sequence
from typing import NamedTuple

from sagecert_verify.claims import IndexedClaimLog
from sagecert_verify.finding import Finding
from sagecert_verify.indexed_events import IndexedEventLog, TakeOver
from sagecert_verify.indexed_facts import IndexedFactLog


class CheckedExport(NamedTuple):
    """`take_overs`: where an engine replaced another one."""

    facts: IndexedFactLog
    events: IndexedEventLog
    claims: IndexedClaimLog
    products: Sequence[str]
    take_overs: Sequence[TakeOver] = ()


class Result(NamedTuple):
    """What one task found: the first difference, and how much was compared. `unpublished`: events that follow later.

    `kept`: events that engines published by other rules, and that were corrected later; `first_kept`: the first of
    these that is not what follows, by position. `kept_claims`: likewise, of claims.
    """

    finding: Finding | None = None
    facts: int = 0
    decisions: int = 0
    events: int = 0
    claims: int = 0
    unpublished: int = 0
    kept: int = 0
    kept_claims: int = 0
    first_kept: int | None = None

    def __add__(self, other: object) -> "Result":
        assert isinstance(other, Result)
        counts = (count + added for count, added in zip(self[1:-1], other[1:-1], strict=True))
        places = [place for place in (self.first_kept, other.first_kept) if place is not None]
        return Result(first(self.finding, other.finding), *counts)._replace(first_kept=min(places, default=None))


def first(one: Finding | None, other: Finding | None) -> Finding | None:
    """The one of the earlier position."""
    return min((one, other), key=lambda finding: (finding is None, (finding and finding.position) or float("inf")))
