"""When people begin to count and cease to."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from services.compliance.policy.counting_partner import Counted


class Movement(msgspec.Struct, frozen=True):
    """A consultant begins to count (`gained`) or ceases to, because of these facts."""

    gained: bool
    facts: tuple[str, ...]

    @property
    def people(self) -> int:
        """By how many the headcount grows."""
        return 1 if self.gained else -1


def movements_of(times: Sequence[Counted]) -> dict[datetime, Movement]:
    """The instants at which a person with these times, none touching the next, begins or ceases to count."""
    movements: dict[datetime, Movement] = {}
    for time in times:
        movements[time.start] = Movement(True, time.start_facts)
        if time.end is not None:
            movements[time.end] = Movement(False, time.end_facts)
    return movements


def facts_at(times: Sequence[Counted], instant: datetime) -> tuple[str, ...] | None:
    """The facts by which a person with these times counts at the instant; None if it does not."""
    for time in reversed(times):
        if time.start <= instant:
            return time.start_facts if time.end is None or instant < time.end else None
    return None
