"""One partner and product, from instant to instant: the minimum, windows and suspensions (R12 to R22, R28).

The walk over the instants can be taken back to one of them and gone again from there: what a late fact changes lies at
or after its instant.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import NamedTuple

from sagecert_verify.derive.enrolment import Enrolment
from sagecert_verify.derive.logged_fact import instant_text
from sagecert_verify.derive.london import london_day, midnight_ending
from sagecert_verify.derive.policy import Policies, Policy
from sagecert_verify.derive.spans import Span


class Window(NamedTuple):
    """The time in which one missing consultant must be replaced; `ordinal` among those opened at one instant.

    `policy_id`: by which its days were set, when it opened (R39).
    """

    opened_at: datetime
    deadline_on: date
    deadline_at: datetime
    ordinal: int
    reminders: tuple[datetime, ...]
    policy_id: str
    closed_at: datetime | None = None
    outcome: str = "open"


class Suspension(NamedTuple):
    """A time without selling to new customers (R19)."""

    since: datetime
    to: datetime | None = None


class Announcement(NamedTuple):
    """Something true that is published, identified by all of this.

    `product` is None if it concerns several. `about`: a window (its opening), a consultant, a portal change: with
    other `products` or another `due_on` that is announced again.
    """

    name: str
    instant: datetime
    product: str | None
    about: str
    ordinal: int
    products: tuple[str, ...] = ()
    due_on: str = ""


class State(NamedTuple):
    """What holds from an instant on, and what is announced then."""

    at: datetime
    headcount: int
    minimum: int | None
    is_enrolled: bool
    has_reached_minimum: bool
    windows: tuple[Window, ...]
    suspensions: tuple[Suspension, ...]
    announced: tuple[Announcement, ...]

    @property
    def shortfall(self) -> int | None:
        """How many are missing; None while there is no minimum (R10)."""
        return None if self.minimum is None else max(0, self.minimum - self.headcount)

    @property
    def is_suspended(self) -> bool:
        """Whether selling to new customers is suspended."""
        return bool(self.suspensions) and self.suspensions[-1].to is None

    @property
    def status(self) -> str:
        """The status by the rules."""
        if not self.is_enrolled:
            return "not_enrolled"
        if not self.has_reached_minimum:
            return "not_yet_authorised"
        if self.is_suspended:
            return "suspended"
        return "in_window" if self.shortfall else "compliant"


class Sweep:
    """The states of one partner and product over all time, as known now. `enrolments`: its kinds and programmes."""

    def __init__(self, product: str) -> None:
        self.product = product
        self.states: list[State] = []
        self._deltas: dict[datetime, int] = {}
        self._moves: dict[datetime, int] = {}
        self.enrolments: list[Enrolment] = []

    def count(self, old: Iterable[Span], new: Iterable[Span]) -> None:
        """Somebody counts in the new spans and no longer in the old ones."""
        for spans, sign in ((old, -1), (new, 1)):
            for begin, end in spans:
                self._move(begin, sign, sign)
                if end is not None:
                    self._move(end, -sign, sign)

    def _move(self, at: datetime, delta: int, moves: int) -> None:
        """At the instant of a swap the headcount stays, and yet others are counted."""
        self._deltas[at] = self._deltas.get(at, 0) + delta
        self._moves[at] = self._moves.get(at, 0) + moves

    def has_state(self, at: datetime) -> bool:
        """Whether something changes at exactly this instant."""
        state = self.state(at)
        return state is not None and state.at == at

    def state(self, at: datetime) -> State | None:
        """What holds at the instant."""
        place = bisect_right(self.states, at, key=_at) - 1
        return self.states[place] if place >= 0 else None

    def next_instant(self, after: datetime) -> datetime | None:
        """The next instant at which time alone changes something."""
        place = bisect_right(self.states, after, key=_at)
        return self.states[place].at if place < len(self.states) else None

    def announced_at(self, at: datetime) -> tuple[Announcement, ...]:
        """What is announced at exactly this instant."""
        state = self.state(at)
        return state.announced if state is not None and state.at == at else ()

    def go_again(self, since: datetime, policies: Policies) -> tuple[list[State], list[State]]:
        """Walks again from the instant on; answers the states that were, and those that are now."""
        place = bisect_left(self.states, since, key=_at)
        old = self.states[place:]
        del self.states[place:]
        self._walk(since, policies)
        return old, self.states[place:]

    def _walk(self, since: datetime, policies: Policies) -> None:
        state = self.states[-1] if self.states else None
        fixed = sorted(
            {at for at, moves in self._moves.items() if moves and at >= since}
            | {enrolment.at for enrolment in self.enrolments if enrolment.at >= since}
            | {start for start in policies.starts if start >= since}
        )
        pending = [at for window in _unfilled(state) for at in _timers(window) if at >= since]
        place = 0
        while True:
            timer = min(pending, default=None)
            if place < len(fixed) and (timer is None or fixed[place] <= timer):
                at = fixed[place]
                place += 1
            elif timer is not None:
                at = timer
            else:
                return
            before, state = state, self._next(state, at, policies.at(at))
            if before is None or state.announced or state[1:-1] != before[1:-1] or self._moves.get(at):
                self.states.append(state)
            pending = [due for window in _unfilled(state) for due in _timers(window) if due > at]

    def _next(self, before: State | None, at: datetime, policy: Policy) -> State:
        """Timers first, then everything else of the instant together (R16, R17)."""
        place = bisect_right(self.enrolments, at, key=_at) - 1
        kind = self.enrolments[place].kind if place >= 0 else None
        is_enrolled = kind is not None and self.enrolments[place].programme in policy.programmes
        headcount = (before.headcount if before else 0) + self._deltas.get(at, 0)
        minimum = None if kind is None else policy.minimum[kind]
        moment = _Moment(before, at, self.product)
        moment.run_timers()
        if not is_enrolled:
            moment.leave_the_programme()
        elif moment.has_reached_minimum:
            assert minimum is not None
            moment.compare_with_the_minimum(max(0, minimum - headcount), policy)
        elif minimum is not None and headcount >= minimum:
            moment.reach_the_minimum()
        return State(
            at,
            headcount,
            minimum,
            is_enrolled,
            moment.has_reached_minimum,
            tuple(moment.windows),
            tuple(moment.suspensions),
            moment.all_announced(),
        )


class _Moment:
    """One instant of the walk."""

    def __init__(self, before: State | None, at: datetime, product: str) -> None:
        self.at = at
        self.product = product
        self.has_reached_minimum = before is not None and before.has_reached_minimum
        self.windows = list(before.windows) if before else []
        self.suspensions = list(before.suspensions) if before else []
        self.announced: list[Announcement] = []

    def run_timers(self) -> None:
        """Windows whose deadline is now expire; the first to do so suspends selling (R16, R19)."""
        has_expired = False
        for place, window in enumerate(self.windows):
            if window.closed_at is None and self.at in window.reminders:
                self._announce("replacement-window-closing", window)
            if window.closed_at is None and window.deadline_at == self.at:
                self.windows[place] = window._replace(outcome="expired")
                self._announce("replacement-window-expired", window)
                has_expired = True
        if has_expired and not self._is_suspended():
            self.suspensions.append(Suspension(self.at))
            self._announce("selling-suspended")

    def leave_the_programme(self) -> None:
        """Outside the programme there is no window, suspension or authorisation (R28)."""
        for place, window in enumerate(self.windows):
            if window.closed_at is None:
                self.windows[place] = window._replace(closed_at=self.at, outcome="void")
                self._announce("replacement-window-voided", window)
        self._end_suspension()
        if self.has_reached_minimum:
            self._announce("authorisation-ended")
        self.has_reached_minimum = False

    def reach_the_minimum(self) -> None:
        """The duty begins (R12)."""
        self.has_reached_minimum = True
        self._announce("minimum-reached")

    def compare_with_the_minimum(self, shortfall: int, policy: Policy) -> None:
        """As many unfilled windows as consultants are missing: the oldest are filled first (R13, R14, R18)."""
        unfilled = [place for place, window in enumerate(self.windows) if window.closed_at is None]
        for place in unfilled[: max(0, len(unfilled) - shortfall)]:
            window = self.windows[place]
            outcome = "closed_late" if window.outcome == "expired" else "closed"
            self.windows[place] = window._replace(closed_at=self.at, outcome=outcome)
            self._announce("replacement-window-closed", window)
        for ordinal in range(1, shortfall - len(unfilled) + 1):
            self.windows.append(opened(self.at, ordinal, policy))
            self._announce("replacement-window-opened", self.windows[-1])
        if shortfall == 0 and self._is_suspended() and self._end_suspension():
            self._announce("selling-reinstated")  # R21

    def _is_suspended(self) -> bool:
        return bool(self.suspensions) and self.suspensions[-1].to is None

    def _end_suspension(self) -> bool:
        """Whether there was one: what began at this very instant never was (R16)."""
        if not self._is_suspended():
            return False
        last = self.suspensions.pop()
        if last.since == self.at:
            self.announced = [notice for notice in self.announced if notice.name != "selling-suspended"]
            return False
        self.suspensions.append(last._replace(to=self.at))
        return True

    def _announce(self, name: str, window: Window | None = None) -> None:
        about = instant_text(window.opened_at) if window else ""
        self.announced.append(Announcement(name, self.at, self.product, about, window.ordinal if window else 1))

    def all_announced(self) -> tuple[Announcement, ...]:
        """What concerns a window, then what concerns none; each in the order in which it came about."""
        return tuple(sorted(self.announced, key=lambda notice: not notice.about))


def opened(at: datetime, ordinal: int, policy: Policy) -> Window:
    """A window that opens at the instant, by London days (R15); reminders come at London midnights."""
    deadline_on = london_day(at) + timedelta(days=policy.window_days)
    reminders = [midnight_ending(deadline_on - timedelta(days=days)) for days in policy.reminder_days]
    return Window(
        at,
        deadline_on,
        midnight_ending(deadline_on),
        ordinal,
        tuple(sorted(due for due in reminders if due > at)),
        policy.days_by,
    )


def _unfilled(state: State | None) -> list[Window]:
    return [window for window in state.windows if window.closed_at is None] if state else []


def _timers(window: Window) -> tuple[datetime, ...]:
    return (*window.reminders, window.deadline_at)


def _at(thing: State | Enrolment) -> datetime:
    return thing.at
