"""Revocations of one person and product: which ended nothing (R37)."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from datetime import datetime

from shared.events.envelope import Fact
from shared.rules.no_effect_reasons import Findings


def revocations_without_effect(revocations: Iterable[Fact], instants: Sequence[datetime]) -> Findings:
    """The revocations with nothing to end: no attempt or recognition came since the one before, or since the beginning.

    `instants`: of the attempts and recognitions. Both are in the order of time.
    """
    ended = 0
    for revocation in revocations:
        by_then = bisect_right(instants, revocation.effective_at)
        if by_then == ended:
            yield revocation, "already_revoked" if ended else "nothing_to_revoke"
        ended = by_then
