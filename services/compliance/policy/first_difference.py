"""The first instant at which two timelines of the same thing differ."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol


class _Starting(Protocol):
    @property
    def start(self) -> datetime: ...


def first_difference(old: Sequence[_Starting], new: Sequence[_Starting]) -> datetime | None:
    """The first instant at which the two differ, both in the order of their starts; None: they are equal."""
    for before, after in zip(old, new, strict=False):
        if before != after:
            return min(before.start, after.start)
    longer = new if len(new) > len(old) else old
    shorter = min(len(old), len(new))
    return longer[shorter].start if len(longer) > shorter else None
