"""Items in the order of their instants."""

from bisect import bisect_left
from collections.abc import Sequence
from datetime import datetime
from typing import Generic, TypeVar

_T = TypeVar("_T")


class DatedLog(Generic[_T]):
    """Items by their instants, in order."""

    __slots__ = ("instants", "items")

    def __init__(self) -> None:
        self.instants: list[datetime] = []
        self.items: list[_T] = []

    def put(self, first: datetime, before: datetime | None, found: Sequence[tuple[datetime, _T]]) -> None:
        """Replaces the items from `first` (inclusive) to `before` (exclusive; None: all that follow)."""
        start = bisect_left(self.instants, first)
        end = len(self.instants) if before is None else bisect_left(self.instants, before)
        self.instants[start:end] = [instant for instant, _ in found]
        self.items[start:end] = [item for _, item in found]
