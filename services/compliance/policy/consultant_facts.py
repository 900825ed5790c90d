"""One person, seen from one partner: when it counts there, and its notices (R1, R9, R23, R26)."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Final, NamedTuple

from services.compliance.policy.announcement import Announcement
from services.compliance.policy.counting_partner import Changed, Counted, EmploymentHistory
from services.compliance.policy.link_history import Employment, LinkHistory
from services.compliance.policy.maintenance import Obligation, Span, lapses, obliged_spans, united_spans, valid_spans
from shared.events.envelope import Fact
from shared.events.facts import GrantStatement, Period


class Times(NamedTuple):
    """When the person counts for a product, from some instant on: before and after a change, in order."""

    before: Sequence[Counted]
    after: Sequence[Counted]


class ConsultantChange(NamedTuple):
    """What changed for a person: the times per product, and the notices, each in order."""

    times: Mapping[str, Times]
    retracted: Sequence[Announcement]
    announced: Sequence[Announcement]


class ConsultantFacts:
    """The unvoided facts about one person and what follows from them, derived again only from where they changed."""

    def __init__(self, consultant_id: str, partner_id: str) -> None:
        self._consultant_id = consultant_id
        self._employments = EmploymentHistory(partner_id)
        self._grants: dict[str, dict[str, GrantStatement]] = {}
        self._completions: dict[str, dict[str, Sequence[Period]]] = {}
        self._valid: dict[str, dict[str, Sequence[Span]]] = {}
        self._spans: dict[str, list[Span]] = {}
        self._changed_grants: dict[str, set[str]] = {}
        self._new_obligations: dict[str, list[Obligation]] = {}
        self._counted: dict[str, list[Counted]] = {}
        self._notices: list[Announcement] = []
        self._lapsing = False

    # Facts -----------------------------------------------------------------------------------

    def add(self, fact: Fact) -> None:
        """A link or departure, or the closure or merger of a partner where the person is or can be linked (R29)."""
        self._employments.links.add(fact)

    def remove(self, fact: Fact) -> None:
        """Removes a voided fact (R33)."""
        self._employments.links.remove(fact)

    def granted(self, grant: GrantStatement) -> None:
        """The last statement of a grant wins."""
        self._grants.setdefault(grant.product, {})[grant.grant_id] = grant
        self._changed_grants.setdefault(grant.product, set()).add(grant.grant_id)

    def completed(self, product: str, portal_change_id: str, periods: Sequence[Period]) -> None:
        """The last statement of a maintenance completion wins."""
        self._completions.setdefault(product, {})[portal_change_id] = periods
        self._changed_grants.setdefault(product, set()).update(self._grants.get(product, ()))

    def obliged(self, product: str, obligation: Obligation) -> bool:
        """Adds the latest obligation. Returns whether it can change when the person counts."""
        if product not in self._grants:
            return False
        self._new_obligations.setdefault(product, []).append(obligation)
        return self._employments.may_count_after(obligation.lapse_at)

    def obligations_changed(self, product: str, lapse_at: datetime) -> bool:
        """Returns whether a change of obligations from `lapse_at` on can change when the person counts."""
        if product not in self._grants:
            return False
        self._changed_grants.setdefault(product, set()).update(self._grants[product])
        return self._employments.may_count_after(lapse_at)

    # What follows ----------------------------------------------------------------------------

    def refresh(self, obligations: Mapping[str, Sequence[Obligation]]) -> ConsultantChange | None:
        """Derives what follows again; None if nothing changed. `obligations`: of each product, in order."""
        moved = self._employments.refresh()
        times: dict[str, Times] = {}
        for product in self._grants:
            certified = self._refresh_spans(product, obligations.get(product, ()))
            changed = moved if certified is None else Changed(min(certified, moved.since) if moved else certified, None)
            found = None if changed is None else self._refresh_counted(product, *changed)
            if found is not None:
                times[product] = found
        if moved is None and not times:
            return None
        retracted, announced = self._refresh_notices()
        return ConsultantChange(times, retracted, announced) if times or retracted or announced else None

    def _refresh_spans(self, product: str, obligations: Sequence[Obligation]) -> datetime | None:
        """The first instant at which the spans differ from before."""
        changed = self._changed_grants.pop(product, set())
        coming = self._new_obligations.pop(product, ())
        if not changed and not coming:
            return None
        valid = self._valid.setdefault(product, {})
        nothing_lost = len(changed) == 1 and not coming and not valid.keys() & changed
        self._derive_valid(product, changed, obligations)
        for grant_id in valid.keys() - changed if coming else ():
            valid[grant_id] = obliged_spans(
                valid[grant_id], self._grants[product][grant_id], coming, self._completions.get(product, {})
            )
        spans = self._spans.setdefault(product, [])
        if nothing_lost and all(_within(span, spans) for grant_id in changed for span in valid[grant_id]):
            return None
        found = united_spans(span for of_grant in valid.values() for span in of_grant)
        since = _first_difference(spans, found)
        self._spans[product] = found
        if any(span.lapsed for span in found):
            self._lapsing = True
        return since

    def _derive_valid(self, product: str, grant_ids: Iterable[str], obligations: Sequence[Obligation]) -> None:
        completions = self._completions.get(product, {})
        for grant_id in grant_ids:
            self._valid[product][grant_id] = valid_spans(self._grants[product][grant_id], obligations, completions)

    def _refresh_counted(self, product: str, since: datetime, through: datetime | None) -> Times | None:
        """The times that reach into the range (`through` None: ever after), if they differ from before."""
        counted, tenures, spans = self._counted.get(product), self._employments.tenures, self._spans.get(product, [])
        if counted is None:
            if not tenures or not spans:
                return None
            counted = self._counted[product] = []
        first, end = _overlapping(counted, since, through)
        before = counted[first:end]
        known = slice(*_overlapping(tenures, since, through)), slice(*_overlapping(spans, since, through))
        after = [
            time
            for time in _counted(tenures[known[0]], spans[known[1]])
            if (time.end is None or time.end >= since) and (through is None or time.start <= through)
        ]
        if after == before:
            return None
        counted[first:end] = after
        return Times(before, after)

    def _refresh_notices(self) -> tuple[Sequence[Announcement], Sequence[Announcement]]:
        if not self._employments.dual_links and not self._lapsing and not self._notices:
            return (), ()
        notices = [
            Announcement(
                "dual-link-detected" if dual.begins else "dual-link-cleared", dual.start, None, self._consultant_id, 1
            )
            for dual in self._employments.dual_links
        ]
        for product in sorted(self._counted):
            notices += _lapses(self._consultant_id, product, self._counted[product], self._spans[product])
        notices.sort(key=_by_instant)
        if notices == self._notices:
            return (), ()
        before, self._notices = self._notices, notices
        return before, notices

    # What is known ---------------------------------------------------------------------------

    @property
    def links(self) -> LinkHistory:
        """The links of the person to partners over time."""
        return self._employments.links

    @property
    def employments(self) -> Sequence[Employment]:
        """Where the person counts over time."""
        return self._employments.links.employments

    @property
    def ever_linked(self) -> bool:
        """Whether the person is or was linked to the partner."""
        return self._employments.ever_at_home

    @property
    def tenures(self) -> Sequence[Counted]:
        """When the person counts at the partner, where it is certified, in order."""
        return self._employments.tenures

    def grants(self, product: str) -> Iterable[GrantStatement]:
        """The last statement of every grant for the product."""
        return self._grants.get(product, {}).values()

    def completions(self, product: str, portal_change_id: str) -> Sequence[Period]:
        """When the maintenance of the portal change is complete, in order."""
        return self._completions.get(product, {}).get(portal_change_id, ())

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

    def spans(self, product: str) -> Sequence[Span]:
        """When the person is certified for the product."""
        return self._spans.get(product, ())

    def lapses(self, product: str, obligations: Sequence[Obligation]) -> list[Span]:
        """When only unfinished maintenance keeps a grant for the product from being valid."""
        grants = self._grants.get(product, {})
        return lapses(grants.values(), obligations, self._completions.get(product, {}))

    def periods(self, product: str) -> list[Period]:
        """When each grant for the product holds, maintenance left aside."""
        return [period for grant in self._grants.get(product, {}).values() for period in grant.periods]


_by_instant: Final = attrgetter("instant")


def _within(span: Span, spans: Sequence[Span]) -> bool:
    """Whether the span starts and ends inside one of these, and so adds nothing."""
    for known in reversed(spans):
        if known.start < span.start:
            return known.end is None or (span.end is not None and span.end < known.end)
    return False


_start: Final = attrgetter("start")


def _overlapping(
    times: Sequence[Counted] | Sequence[Span], since: datetime, through: datetime | None
) -> tuple[int, int]:
    """The indices of those of the times, in order, that end at `since` or later and start at `through` or earlier."""
    first = bisect_left(times, since, key=_start)
    if first and ((end := times[first - 1].end) is None or end >= since):
        first -= 1
    return first, len(times) if through is None else bisect_right(times, through, key=_start)


def _first_difference(old: Sequence[Span], new: Sequence[Span]) -> datetime | None:
    """The first instant at which the two differ."""
    for before, after in zip(old, new, strict=False):
        if before != after:
            return min(before.start, after.start)
    longer = new if len(new) > len(old) else old
    shorter = min(len(old), len(new))
    return longer[shorter].start if len(longer) > shorter else None


def _counted(tenures: Sequence[Counted], spans: Sequence[Span]) -> list[Counted]:
    """Where a time that counts here and a certified span overlap (R1, R23). Both are in order."""
    found = []
    first = 0
    for tenure in tenures:
        start, end = tenure.start, tenure.end
        for index in range(first, len(spans)):
            span = spans[index]
            if end is not None and span.start >= end:
                break
            if span.end is not None and span.end <= start:
                first = index + 1
                continue
            leaves_first = end is not None and (span.end is None or end <= span.end)
            found.append(
                Counted(
                    max(start, span.start),
                    end if leaves_first else span.end,
                    tenure.start_facts + span.start_facts,
                    tenure.end_facts if leaves_first else span.end_facts,
                )
            )
    return found


def _lapses(consultant_id: str, product: str, counted: Sequence[Counted], spans: Sequence[Span]) -> list[Announcement]:
    """When a counted person's certification lapses for unfinished maintenance (R26)."""
    lapses = {span.end: span.end_facts for span in spans if span.lapsed}
    if not lapses:
        return []
    return [
        Announcement("certification-lapsed", time.end, product, consultant_id, 1)
        for time in counted
        if time.end is not None and lapses.get(time.end) == time.end_facts
    ]
