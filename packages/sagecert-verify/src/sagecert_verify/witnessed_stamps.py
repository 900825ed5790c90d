"""Compares the stamps of facts with the clocks of witnesses, which say when they first saw the facts."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Final

from sagecert_verify.indexed_facts import IndexedFactLog
from sagecert_verify.rows import quick_row, short

CLOCKS_APART_MAX: Final = timedelta(minutes=5)
"""The most by which clocks may differ."""
UNSEEN_MAX: Final = timedelta(hours=1)
"""A witness that is reached cosigns within seconds."""


def doubts(seen: Mapping[int, int], facts: IndexedFactLog) -> Iterator[str]:
    """Sentences about facts whose stamps the witnesses contradict: at most one about each of two kinds.

    `seen`: by size of a checkpoint, when it was first cosigned, in seconds since 1970. Neither kind is a finding: a
    clock can be wrong, and a witness out of reach.
    """
    sizes = sorted(size for size in seen if size)
    ahead = [(_stamp(facts, size) - _instant(seen[size]), size) for size in sizes]
    if ahead and max(ahead)[0] > CLOCKS_APART_MAX:
        by, size = max(ahead)
        yield (
            f"The fact at position {size} is stamped {_stamped(facts, size)}, {by} after a witness had seen it: "
            "the stamp is wrong, or the clock of the log or of the witness is."
        )
    # The facts before the first of these checkpoints may be older than the witness.
    unseen = [(_instant(seen[size]) - _stamp(facts, before + 1), before + 1) for before, size in pairwise(sizes)]
    if unseen and max(unseen)[0] > UNSEEN_MAX:
        by, position = max(unseen)
        yield (
            f"The fact at position {position} is stamped {_stamped(facts, position)}, {by} before a witness first saw "
            "it: only the log vouches for its stamp, and for those of the other facts recorded in that time."
        )


def _stamped(facts: IndexedFactLog, position: int) -> str:
    stamp: str = quick_row(facts.spool.read(position)).columns["recorded_at"]
    return short(stamp)


def _stamp(facts: IndexedFactLog, position: int) -> datetime:
    return datetime.fromisoformat(_stamped(facts, position))


def _instant(seconds: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=min(seconds, 2**35))
