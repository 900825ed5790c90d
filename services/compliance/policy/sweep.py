"""The sweep of one partner and product (R2), instant by instant; it runs again from the instant of a late fact (R30).

It visits only the instants at which the outcome can change: where the enrolment or the shortfall changes, or a timer is
due. It keeps the result of each visit. After a late fact it runs again from the instant of the fact, up to the first
instant from which the kept results hold again.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Final

from services.compliance.policy.counted_people import CountedPeople
from services.compliance.policy.counting_partner import Changed, Counted
from services.compliance.policy.enrolment import EnrolmentTimeline
from services.compliance.policy.event_announcement import Announcement, Change
from services.compliance.policy.headcount import Headcount
from services.compliance.policy.headcount_movements import Movement, facts_at, movements_of
from services.compliance.policy.items_by_instant import DatedLog
from services.compliance.policy.policy_timeline import PolicyTimeline
from services.compliance.policy.situation import Replacement, Situation
from services.compliance.policy.standing_origin import Losses, StandingOrigin, status_since
from services.compliance.policy.window_rules import NOTHING, State, Visit, WindowRules, next_timer
from shared.events.compliance_events import Suspension, Window

_MICROSECOND: Final = timedelta(microseconds=1)


class Sweep:
    """The sweep of one partner and product over what is known, and how far it has come.

    Feed it with `set_times`, `enrolments_changed` and `days_changed`, then `advance`. `swept`: the instant that it has
    come to. `losses`: when people cease to count.
    """

    def __init__(self, product: str, policy: PolicyTimeline, timeline: EnrolmentTimeline) -> None:
        self.product = product
        self.swept: datetime | None = None
        self.losses = Losses()
        self._policy = policy
        self._timeline = timeline
        self._headcount = Headcount()
        self._movements: dict[datetime, dict[str, Movement]] = {}
        self._counted = CountedPeople()
        self._rules = WindowRules(product, policy, timeline, self._headcount, self._movements)
        self._visits: list[Visit] = []
        self._visited: list[datetime] = []
        self._windows: dict[tuple[str, int], Replacement] = {}
        self._ended: DatedLog[Window] = DatedLog()
        self._suspensions: DatedLog[Suspension] = DatedLog()
        self._next: datetime | None = None
        self._next_known = False
        self._changed_from: datetime | None = None
        self._late_from: datetime | None = None
        self._late_through: datetime | None = None
        self._late_for_ever = False
        self._late_people = 0

    # Input -----------------------------------------------------------------------------------

    def set_times(self, consultant_id: str, old: Sequence[Counted], new: Sequence[Counted]) -> None:
        """The consultant counts at these `new` times, no longer at the `old` ones; any others stay. Both in order."""
        before, after = movements_of(old), movements_of(new)
        for instant, movement in before.items():
            if instant not in after:
                self._unset(instant, consultant_id, movement)
        for instant, movement in after.items():
            known = before.get(instant)
            if known is None or known != movement:
                self._set(instant, consultant_id, movement, known)
        if self.swept is not None and self._late_from is not None:
            counted, counts = facts_at(old, self.swept), facts_at(new, self.swept)
            if counts != counted:
                self._counted.put(consultant_id, counts)

    def enrolments_changed(self, since: datetime, through: datetime | None) -> None:
        """The timeline of enrolments is another one from `since` to `through` (None: ever after)."""
        self._note(since, 0)
        if self.swept is not None and since <= self.swept:
            if through is None:
                self._late_for_ever = True
            else:
                self._note(min(through, self.swept), 0)

    def days_changed(self, spans: Sequence[Changed]) -> bool:
        """Windows that open from the start to before the end (None: ever after) of a span have other days or reminders.

        Returns whether any window opens then, known or foreseen.
        """
        apart = _apart(spans)
        opening = [
            visit.instant
            for since, through in apart
            for visit in self._visits[bisect_left(self._visited, since) : self._place_of(through)]
            if visit.opened
        ]
        for instant in opening:
            self._note(instant, 0)
        return bool(opening) or (bool(apart) and self._opens_within(apart))

    def _place_of(self, through: datetime | None) -> int:
        return len(self._visited) if through is None else bisect_left(self._visited, through)

    def _opens_within(self, apart: Sequence[Changed]) -> bool:
        """Whether a foreseen window opens within one of the spans, which are apart and in order."""
        for window in self._foreseen():
            place = bisect_right(apart, window.opened_at, key=attrgetter("since"))
            through = apart[place - 1].through if place else window.opened_at
            if through is None or window.opened_at < through:
                return True
        return False

    def _foreseen(self) -> Iterator[Window]:
        """The windows that will open if no fact comes."""
        if self.next_instant() is None:
            return
        ended, last = len(self._ended.items), self.situation()
        for _, following in self.forecast():
            last = following
        for window in (*last.ended[ended:], *(replacement.window for replacement in last.unfilled)):
            if self.swept is None or window.opened_at > self.swept:
                yield window

    def _set(self, instant: datetime, consultant_id: str, movement: Movement, known: Movement | None) -> None:
        self._movements.setdefault(instant, {})[consultant_id] = movement
        if known is not None and known.gained == movement.gained:
            self._note(instant, 0)
            return
        self.losses.put(consultant_id, instant, lost=not movement.gained)
        people = movement.people if known is None else 2 * movement.people
        self._headcount.shift(instant, people)
        self._note(instant, people)

    def _unset(self, instant: datetime, consultant_id: str, movement: Movement) -> None:
        if not movement.gained:
            self.losses.put(consultant_id, instant, lost=False)
        self._headcount.shift(instant, -movement.people)
        self._note(instant, -movement.people)
        movements = self._movements[instant]
        del movements[consultant_id]
        if not movements:
            del self._movements[instant]
            self._headcount.remove(instant)

    def _note(self, instant: datetime, people: int) -> None:
        self._next_known = False
        if self._changed_from is None or instant < self._changed_from:
            self._changed_from = instant
        if self.swept is not None and instant <= self.swept:
            self._late_from = instant if self._late_from is None else min(instant, self._late_from)
            self._late_through = instant if self._late_through is None else max(instant, self._late_through)
            self._late_people += people

    def _forget_changes(self) -> None:
        self._changed_from = self._late_from = self._late_through = None
        self._late_for_ever = False
        self._late_people = 0

    # Sweeping --------------------------------------------------------------------------------

    def next_instant(self) -> datetime | None:
        """The next instant at which something happens if no fact comes, or None."""
        if not self._next_known:
            self._next, self._next_known = self._next_moment(self._state, self.swept), True
        return self._next

    @property
    def changed(self) -> bool:
        """Whether what is known changed since the last `advance`."""
        return self._changed_from is not None

    def advance(self, until: datetime) -> Change:
        """Sweeps every instant up to and including `until`, and returns what differs from before.

        What is dated later has no effect yet (R36).
        """
        changed_from = self._changed_from
        retracted: list[Announcement] = []
        announced: list[Announcement] = []
        if self._late_from is not None:
            retracted, announced = self._sweep_again(self._late_from)
            self._next_known = False
        moment = self.next_instant()
        if moment is not None and moment <= until:
            changed_from = moment if changed_from is None else min(changed_from, moment)
            announced += self._sweep_on(until)
            self._next_known = False
        if self.swept is None or until > self.swept:
            self.swept = until
        self._forget_changes()
        return Change(
            changed_from if changed_from is not None and changed_from <= until else None, retracted, announced
        )

    @property
    def _ceiling(self) -> int:
        """At this headcount or above nothing is ever missing."""
        return self._policy.minimum_max

    @property
    def _state(self) -> State:
        return self._visits[-1].state if self._visits else NOTHING

    def _sweep_on(self, until: datetime) -> list[Announcement]:
        """Goes on from the instant swept to."""
        announced: list[Announcement] = []
        for moment in self._headcount.instants(self.swept, until):
            self._counted.move(self._movements[moment])
        state, after = self._state, self.swept
        while (instant := self._next_visit(state, after)) is not None and instant <= until:
            visit = self._rules.visit(state, instant)
            if visit.state != state or visit.announced:
                self._keep(visit)
                announced += visit.announced
            state, after = visit.state, instant
        return announced

    def _keep(self, visit: Visit) -> None:
        self._visits.append(visit)
        self._visited.append(visit.instant)
        for replacement in visit.ended:
            self._ended.instants.append(visit.instant)
            self._ended.items.append(replacement.window)
        if visit.suspension is not None:
            self._suspensions.instants.append(visit.instant)
            self._suspensions.items.append(visit.suspension)
        for replacement in (*visit.opened, *visit.state.unfilled, *visit.ended):
            self._windows[replacement.about, replacement.ordinal] = replacement

    def _sweep_again(self, since: datetime) -> tuple[list[Announcement], list[Announcement]]:
        """Runs again from `since` to where the sweep meets the old one; returns what no longer and newly follows."""
        start = bisect_left(self._visited, since)
        state = self._visits[start - 1].state if start else NOTHING
        after = since - _MICROSECOND
        fresh: list[Visit] = []
        while True:
            instant = self._next_visit(state, after)
            if instant is None or self.swept is None or instant > self.swept:
                end, met = len(self._visits), None
                break
            met = self._meeting(state, after, instant)
            if met is not None:
                end = bisect_right(self._visited, met)
                break
            visit = self._rules.visit(state, instant)
            if visit.state != state or visit.announced:
                fresh.append(visit)
            state, after = visit.state, instant
        old = self._visits[start:end]
        self._visits[start:end] = fresh
        self._visited[start:end] = [visit.instant for visit in fresh]
        self._replace_ended(since, None if met is None else met + _MICROSECOND, fresh)
        self._replace_windows(old, fresh, state, whole=met is None)
        return _announced(old), _announced(fresh)

    def _meeting(self, state: State, after: datetime, instant: datetime) -> datetime | None:
        """The instant, before the next one to visit, from which on all is as it was; None: there is none yet.

        The state must be as it was then, no change of what is known may follow, and the people who came or went by
        the changes must make no difference: the headcount stays as it was, or at every later instant above the minimum.
        """
        through = self._late_through
        if through is None or self._late_for_ever or instant <= through:
            return None
        met = max(after, through)
        known = bisect_right(self._visited, met)
        if (self._visits[known - 1].state if known else NOTHING) != state:
            return None
        people = self._late_people
        same = people == 0 or self._headcount.stays_above(met, self._ceiling + max(people, 0))
        return met if same else None

    def _replace_ended(self, first: datetime, before: datetime | None, fresh: Sequence[Visit]) -> None:
        windows = [(visit.instant, replacement.window) for visit in fresh for replacement in visit.ended]
        self._ended.put(first, before, windows)
        suspensions = [(visit.instant, visit.suspension) for visit in fresh if visit.suspension is not None]
        self._suspensions.put(first, before, suspensions)

    def _replace_windows(self, old: Sequence[Visit], fresh: Sequence[Visit], state: State, *, whole: bool) -> None:
        """Keeps each window as it stands now: if not `whole`, those unfilled where the old sweep is met, as before."""
        kept = frozenset() if whole else {(window.about, window.ordinal) for window in state.unfilled}
        for visit in old:
            for replacement in visit.opened:
                if (replacement.about, replacement.ordinal) not in kept:
                    self._windows.pop((replacement.about, replacement.ordinal), None)
        for visit in fresh:
            for replacement in (*visit.opened, *visit.ended):
                if (replacement.about, replacement.ordinal) not in kept:
                    self._windows[replacement.about, replacement.ordinal] = replacement
        if whole:
            for replacement in state.unfilled:
                self._windows[replacement.about, replacement.ordinal] = replacement

    def _next_visit(self, state: State, after: datetime | None) -> datetime | None:
        """The next instant at which the outcome can change."""
        below = self._headcount.next_below(after, self._ceiling)
        return self._earliest(below, state, after)

    def _next_moment(self, state: State, after: datetime | None) -> datetime | None:
        """The next instant at which anything happens."""
        return self._earliest(self._headcount.next_instant(after), state, after)

    def _earliest(self, moved: datetime | None, state: State, after: datetime | None) -> datetime | None:
        """The next instant at which people come or go, an enrolment starts or a timer is due."""
        earliest, starts_at = moved, self._timeline.next_start(after)
        if starts_at is not None and (earliest is None or starts_at < earliest):
            earliest = starts_at
        if state.unfilled:
            due_at = next_timer(state, after)
            if due_at is not None and (earliest is None or due_at < earliest):
                earliest = due_at
        return earliest

    # Output ----------------------------------------------------------------------------------

    def situation(self) -> Situation:
        """How the partner stands at the instant swept to; valid only until the next `advance`."""
        return self._situation(self.swept, self._state, self._counted, self._ended.items, self._suspensions.items)

    def origin(self) -> StandingOrigin:
        """How the partner came to stand as it does at the instant swept to."""
        since = status_since(self.situation(), self.swept, self._visits, self._timeline)
        return StandingOrigin(since, self.losses.last(self.swept, self._counted.facts))

    def forecast(self) -> Iterator[tuple[datetime, Situation]]:
        """The situation at every later instant at which it changes, if no fact comes. Do not keep any."""
        state, after, counted = self._state, self.swept, self._counted
        ended, suspensions = self._ended.items, self._suspensions.items
        while (instant := self._next_moment(state, after)) is not None:
            if counted is self._counted:
                counted, ended, suspensions = counted.copy(), list(ended), list(suspensions)
            counted.move(self._movements.get(instant, {}))
            visit = self._rules.visit(state, instant)
            ended += [replacement.window for replacement in visit.ended]
            suspensions += [] if visit.suspension is None else [visit.suspension]
            only_reminds = visit.state == state and instant not in self._movements
            state, after = visit.state, instant
            if not only_reminds or self._timeline.starts_at(instant):
                yield instant, self._situation(instant, state, counted, ended, suspensions)

    def _situation(
        self,
        instant: datetime | None,
        state: State,
        counted: CountedPeople,
        ended: list[Window],
        suspensions: list[Suspension],
    ) -> Situation:
        return Situation(
            product=self.product,
            enrolment=None if instant is None else self._timeline.at(instant),
            reached_at=state.reached_at,
            reached_facts=self._reached_facts,
            unfilled=state.unfilled,
            suspended_since=state.suspended_since,
            counted=counted.facts,
            counted_ids=counted.ids,
            ended=ended,
            suspensions=suspensions,
        )

    def _reached_facts(self, reached_at: datetime) -> tuple[str, ...]:
        """The facts by which the minimum was reached then (R12)."""
        enrolment = self._timeline.at(reached_at)
        counted: dict[str, tuple[str, ...]] = {}
        for moment in self._headcount.instants(None, reached_at):
            for consultant_id, movement in self._movements[moment].items():
                if movement.gained:
                    counted[consultant_id] = movement.facts
                else:
                    del counted[consultant_id]
        programme_facts = () if enrolment is None else enrolment.programme_facts
        lowered_by = () if enrolment is None else enrolment.revised_by(reached_at)
        return (*programme_facts, *lowered_by, *(fact for _, facts in sorted(counted.items()) for fact in facts))

    def replacement(self, announcement: Announcement) -> Replacement | None:
        """The window that an announcement is about, as it stands now."""
        return self._windows.get((announcement.about, announcement.ordinal))


def _announced(visits: Iterable[Visit]) -> list[Announcement]:
    return [announcement for visit in visits for announcement in visit.announced]


def _apart(spans: Iterable[Changed]) -> list[Changed]:
    """The same time in spans that do not overlap, in order."""
    apart: list[Changed] = []
    for span in sorted(spans, key=attrgetter("since")):
        if apart and (apart[-1].through is None or span.since <= apart[-1].through):
            apart[-1] = apart[-1].united(span)
        else:
            apart.append(span)
    return apart
