"""The one order in which everything is derived."""

from datetime import datetime
from typing import Final, NamedTuple

LAST_PARTNER: Final = "~"
"""Sorts after every partner id: a position with it comes after the step of each partner."""


class StepPosition(NamedTuple):
    """The place of a step: by instant, then timers before facts (R16), then log order, then partner.

    `instant`: when the facts were recorded, or when the timer is due. `position`: the `append_position` of the facts,
    which is at least 1; 0 for a timer.
    """

    instant: datetime
    position: int
    partner_id: str

    @property
    def timer(self) -> bool:
        """Whether it is the place of a timer."""
        return self.position == 0

    @property
    def complete(self) -> bool:
        """Whether every partner's part of it lies behind."""
        return self.partner_id == LAST_PARTNER
