"""One person, seen from one partner: when it counts there, and its notices (R1, R9, R23, R26)."""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Final

import msgspec

from services.compliance.policy.certification_history import CertificationHistory
from services.compliance.policy.certified_periods import CertifiedPeriod, Obligation
from services.compliance.policy.counting_partner import Counted, DualLink, EmploymentHistory
from services.compliance.policy.event_announcement import Announcement
from services.compliance.policy.link_changes import Employment
from services.compliance.policy.link_history import LinkHistory
from services.compliance.policy.shared_links import SeenLinks
from services.compliance.policy.significant_changes import ObligationChange
from shared.events.compliance_events import Name
from shared.events.envelope import Fact
from shared.events.facts import CertificationRevoked, ConsultantCertified, FactData, MaintenanceCompleted


class Times(msgspec.Struct, frozen=True):
    """When the person counts for a product, from some instant on: before and after a change, in order."""

    before: Sequence[Counted]
    after: Sequence[Counted]


class ConsultantChange(msgspec.Struct, frozen=True):
    """What changed for a person: the times per product, and the notices, each in order."""

    times: Mapping[str, Times]
    retracted: Sequence[Announcement]
    announced: Sequence[Announcement]


class ConsultantAtPartner:
    """The unvoided facts about one person and what follows from them, derived again only from where they changed."""

    def __init__(self, consultant_id: str, partner_id: str, links: LinkHistory | SeenLinks | None = None) -> None:
        self._consultant_id = consultant_id
        self._employments = EmploymentHistory(partner_id, links)
        self._certifications: dict[str, CertificationHistory] = {}
        self._counted: dict[str, list[Counted]] = {}
        self._notices: list[Announcement] = []
        self.stated_through = 0
        """Of a person whose links are read elsewhere: the position up to which its statements were taken in."""

    # Facts -----------------------------------------------------------------------------------

    def add(self, fact: Fact) -> None:
        """A link or departure, or the closure or merger of a partner where the person is or can be linked (R29)."""
        self._employments.links.add(fact)

    def remove(self, fact: Fact) -> None:
        """Removes a voided fact (R33)."""
        self._employments.links.remove(fact)

    @property
    def follows_links(self) -> bool:
        """Whether the links are followed here; otherwise they are read where they are followed for all partners."""
        return isinstance(self._employments.links, LinkHistory)

    def read_links(self, links: SeenLinks) -> None:
        """From now on the links are read there, where they are as here so far."""
        self._employments.links = links

    def take_in(self, data: FactData) -> None:
        """The last statement of a grant or of a maintenance completion wins; other facts say nothing here."""
        match data:
            case MaintenanceCompleted():
                self._certification(data.product).completed(data.portal_change_id, data.periods)
            case ConsultantCertified() | CertificationRevoked():
                self._certification(data.product).granted(data)

    def _certification(self, product: str) -> CertificationHistory:
        found = self._certifications.get(product)
        if found is None:
            found = self._certifications[product] = CertificationHistory()
        return found

    def obliged(self, change: ObligationChange) -> bool:
        """Takes note of a changed obligation for a product for which the person has a grant.

        Returns whether that can change when the person counts.
        """
        certification = self._certifications[change.product]
        if change.further and change.after is not None:
            certification.obliged(change.after)
        else:
            certification.obligations_changed()
        return self._employments.may_count_after(change.lapse_at)

    # What follows ----------------------------------------------------------------------------

    def refresh(self, obligations: Mapping[str, Sequence[Obligation]]) -> ConsultantChange | None:
        """Derives what follows again; None if nothing changed. `obligations`: of each product, in order."""
        moved = self._employments.refresh()
        first = None if moved is None else moved.since
        times: dict[str, Times] = {}
        for product, certification in self._certifications.items():
            since, through = certification.refresh(obligations.get(product, ())), None
            if since is None:
                if moved is None:
                    continue
                since, through = moved
            elif moved is not None:
                since = min(since, moved.since)
            first = since if first is None else min(first, since)
            changed = self._refresh_counted(product, certification.certified, since, through)
            if changed is not None:
                times[product] = changed
        if first is None or (moved is None and not times):
            return None
        retracted, announced = self._refresh_notices(first)
        return ConsultantChange(times, retracted, announced) if times or retracted or announced else None

    def _refresh_counted(
        self, product: str, periods: Sequence[CertifiedPeriod], since: datetime, through: datetime | None
    ) -> Times | None:
        """The old and the new times that reach into the range (`through` None: without end); None: they are the same.

        If there are few times in all, returns all of them.
        """
        counted, tenures = self._counted.get(product), self._employments.tenures
        if counted is None:
            if not tenures or not periods:
                return None
            counted = self._counted[product] = []
        if len(tenures) + len(periods) <= _FEW:
            before, after = counted, _counted(tenures, periods)
            if after == before:
                return None
            self._counted[product] = after
            return Times(before, after)
        first, end = _overlapping(counted, since, through)
        before = counted[first:end]
        here, certified = slice(*_overlapping(tenures, since, through)), slice(*_overlapping(periods, since, through))
        after = [
            time
            for time in _counted(tenures[here], periods[certified])
            if (time.end is None or time.end >= since) and (through is None or time.start <= through)
        ]
        if after == before:
            return None
        counted[first:end] = after
        return Times(before, after)

    def _refresh_notices(self, since: datetime) -> tuple[Sequence[Announcement], Sequence[Announcement]]:
        """The old and the new notices from the instant on; none if they are the same."""
        notices = [self._dual_notice(dual) for dual in self._employments.dual_links_from(since)]
        for product, certification in self._certifications.items():
            if certification.lapsing and product in self._counted:
                notices += self._lapses(product, certification.certified, since)
        if not notices and not self._notices:
            return (), ()
        if len(notices) > 1:
            notices.sort(key=_in_order)
        first = bisect_left(self._notices, since, key=_by_instant)
        before = self._notices[first:]
        if notices == before:
            return (), ()
        self._notices[first:] = notices
        return before, notices

    def _dual_notice(self, dual: DualLink) -> Announcement:
        name: Name = "dual-link-detected" if dual.begins else "dual-link-cleared"
        return Announcement(name, dual.start, None, self._consultant_id, 1)

    def _lapses(self, product: str, periods: Sequence[CertifiedPeriod], since: datetime) -> list[Announcement]:
        """The lapses for unfinished maintenance from the instant on, while the person counts (R26)."""
        lapses = {
            period.end: period.end_facts for period in periods[_overlapping(periods, since, None)[0] :] if period.lapsed
        }
        if not lapses:
            return []
        counted = self._counted[product]
        return [
            Announcement("certification-lapsed", time.end, product, self._consultant_id, 1)
            for time in counted[_overlapping(counted, since, None)[0] :]
            if time.end is not None and lapses.get(time.end) == time.end_facts
        ]

    # What is known ---------------------------------------------------------------------------

    @property
    def links(self) -> LinkHistory:
        """The links of the person to partners over time."""
        links = self._employments.links
        assert isinstance(links, LinkHistory), "the links of a shared person are not followed here"
        return links

    def linked_times(self, partner_id: str) -> tuple[datetime, ...]:
        """The instants at which the link to the partner begins and ends, in turn; empty: it was never linked."""
        return self._employments.links.linked_times(partner_id)

    @property
    def employments(self) -> Sequence[Employment]:
        """Where the person counts over time."""
        return self.links.employments

    @property
    def ever_linked(self) -> bool:
        """Whether the person is or was linked to the partner."""
        return self._employments.ever_at_home

    @property
    def tenures(self) -> Sequence[Counted]:
        """When the person counts at the partner, where it is certified, in order."""
        return self._employments.tenures

    def has_grant(self, product: str) -> bool:
        """Whether a grant for the product was stated."""
        known = self._certifications.get(product)
        return known is not None and bool(known.grants)

    def certification(self, product: str) -> CertificationHistory | None:
        """The history of the person's certification for the product; None: nothing was stated about it."""
        return self._certifications.get(product)

    def counted(self, product: str) -> Sequence[Counted]:
        """When the person is counted at the partner for the product, in order."""
        return self._counted.get(product, ())

    def notices_at(self, instant: datetime) -> list[Announcement]:
        """The notices about the person at the instant."""
        first = bisect_left(self._notices, instant, key=_by_instant)
        found = []
        for notice in self._notices[first:]:
            if notice.instant != instant:
                break
            found.append(notice)
        return found


