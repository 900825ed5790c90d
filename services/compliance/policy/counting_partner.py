"""Where a person counts: one partner at a time, the earliest link that is still active (R23, R29)."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from datetime import datetime
from operator import attrgetter
from typing import Final, NamedTuple

import msgspec
from msgspec.structs import replace

from services.compliance.policy.link_changes import Employment, LinkChange, splice
from services.compliance.policy.link_history import LinkHistory
from services.compliance.policy.shared_links import SeenLinks


class Counted(msgspec.Struct, frozen=True):
    """Counted for the partner from `start` to `end` (exclusive; None: for ever), and what made it so (R9)."""

    start: datetime
    end: datetime | None
    start_facts: tuple[str, ...]
    end_facts: tuple[str, ...]


class DualLink(NamedTuple):
    """From `start` the person is linked to the partner and elsewhere at once (`begins`), or no longer (R23)."""

    start: datetime
    begins: bool


class Changed(NamedTuple):
    """A difference from before: from `since` to `through` (None: without end)."""

    since: datetime
    through: datetime | None

    def united(self, other: "Changed") -> "Changed":
        """From the start of the earlier difference to the end of the later one."""
        through = None if self.through is None or other.through is None else max(self.through, other.through)
        return Changed(min(self.since, other.since), through)


class EmploymentHistory:
    """When a person counts at one partner, `home`, by the history of its links.

    `tenures`: when it counts at home, if certified. `dual_links`: when it begins and ceases to be linked to home and
    elsewhere at once. Both are as of the last `refresh`.
    """

    def __init__(self, home: str, links: LinkHistory | SeenLinks | None = None) -> None:
        self.links = LinkHistory() if links is None else links
        self.tenures: list[Counted] = []
        self.dual_links: list[DualLink] = []
        self._home = home

    def may_count_after(self, instant: datetime) -> bool:
        """Whether the person can count at home after the instant, as far as the links say."""
        if self.links.stale:
            return True
        return bool(self.tenures) and (self.tenures[-1].end is None or self.tenures[-1].end > instant)

    @property
    def ever_at_home(self) -> bool:
        """Whether the person is or was linked to home, whether or not it counted there."""
        return self.links.ever_linked_to(self._home)

    def dual_links_from(self, instant: datetime) -> Sequence[DualLink]:
        """The notices from the instant on."""
        return self.dual_links[bisect_left(self.dual_links, instant, key=_start) :] if self.dual_links else ()

    def refresh(self) -> Changed | None:
        """Brings everything up to the links. Returns from when to when it can differ from before, or None."""
        if not self.links.stale:
            return None
        found: Changed | None = None
        for change in self.links.changes():
            dual_links = self._dual_links(change)
            if dual_links or self.dual_links:
                splice(self.dual_links, change.since, change.met, dual_links, _start)
            employments = [outcome.employment for _, outcome in change.after if outcome.employment is not None]
            changed = Changed(change.since, self._replace_tenures(change.since, change.met, employments))
            found = changed if found is None else found.united(changed)
        return found

    def _dual_links(self, change: LinkChange) -> list[DualLink]:
        """The dual links that begin and end among the outcomes of the change."""
        found: list[DualLink] = []
        linked = self.links.linked_before(self._home, change.since)
        several = self.links.several_before(change.since)
        for instant, outcome in change.after:
            was_dual = linked and several
            if self._home in outcome.links:
                linked = outcome.links[self._home] is not None
            if outcome.several is not None:
                several = outcome.several
            if (linked and several) != was_dual:
                found.append(DualLink(instant, not was_dual))
        return found

    def _replace_tenures(self, since: datetime, met: datetime | None, employments: list[Employment]) -> datetime | None:
        """The person counts at home whatever other links come and go meanwhile."""
        first = bisect_left(self.tenures, since, key=_start)
        if first and ((end := self.tenures[first - 1].end) is None or end >= since):
            first -= 1
        last = len(self.tenures) if met is None else bisect_right(self.tenures, met, key=_start)
        old = self.tenures[first:last]
        new = [replace(tenure, end=None, end_facts=()) for tenure in old[:1] if tenure.start < since]
        for employment in employments:
            here, running = employment.counts_for == self._home, bool(new) and new[-1].end is None
            if here and not running:
                new.append(Counted(employment.start, None, employment.facts, ()))
            elif running and not here:
                new[-1] = replace(new[-1], end=employment.start, end_facts=employment.facts)
        if met is None or not new or new[-1].end is not None:
            self.tenures[first:last] = new
            return met
        running_on = old[-1]
        new[-1] = replace(new[-1], end=running_on.end, end_facts=running_on.end_facts)
        self.tenures[first:last] = new
        return met if new[-1] == running_on else running_on.end


_start: Final = attrgetter("start")
