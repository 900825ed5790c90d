"""The significant portal changes known to a partner: their obligations and their notices (R25, R27, R38)."""

from bisect import bisect_left, insort
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from itertools import islice, takewhile
from operator import attrgetter
from typing import Final

import msgspec

from services.compliance.policy.certified_periods import Obligation
from services.compliance.policy.enrolment import EnrolmentTimeline
from services.compliance.policy.event_announcement import Announcement
from services.compliance.policy.portal_change_terms import PortalChange, PortalChanges
from shared.events.envelope import Fact


class ObligationChange(msgspec.Struct, frozen=True):
    """The obligation of a portal change for a product, before and after a fact; None: there is none.

    `further`: the obligation is new and comes after all others. `lapse_at`: the instant from which on the change can
    make a difference.
    """

    portal_change_id: str
    product: str
    before: Obligation | None
    after: Obligation | None
    further: bool
    lapse_at: datetime


class _Notice(msgspec.Struct, frozen=True):
    """A notice to the partner. Notices are in the order of the portal changes."""

    announced_at: datetime
    position: int
    announcement: Announcement


class SignificantChanges:
    """Takes in declarations, corrections and their voids. `obligations`: by product, in order.

    `notices_stale`: whether `refresh_notices` can find a difference.
    """

    def __init__(self, products: Sequence[str], timeline: EnrolmentTimeline) -> None:
        self.obligations: dict[str, list[Obligation]] = {}
        self.notices_stale = False
        self._products = products
        self._timeline = timeline
        self._stated = PortalChanges()
        self._in_order: list[PortalChange] = []
        self._notices: list[_Notice] = []
        self._restated: list[PortalChange] = []
        self._enrolled_otherwise_from: datetime | None = None

    # Facts -----------------------------------------------------------------------------------

    def add(self, fact: Fact, portal_change_id: str) -> list[ObligationChange]:
        """Applies a declaration or a correction. Returns the obligations that it changes."""
        return self._restate(portal_change_id, self._stated.add, fact)

    def remove(self, fact: Fact, portal_change_id: str) -> list[ObligationChange]:
        """Removes a voided declaration or correction (R33). Returns the obligations that this changes."""
        return self._restate(portal_change_id, self._stated.remove, fact)

    def enrolments_changed(self, since: datetime) -> None:
        """Takes note that the enrolment of the partner can have changed from the instant on."""
        known = self._enrolled_otherwise_from
        self._enrolled_otherwise_from = since if known is None else min(since, known)
        self.notices_stale = True

    def _restate(self, portal_change_id: str, apply: Callable[[Fact], None], fact: Fact) -> list[ObligationChange]:
        before = self._in_force(portal_change_id)
        apply(fact)
        after = self._in_force(portal_change_id)
        if before == after:
            return []
        self.notices_stale = True
        if before is not None:
            self._restated.append(before)
            self._in_order.remove(before)
        if after is not None:
            self._restated.append(after)
            insort(self._in_order, after)
        old, new = _obligations(before), _obligations(after)
        return [
            self._replace_obligation(portal_change_id, product, old.get(product), new.get(product))
            for product in dict.fromkeys((*old, *new))
            if old.get(product) != new.get(product)
        ]

    def _in_force(self, portal_change_id: str) -> PortalChange | None:
        change = self._stated.in_force(portal_change_id)
        return change if change is not None and change.significant else None

    def _replace_obligation(
        self, portal_change_id: str, product: str, before: Obligation | None, after: Obligation | None
    ) -> ObligationChange:
        obligations = self.obligations.setdefault(product, [])
        if before is not None:
            obligations.remove(before)
        if after is not None:
            insort(obligations, after)
        further = after is not None and before is None and obligations[-1] is after
        lapse_at = min(obligation.lapse_at for obligation in (before, after) if obligation is not None)
        return ObligationChange(portal_change_id, product, before, after, further, lapse_at)

    # Notices ---------------------------------------------------------------------------------

    def refresh_notices(self) -> tuple[list[Announcement], list[Announcement]] | None:
        """The old and new notices to the partner: portal changes announced while it is enrolled (R27).

        None where there are and were no notices from the first change on.
        """
        restated, self._restated = self._restated, []
        since, self._enrolled_otherwise_from = self._enrolled_otherwise_from, None
        self.notices_stale = False
        instants = [change.announced_at for change in restated] + ([] if since is None else [since])
        if not instants:
            return None
        first = min(instants)
        any_before = self._any_from(first)
        before, after = self._replace_notices(restated) if since is None else self._replace_notices_from(first)
        return (before, after) if any_before or self._any_from(first) else None

    def _any_from(self, instant: datetime) -> bool:
        return bool(self._notices) and self._notices[-1].announced_at >= instant

    def _replace_notices(self, restated: Sequence[PortalChange]) -> tuple[list[Announcement], list[Announcement]]:
        """Replaces the notices of these portal changes alone. Returns the old and the new ones."""
        before: list[Announcement] = []
        after: list[Announcement] = []
        for place in sorted(set(map(_place, restated))):
            known = bisect_left(self._notices, place, key=_place)
            if known < len(self._notices) and _place(self._notices[known]) == place:
                before.append(self._notices.pop(known).announcement)
            number = bisect_left(self._in_order, place, key=_place)
            if number < len(self._in_order) and _place(self._in_order[number]) == place:
                found = self._notices_of(self._in_order[number : number + 1])
                self._notices[known:known] = found
                after += [notice.announcement for notice in found]
        return before, after

    def _replace_notices_from(self, instant: datetime) -> tuple[list[Announcement], list[Announcement]]:
        """Replaces all notices from the instant on. Returns the old and the new ones."""
        first = bisect_left(self._notices, instant, key=_announced_at)
        found = self._notices_of(self._in_order[bisect_left(self._in_order, instant, key=_announced_at) :])
        before = [notice.announcement for notice in self._notices[first:]]
        self._notices[first:] = found
        return before, [notice.announcement for notice in found]

    def _notices_of(self, changes: Sequence[PortalChange]) -> list[_Notice]:
        """The notices of the changes that are announced while the partner is enrolled."""
        return [
            _Notice(change.announced_at, change.position, self._announcement(change))
            for change in changes
            if self._enrolled_at(change.announced_at)
        ]

    def _announcement(self, change: PortalChange) -> Announcement:
        """The notice of a portal change. It names each of the change's products that is sold (R27)."""
        products = tuple(product for product in self._products if product in change.products)
        return Announcement(
            "maintenance-required", change.announced_at, None, change.portal_change_id, 1, change.due_on, products
        )

    def _enrolled_at(self, instant: datetime) -> bool:
        enrolment = self._timeline.at(instant)
        return enrolment is not None and enrolment.enrolled

    def notices_at(self, instant: datetime) -> list[Announcement]:
        """The notices at the instant, as of the last `refresh_notices`."""
        first = bisect_left(self._notices, instant, key=_announced_at)
        simultaneous = takewhile(lambda notice: notice.announced_at == instant, islice(self._notices, first, None))
        return [notice.announcement for notice in simultaneous]

    def communicated(self) -> Iterator[PortalChange]:
        """The portal changes of which there are notices, in order."""
        return (change for change in self._in_order if self._enrolled_at(change.announced_at))


def _obligations(change: PortalChange | None) -> dict[str, Obligation]:
    """Product to obligation."""
    return {} if change is None else {product: Obligation.of(change, product) for product in change.products}


_announced_at: Final = attrgetter("announced_at")


def _place(of: PortalChange | _Notice) -> tuple[datetime, int]:
    return of.announced_at, of.position
