"""The one order in which everything is derived, and the facts' part of it."""

from datetime import datetime
from typing import Final, NamedTuple

TIMER: Final = 0
FACTS: Final = 1

LAST_PARTNER: Final = "~"
"""Sorts after every partner id: a key with it comes after the step of each partner."""


class ReplayPosition(NamedTuple):
    """The place of a step: timers come before facts of the same instant (R16), then log order, then partner.

    `instant`: when the facts were recorded, or when the timer is due. `position`: the
    `append_position` of the facts, 0 for timers.
    """

    instant: datetime
    kind: int
    position: int
    partner_id: str

    @property
    def complete(self) -> bool:
        """Whether every partner's part of it lies behind."""
        return self.partner_id == LAST_PARTNER
