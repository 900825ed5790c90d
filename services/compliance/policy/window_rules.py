"""The core of the policy: what one instant changes for one partner and product.

Timers run first, then all facts of the instant apply together, then the headcount is tested against the minimum
(R16, R17). The result is windows, suspensions and announcements.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

import msgspec
from msgspec.structs import replace

from services.compliance.policy.calendar import deadline_on, end_of_london_day, london_days_before
from services.compliance.policy.enrolment import EnrolmentTimeline
from services.compliance.policy.event_announcement import Announcement
from services.compliance.policy.headcount import Headcount
from services.compliance.policy.headcount_movements import Movement
from services.compliance.policy.policy_timeline import PolicyTimeline
from services.compliance.policy.situation import Replacement
from shared.events.compliance_events import Name, Suspension, Window
from shared.events.wire import instant_text


class State(msgspec.Struct, frozen=True):
    """What is carried from one instant to the next. `unfilled`: oldest first.

    `reached_at`: when the minimum was reached; None while not authorised (R12).
    """

    reached_at: datetime | None
    unfilled: tuple[Replacement, ...]
    suspended_since: datetime | None


class Visit:
    """One instant swept: the state after it, what it announced, the windows and suspension that it began or ended."""

    __slots__ = ("announced", "ended", "instant", "opened", "state", "suspension")

    def __init__(self, instant: datetime, state: State) -> None:
        self.instant = instant
        self.state = state
        self.announced: list[Announcement] = []
        self.opened: tuple[Replacement, ...] = ()
        self.ended: list[Replacement] = []
        self.suspension: Suspension | None = None


NOTHING: Final = State(None, (), None)
"""Before the minimum is first reached, and after the programme is left (R12, R28)."""


class WindowRules:
    """Judges one instant of a partner and product after the other, over what is known of them.

    `movements`: instant to the consultants who come or go then. All that is known may change between two calls.
    """

    def __init__(
        self,
        product: str,
        policy: PolicyTimeline,
        timeline: EnrolmentTimeline,
        headcount: Headcount,
        movements: Mapping[datetime, Mapping[str, Movement]],
    ) -> None:
        self._product = product
        self._policy = policy
        self._timeline = timeline
        self._headcount = headcount
        self._movements = movements

    def visit(self, state: State, instant: datetime) -> Visit:
        """The state after the instant."""
        visit = Visit(instant, state)
        if state.unfilled:
            self._run_timers(visit)
        self._test(visit)
        if visit.state.suspended_since == instant:
            self._announce(visit, "selling-suspended")
        return visit

    def _announce(self, visit: Visit, name: Name, replacement: Replacement | None = None) -> None:
        about, ordinal = ("", 1) if replacement is None else (replacement.about, replacement.ordinal)
        visit.announced.append(Announcement(name, visit.instant, self._product, about, ordinal))

    def _run_timers(self, visit: Visit) -> None:
        """Reminders and deadlines of this instant, judged before its facts (R16, R19)."""
        unfilled = list(visit.state.unfilled)
        expired = False
        for index, replacement in enumerate(unfilled):
            window = replacement.window
            if window.outcome != "open":
                continue
            if window.deadline_at == visit.instant:
                unfilled[index] = replace(replacement, window=replace(window, outcome="expired"))
                expired = True
                self._announce(visit, "replacement-window-expired", replacement)
            elif visit.instant in replacement.reminders:
                self._announce(visit, "replacement-window-closing", replacement)
        if expired:
            since = visit.state.suspended_since or visit.instant
            visit.state = replace(visit.state, unfilled=tuple(unfilled), suspended_since=since)

    def _test(self, visit: Visit) -> None:
        """The headcount against the minimum, and what follows (R12, R13, R18, R21, R22, R28)."""
        state = visit.state
        enrolment = self._timeline.at(visit.instant)
        if enrolment is None or not enrolment.enrolled or enrolment.minimum is None:
            if state.reached_at is not None:
                self._leave(visit)
            return
        shortfall = max(0, enrolment.minimum - self._headcount(visit.instant))
        if state.reached_at is None:
            if not shortfall:
                self._announce(visit, "minimum-reached")
                visit.state = replace(state, reached_at=visit.instant)
            return
        if shortfall > len(state.unfilled):
            self._open(visit, shortfall - len(state.unfilled))
            return
        filled = len(state.unfilled) - shortfall
        if filled:
            self._close(visit, filled)
        if shortfall == 0 and state.suspended_since is not None and self._end_suspension(visit):
            self._announce(visit, "selling-reinstated")

    def _open(self, visit: Visit, count: int) -> None:
        """Opens `count` windows, which keep the days and reminders of the policy in force (R39)."""
        instant = visit.instant
        days = self._policy.window_days.at(instant)
        day = deadline_on(instant, days.value)
        window = Window(instant, day, end_of_london_day(day), None, "open", days.policy_id)
        reminders = {
            london_days_before(window.deadline_at, before) for before in self._policy.reminder_days.at(instant).value
        }
        timers = tuple(sorted(reminder for reminder in reminders if reminder > instant))
        about, causes = instant_text(instant), self._causes(instant)
        visit.opened = tuple(
            Replacement(window, days, ordinal, about, causes, timers) for ordinal in range(1, count + 1)
        )
        for replacement in visit.opened:
            self._announce(visit, "replacement-window-opened", replacement)
        visit.state = replace(visit.state, unfilled=visit.state.unfilled + visit.opened)

    def _causes(self, instant: datetime) -> tuple[str, ...]:
        """The facts of the instant that can have made a shortfall, of whatever kind (R14)."""
        causes: tuple[str, ...] = ()
        for _, movement in sorted(self._movements.get(instant, {}).items()):
            if not movement.gained:
                causes += movement.facts
        enrolment = self._timeline.at(instant)
        if enrolment is None or enrolment.start != instant:
            return causes
        return causes + enrolment.kind_facts + enrolment.revised_by(instant)

    def _close(self, visit: Visit, count: int) -> None:
        """Fills the oldest unfilled windows (R18); at the deadline it is late (R16)."""
        for replacement in visit.state.unfilled[:count]:
            outcome = "closed_late" if replacement.window.outcome == "expired" else "closed"
            window = replace(replacement.window, outcome=outcome, closed_at=visit.instant)
            visit.ended.append(replace(replacement, window=window))
            self._announce(visit, "replacement-window-closed", replacement)
        visit.state = replace(visit.state, unfilled=visit.state.unfilled[count:])

    def _leave(self, visit: Visit) -> None:
        """Not enrolled: unfilled windows are void, suspension and authorisation end (R28)."""
        for replacement in visit.state.unfilled:
            window = replace(replacement.window, outcome="void", closed_at=visit.instant)
            visit.ended.append(replace(replacement, window=window))
            self._announce(visit, "replacement-window-voided", replacement)
        if visit.state.suspended_since is not None:
            self._end_suspension(visit)
        self._announce(visit, "authorisation-ended")
        visit.state = NOTHING

    @staticmethod
    def _end_suspension(visit: Visit) -> bool:
        """A suspension of zero length is not recorded (R16); returns whether it is."""
        since = visit.state.suspended_since
        visit.state = replace(visit.state, suspended_since=None)
        if since is None or since == visit.instant:
            return False
        visit.suspension = Suspension(since, visit.instant)
        return True


def next_timer(state: State, after: datetime | None) -> datetime | None:
    """The next deadline or reminder of an open window (R15, R16)."""
    due: datetime | None = None
    if not state.unfilled:
        return None
    for replacement in state.unfilled:
        if replacement.window.outcome == "open":
            for instant in (*replacement.reminders, replacement.window.deadline_at):
                if (after is None or instant > after) and (due is None or instant < due):
                    due = instant
    return due
