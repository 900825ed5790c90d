"""The difference that one step of a partner's history makes, while it is put together."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from services.compliance.policy.event_announcement import Announcement, Change
from shared.events.compliance_events import Standing

_REMINDER: Final = "replacement-window-closing"


class StepDifference:
    """What one step changes. `changed_from`: product to the earliest instant at which its sweep differs.

    `standings`: those that its events carry. `history`: the facts behind it were loaded afterwards. `recorded_at`: the
    instant, as text, that its events carry.
    """

    __slots__ = ("announced", "changed_from", "fact_ids", "history", "instant", "recorded_at", "retracted", "standings")

    def __init__(self, instant: datetime, fact_ids: tuple[str, ...], *, history: bool = False) -> None:
        self.instant = instant
        self.fact_ids = fact_ids
        self.history = history
        self.retracted: list[Announcement] = []
        self.announced: list[Announcement] = []
        self.changed_from: dict[str, datetime] = {}
        self.standings: tuple[Standing, ...] = ()
        self.recorded_at = ""

    def mark_changed(self, product: str, instant: datetime) -> None:
        """The sweep of the product differs from the instant on, or from an earlier one."""
        known = self.changed_from.get(product)
        if known is None or instant < known:
            self.changed_from[product] = instant

    def add(self, product: str, change: Change) -> None:
        """Adds what a sweep of the product changed."""
        if change.changed_from is not None:
            self.mark_changed(product, change.changed_from)
        self.replace(change.retracted, change.announced)

    def replace(self, old: Sequence[Announcement], new: Sequence[Announcement]) -> None:
        """Retracts the announcements that only `old` has, and announces those that only `new` has."""
        if not old:
            self.announced += new
            return
        before, after = set(old), set(new)
        self.retracted += [announcement for announcement in old if announcement not in after]
        self.announced += [announcement for announcement in new if announcement not in before]

    def drop_reminders(self) -> None:
        """Only a timer reminds: no step of facts, and no correction, does it late."""
        if self.announced:
            self.announced = [announcement for announcement in self.announced if announcement.name != _REMINDER]