_FEW: Final = 4
"""Up to so many tenures and periods are derived again as a whole."""
_by_instant: Final = attrgetter("instant")


def _in_order(notice: Announcement) -> tuple[datetime, str]:
    """The order of notices: by instant; at one instant notices about links first, then by product."""
    return notice.instant, notice.product or ""


_start: Final = attrgetter("start")


def _overlapping(
    times: Sequence[Counted] | Sequence[CertifiedPeriod], since: datetime, through: datetime | None
) -> tuple[int, int]:
    """The indices of those of the times, in order, that end at `since` or later and start at `through` or earlier."""
    first = bisect_left(times, since, key=_start)
    if first and ((end := times[first - 1].end) is None or end >= since):
        first -= 1
    return first, len(times) if through is None else bisect_right(times, through, key=_start)


def _counted(tenures: Sequence[Counted], periods: Sequence[CertifiedPeriod]) -> list[Counted]:
    """Where a time that counts here and a certified period overlap (R1, R23). Both are in order."""
    found = []
    first = 0
    for tenure in tenures:
        start, end = tenure.start, tenure.end
        for index in range(first, len(periods)):
            period = periods[index]
            if end is not None and period.start >= end:
                break
            if period.end is not None and period.end <= start:
                first = index + 1
                continue
            leaves_first = end is not None and (period.end is None or end <= period.end)
            found.append(
                Counted(
                    max(start, period.start),
                    end if leaves_first else period.end,
                    tenure.start_facts + period.start_facts,
                    tenure.end_facts if leaves_first else period.end_facts,
                )
            )
    return found
