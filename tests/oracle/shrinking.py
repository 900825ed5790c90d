"""Makes a history that shows a mistake small enough to read."""

from collections.abc import Callable

from tests.oracle.histories import History
from tests.oracle.rules.facts import FactVoided


def smallest(history: History, is_wrong: Callable[[History], bool]) -> History:
    """A part of the history that is still wrong, and of which no fact can be left out."""
    changed = True
    while changed:
        changed = False
        for place in reversed(range(len(history))):
            if place >= len(history):
                continue
            candidate = _without_orphans(history[:place] + history[place + 1 :])
            if candidate and is_wrong(candidate):
                history, changed = candidate, True
    return history


def _without_orphans(history: History) -> History:
    """Without voids of facts that are no longer there."""
    ids = {fact.fact_id for fact in history}
    return [fact for fact in history if not isinstance(fact, FactVoided) or fact.voided in ids]


def told(history: History) -> str:
    """One fact a line, as it would be written in a test."""
    return "\n".join(f"    {fact!r}," for fact in history)
