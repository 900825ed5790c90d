"""How a partner stands for one product at one instant of a sweep, in full and within the bounds of an event."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Final, NamedTuple

import msgspec

from services.compliance.policy.enrolment import Enrolment
from services.compliance.policy.policy_timeline import Setting
from shared.events.compliance_events import Standing, Status, Suspension, Window

MAY_SELL_NEW: Final[frozenset[Status]] = frozenset({"compliant", "in_window"})


class Replacement(msgspec.Struct, frozen=True):
    """One window with what the answer does not show.

    `days`: how long it runs, and by which policy. `ordinal` and `about` identify it: the windows opened at one instant
    are numbered from 1. `opened_facts`: the facts that opened it. `reminders`: the instants at which to remind, in
    order.
    """

    window: Window
    days: Setting[int]
    ordinal: int
    about: str
    opened_facts: tuple[str, ...]
    reminders: tuple[datetime, ...]


class Bounds(NamedTuple):
    """How much of a standing an event carries at most."""

    counted: int
    unfilled: int
    ended: int
    suspensions: int


_IN_ALL: Final = Bounds(counted=200, unfilled=200, ended=20, suspensions=20)
"""Of all products together, of which there are at most 10: some 60 KiB, so that no event exceeds 64 KiB."""


def bounds_for(products: int) -> Bounds:
    """The bounds of each product if so many `products` are sold; at least one of each."""
    return Bounds(*(max(1, most // products) for most in _IN_ALL))


class Situation(msgspec.Struct, frozen=True):
    """What holds at one instant.

    `counted`: consultant id to the facts that make it count; `counted_ids`: the same ids, sorted. `unfilled`: the
    windows that wait for a replacement, oldest first, as many as the shortfall (R18). `ended`: the others, in the order
    in which they ended. `suspensions`: those that ended. `reached_facts` gives the facts by which the minimum was
    reached at an instant (R12).
    """

    product: str
    enrolment: Enrolment | None
    reached_at: datetime | None
    reached_facts: Callable[[datetime], tuple[str, ...]]
    unfilled: tuple[Replacement, ...]
    suspended_since: datetime | None
    counted: Mapping[str, tuple[str, ...]]
    counted_ids: Sequence[str]
    ended: Sequence[Window]
    suspensions: Sequence[Suspension]

    @property
    def status(self) -> Status:
        """The status (see Statuses in the rules)."""
        if self.enrolment is None or not self.enrolment.enrolled:
            return "not_enrolled"
        if self.reached_at is None:
            return "not_yet_authorised"
        if self.suspended_since is not None:
            return "suspended"
        return "in_window" if self.unfilled else "compliant"

    @property
    def minimum(self) -> int | None:
        """How many counted consultants the partner must keep; None until its kind is known (R10)."""
        return None if self.enrolment is None else self.enrolment.minimum

    @property
    def shortfall(self) -> int | None:
        """How many are missing; None with the minimum (R10)."""
        minimum = self.minimum
        return None if minimum is None else max(0, minimum - len(self.counted))

    def windows(self) -> list[Window]:
        """Every window, in opening order."""
        return sorted([*self.ended, *(replacement.window for replacement in self.unfilled)], key=_opened_at)

    def standing(self, bounds: Bounds | None = None) -> Standing:
        """The standing, with whom the partner may sell to (R19, R20); within the bounds, where there are any.

        Within bounds the first of the counted ids are there, the oldest unfilled windows, and the windows and the
        suspensions that ended last. The standing says how many it leaves out.
        """
        status = self.status
        ids, unfilled, ended, suspensions = self.counted_ids, self.unfilled, self.ended, self.suspensions
        if bounds is not None:
            ids, unfilled = ids[: bounds.counted], unfilled[: bounds.unfilled]
            ended, suspensions = ended[-bounds.ended :], suspensions[-bounds.suspensions :]
        windows = list(ended)
        if unfilled:
            windows += [replacement.window for replacement in unfilled]
        if len(windows) > 1:
            windows.sort(key=_opened_at)
        running = () if self.suspended_since is None else (Suspension(self.suspended_since),)
        return Standing(
            product=self.product,
            headcount=len(self.counted),
            counted=tuple(ids),
            minimum=self.minimum,
            shortfall=self.shortfall,
            status=status,
            sell_new=status in MAY_SELL_NEW,
            maintain_existing=status != "not_enrolled",
            windows=tuple(windows),
            suspensions=(*suspensions, *running),
            counted_omitted=len(self.counted_ids) - len(ids),
            windows_omitted=len(self.ended) - len(ended) + len(self.unfilled) - len(unfilled),
            suspensions_omitted=len(self.suspensions) - len(suspensions),
        )


_opened_at: Final = attrgetter("opened_at")
