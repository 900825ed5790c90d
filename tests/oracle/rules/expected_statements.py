"""What certification has to have published, by definition: for every grant and every completed maintenance,
the periods in which it holds, found by looking at every instant. `facts`: the facts in force, in log order.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from tests.oracle.rules.certifying import grants, maintenance_is_done
from tests.oracle.rules.facts import CourseCompleted, Fact

Periods = tuple[tuple[datetime, datetime | None], ...]


@dataclass(frozen=True)
class GrantPeriods:
    """When one grant holds, and by what instant its maintenance duty goes (R25)."""

    granted_at: datetime
    periods: Periods


def grants_of(facts: Sequence[Fact], consultant: str, product: str) -> dict[str, GrantPeriods]:
    """By grant id. Left out are grants that never hold."""
    instants = instants_of(facts)
    granted_at = {
        grant.grant_id: grant.granted_at for at in instants for grant in grants(facts, consultant, product, at)
    }

    def holds(grant_id: str) -> Callable[[datetime], bool]:
        return lambda at: any(grant.grant_id == grant_id for grant in grants(facts, consultant, product, at))

    return {grant_id: GrantPeriods(granted_at[grant_id], periods(instants, holds(grant_id))) for grant_id in granted_at}


def maintenance_of(facts: Sequence[Fact], consultant: str, product: str) -> dict[str, Periods]:
    """By portal change, whether declared or not. Left out is maintenance that is never complete."""
    changes = {
        fact.change
        for fact in facts
        if isinstance(fact, CourseCompleted) and (fact.consultant, fact.product) == (consultant, product)
        if fact.change is not None
    }

    def done(change: str) -> Callable[[datetime], bool]:
        return lambda at: maintenance_is_done(facts, consultant, product, change, at)

    found = {change: periods(instants_of(facts), done(change)) for change in changes}
    return {change: when for change, when in found.items() if when}


def instants_of(facts: Sequence[Fact]) -> list[datetime]:
    """Every instant at which something takes effect, in order."""
    return sorted({fact.effective_at for fact in facts})


def periods(instants: Sequence[datetime], holds: Callable[[datetime], bool]) -> Periods:
    """Half-open; a period that is still on has no end."""
    found: list[tuple[datetime, datetime | None]] = []
    for instant in instants:
        running = bool(found) and found[-1][1] is None
        if holds(instant) and not running:
            found.append((instant, None))
        if not holds(instant) and running:
            found[-1] = (found[-1][0], instant)
    return tuple(found)
