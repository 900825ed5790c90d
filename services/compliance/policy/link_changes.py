"""How the facts of each instant change the links of one person (R23, R29)."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime
from typing import TypeVar

import msgspec

from shared.rules.active_links import Link


class Employment(msgspec.Struct, frozen=True):
    """Where the person counts from `start` until the next employment begins.

    `counts_for`: the partner of the earliest active link, enrolled or not; None without a link.
    `facts`: the facts of `start` that changed it.
    """

    start: datetime
    counts_for: str | None
    facts: tuple[str, ...]


class LinkLog:
    """The link to one partner over time: from each instant the link that is active, or None."""

    __slots__ = ("instants", "links")

    def __init__(self) -> None:
        self.instants: list[datetime] = []
        self.links: list[Link | None] = []

    def copy(self) -> "LinkLog":
        """As it is now."""
        copy = LinkLog()
        copy.instants, copy.links = self.instants.copy(), self.links.copy()
        return copy

    @property
    def times(self) -> tuple[datetime, ...]:
        """The instants at which a link begins and ends, in turn."""
        found: list[datetime] = []
        for instant, link in zip(self.instants, self.links, strict=True):
            if (link is not None) is not bool(len(found) % 2):
                found.append(instant)
        return tuple(found)

    def before(self, instant: datetime) -> Link | None:
        """The link just before the instant."""
        place = bisect_left(self.instants, instant)
        return self.links[place - 1] if place else None

    def at(self, instant: datetime) -> Link | None:
        """The link at the instant."""
        place = bisect_right(self.instants, instant)
        return self.links[place - 1] if place else None


class Outcome(msgspec.Struct, frozen=True):
    """The changes by the facts of one instant. `links`: the changed ones, as they are afterwards.

    `employment`: where the person counts from then on. `several`: whether the person is linked to more than one partner
    from then on. None: as before.
    """

    links: dict[str, Link | None]
    employment: Employment | None
    several: bool | None


Outcomes = list[tuple[datetime, Outcome]]


class LinkChange(msgspec.Struct, frozen=True):
    """The outcomes from `since` to `met` (None: all that follow), before and after a change.

    `partners`: those whose links differ; None: the links to any partner in the outcomes can differ.
    """

    since: datetime
    met: datetime | None
    before: Outcomes
    after: Outcomes
    partners: Collection[str] | None = None


def last_before(several: Sequence[tuple[datetime, bool]], instant: datetime) -> bool:
    """The value just before the instant; False before the first."""
    place = bisect_left(several, (instant,))
    return place > 0 and several[place - 1][1]


_T = TypeVar("_T")


def splice(
    items: list[_T], since: datetime, met: datetime | None, found: Iterable[_T], key: Callable[[_T], datetime]
) -> None:
    """Replaces the items from `since` to `met` (None: all that follow)."""
    first = bisect_left(items, since, key=key)
    end = len(items) if met is None else bisect_right(items, met, key=key)
    items[first:end] = found
