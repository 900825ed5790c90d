"""Events of a log as feeds hold them: encoded, with the values that filters test, and in pages."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any, Final, NamedTuple

LIMIT_DEFAULT: Final = 100
LIMIT_MAX: Final = 1000
"""Events of a page, and items of a list."""
POSITION_MAX: Final = 2**53 - 1
"""The largest position that readers with floating-point JSON numbers can distinguish from the next."""


class Event(NamedTuple):
    """An encoded event of a log, and the values that filters test. `moment`: those that `Filter.until` bounds.

    `history`: it follows from facts that were loaded afterwards.
    """

    position: int
    body: bytes
    type: str
    partner_ids: tuple[str, ...]
    products: tuple[str, ...]
    moment: tuple[Any, ...] = ()
    history: bool = False


class Filter(NamedTuple):
    """Selects events of these types, about one of these partners and one of these products; empty: any.

    `until`: the greatest values of an event's `moment`; None: any. `history` false: without what was loaded afterwards.
    """

    types: frozenset[str] = frozenset()
    partner_ids: frozenset[str] = frozenset()
    products: frozenset[str] = frozenset()
    until: tuple[Any, ...] = ()
    history: bool = True

    def passes(self, event: Event) -> bool:
        """Whether the filter selects the event."""
        return (
            (not self.types or event.type in self.types)
            and (not self.partner_ids or not self.partner_ids.isdisjoint(event.partner_ids))
            and (self.history or not event.history)
            and (not self.products or not self.products.isdisjoint(event.products))
            and all(last is None or value <= last for last, value in zip(self.until, event.moment, strict=False))
        )


EVERYTHING: Final = Filter()


class FeedRead(NamedTuple):
    """Some events of a log, and its end in the same snapshot. `log`: which; a reset of a sandbox makes another."""

    events: Sequence[Event]
    head: int
    log: int


class Page:
    """The result of one read. `through`: the last position scanned. `head`: the end of the log at the time.

    `log`: which log it is; None: it was not read. `replaced`: the followed log was replaced by another, which happens
    only in a sandbox.
    """

    def __init__(
        self, events: Sequence[Event], through: int, head: int, log: int | None = None, *, replaced: bool = False
    ) -> None:
        self.events = events
        self.through = through
        self.head = head
        self.log = log
        self.replaced = replaced

    @property
    def more(self) -> bool:
        """Whether the log goes on after `through`."""
        return self.through < self.head

    @cached_property
    def bodies(self) -> bytes:
        """The encoded events, separated by commas."""
        return b",".join(event.body for event in self.events)
