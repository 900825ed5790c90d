"""The heart of the policy: one partner and product, swept instant by instant.

At each instant timers run first, then all facts of the instant apply together, then the headcount
is tested against the minimum (R16, R17). Out come windows, suspensions, the status, and what there
is to announce.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator
from datetime import datetime
from typing import Final

import msgspec
from msgspec.structs import replace

from services.compliance.policy.calendar import deadline_on, end_of_london_day, london_days_before
from services.compliance.policy.enrolment import Enrolment
from services.compliance.policy.parameters import Parameters
from services.compliance.policy.standing import MAY_SELL_NEW, Standing, Status, Suspension, Window
from shared.events.compliance_events import Name
from shared.events.wire import instant_text


class Announcement(msgspec.Struct, frozen=True):
    """What is true and worth telling, identified by all but its details.

    `subject` names what it is about within partner and product: a window (its opening instant),
    a consultant, a portal change. `ordinal` tells apart those that share all else.
    """

    name: Name
    instant: datetime
    product: str | None
    subject: str
    ordinal: int


class Replacement(msgspec.Struct, frozen=True):
    """One window with what the answer does not show: its identity and the facts that opened it."""

    window: Window
    ordinal: int
    opened_facts: tuple[str, ...]


class _State(msgspec.Struct, frozen=True):
    """Everything the sweep carries from one instant to the next. `unfilled`: indices, oldest first."""

    counted: dict[str, tuple[str, ...]]
    enrolment: Enrolment | None
    reached_facts: tuple[str, ...] | None
    replacements: tuple[Replacement, ...]
    unfilled: tuple[int, ...]
    suspensions: tuple[Suspension, ...]
    suspended: bool


_NOTHING: Final = _State({}, None, None, (), (), (), suspended=False)


class Sweep:
    """The sweep of one partner and product over what is known, and how far it has come.

    Feed it with `set_counted` and `set_enrolments`, then `advance`. A change at or before an instant
    already swept takes the sweep back (`rewind`): to the instant before when only the last one is
    touched, else to the beginning.
    """

    def __init__(self, product: str, parameters: Parameters) -> None:
        self.product = product
        self.announced: list[Announcement] = []
        self._parameters = parameters
        self._moments: list[datetime] = []
        self._movements: dict[datetime, dict[str, tuple[str, ...] | None]] = {}
        self._loss_facts: dict[tuple[datetime, str], tuple[str, ...]] = {}
        self._enrolments: dict[datetime, Enrolment] = {}
        self._state = _NOTHING
        self._swept: datetime | None = None
        self._next_timer: datetime | None = None
        self._before_last: tuple[_State, int, datetime | None, datetime | None] | None = None

    def copy(self) -> "Sweep":
        """A sweep at the same point over the same input, to look into the future with. Feed only the original."""
        twin = Sweep(self.product, self._parameters)
        twin.__dict__.update(self.__dict__)
        twin.announced = []
        return twin

    # Input -----------------------------------------------------------------------------------

    def set_movement(self, instant: datetime, consultant_id: str, gained: bool, facts: tuple[str, ...]) -> None:
        """From `instant` the consultant is counted (`gained`) or no longer, because of these facts."""
        movements = self._movements.get(instant)
        if movements is None:
            movements = self._movements[instant] = {}
            if instant not in self._enrolments:
                insort(self._moments, instant)
        movements[consultant_id] = facts if gained else None
        if not gained:
            self._loss_facts[instant, consultant_id] = facts

    def unset_movement(self, instant: datetime, consultant_id: str) -> None:
        """Takes a movement back that is no longer true."""
        movements = self._movements[instant]
        del movements[consultant_id]
        self._loss_facts.pop((instant, consultant_id), None)
        if not movements:
            del self._movements[instant]
            if instant not in self._enrolments:
                del self._moments[bisect_left(self._moments, instant)]

    def set_enrolments(self, timeline: list[Enrolment]) -> None:
        """Replaces what is known of the partner itself."""
        self._enrolments = {enrolment.start: enrolment for enrolment in timeline}
        self._moments = sorted(self._movements.keys() | self._enrolments.keys())

    # Sweeping --------------------------------------------------------------------------------

    def next_instant(self) -> datetime | None:
        """The next instant at which something happens if no fact comes, or None."""
        index = 0 if self._swept is None else bisect_right(self._moments, self._swept)
        moment = self._moments[index] if index < len(self._moments) else None
        if moment is None or (self._next_timer is not None and self._next_timer < moment):
            return self._next_timer
        return moment

    def rewind(self, instant: datetime) -> list[Announcement]:
        """Goes back to before `instant`; returns the announcements that this takes along."""
        if self._swept is None or instant > self._swept:
            return []
        if instant < self._swept or self._before_last is None:
            self._before_last = (_NOTHING, 0, None, None)
        self._state, kept, self._swept, self._next_timer = self._before_last
        self._before_last = None
        taken = self.announced[kept:]
        del self.announced[kept:]
        return taken

    def advance(self, until: datetime) -> bool:
        """Sweeps every instant up to and including `until`; returns whether there was any."""
        moved = False
        while (instant := self.next_instant()) is not None and instant <= until:
            self._visit(instant)
            moved = True
        return moved

    def _visit(self, instant: datetime) -> None:
        self._before_last = (self._state, len(self.announced), self._swept, self._next_timer)
        state = self._timers(self._state, instant)
        state, causes = self._apply(state, instant)
        state = self._test(state, instant, causes)
        if state.suspended and state.suspensions[-1].since == instant:
            self._announce("selling-suspended", instant)
        self._state, self._swept = state, instant
        self._next_timer = min(self._timers_after(instant), default=None)

    def _announce(self, name: Name, instant: datetime, subject: str = "", ordinal: int = 1) -> None:
        self.announced.append(Announcement(name, instant, self.product, subject, ordinal))

    def _announce_window(self, name: Name, instant: datetime, replacement: Replacement) -> None:
        self._announce(name, instant, instant_text(replacement.window.opened_at), replacement.ordinal)

    def _timers(self, state: _State, instant: datetime) -> _State:
        """Reminders and deadlines of this instant, judged before its facts (R16, R19)."""
        replacements = state.replacements
        for index in state.unfilled:
            replacement = replacements[index]
            window = replacement.window
            if window.outcome != "open":
                continue
            if window.deadline_at == instant:
                expired = replace(replacement, window=replace(window, outcome="expired"))
                replacements = (*replacements[:index], expired, *replacements[index + 1 :])
                self._announce_window("replacement-window-expired", instant, replacement)
            elif instant in self._reminders(window):
                self._announce_window("replacement-window-closing", instant, replacement)
        if replacements is state.replacements:
            return state
        if not state.suspended:
            state = replace(state, suspensions=(*state.suspensions, Suspension(instant)), suspended=True)
        return replace(state, replacements=replacements)

    def _apply(self, state: _State, instant: datetime) -> tuple[_State, tuple[str, ...]]:
        """All facts of the instant together (R17); returns also the facts that can have made a shortfall."""
        causes: tuple[str, ...] = ()
        movements = self._movements.get(instant)
        if movements:
            counted = state.counted.copy()
            for consultant_id in sorted(movements):
                facts = movements[consultant_id]
                if facts is None:
                    del counted[consultant_id]
                    causes += self._loss_facts[instant, consultant_id]
                else:
                    counted[consultant_id] = facts
            state = replace(state, counted=counted)
        enrolment = self._enrolments.get(instant)
        if enrolment is not None:
            state = replace(state, enrolment=enrolment)
            causes += enrolment.kind_facts
        return state, causes

    def _test(self, state: _State, instant: datetime, causes: tuple[str, ...]) -> _State:
        """The headcount against the minimum, and what follows (R12, R13, R18, R21, R22, R28)."""
        enrolment = state.enrolment
        if enrolment is None or not enrolment.enrolled or enrolment.minimum is None:
            return self._leave(state, instant)
        shortfall = max(0, enrolment.minimum - len(state.counted))
        if state.reached_facts is None:
            if shortfall:
                return state
            self._announce("minimum-reached", instant)
            facts = [fact for _, facts in sorted(state.counted.items()) for fact in facts]
            return replace(state, reached_facts=(*enrolment.programme_facts, *facts))
        if shortfall > len(state.unfilled):
            return self._open(state, instant, shortfall - len(state.unfilled), causes)
        filled = len(state.unfilled) - shortfall
        if filled:
            state = self._close(state, instant, state.unfilled[:filled])
        if shortfall == 0 and state.suspended:
            state = self._end_suspension(state, instant)
            if state.suspensions and state.suspensions[-1].to == instant:
                self._announce("selling-reinstated", instant)
        return state

    def _open(self, state: _State, instant: datetime, count: int, causes: tuple[str, ...]) -> _State:
        day = deadline_on(instant, self._parameters.window_days)
        window = Window(instant, day, end_of_london_day(day), None, "open")
        first = len(state.replacements)
        opened = tuple(Replacement(window, ordinal, causes) for ordinal in range(1, count + 1))
        for replacement in opened:
            self._announce_window("replacement-window-opened", instant, replacement)
        return replace(
            state,
            replacements=state.replacements + opened,
            unfilled=state.unfilled + tuple(range(first, first + count)),
        )

    def _close(self, state: _State, instant: datetime, indices: tuple[int, ...]) -> _State:
        """Fills the oldest unfilled windows (R18); at the deadline it is late (R16)."""
        replacements = list(state.replacements)
        for index in indices:
            window = replacements[index].window
            late = window.outcome == "expired"
            closed = replace(window, outcome="closed_late" if late else "closed", closed_at=instant)
            replacements[index] = replace(replacements[index], window=closed)
            self._announce_window("replacement-window-closed", instant, replacements[index])
        return replace(state, replacements=tuple(replacements), unfilled=state.unfilled[len(indices) :])

    def _leave(self, state: _State, instant: datetime) -> _State:
        """Not enrolled: unfilled windows are void, suspension and authorisation end (R28)."""
        if state.reached_facts is None:
            return state
        replacements = list(state.replacements)
        for index in state.unfilled:
            void = replace(replacements[index].window, outcome="void", closed_at=instant)
            replacements[index] = replace(replacements[index], window=void)
            self._announce_window("replacement-window-voided", instant, replacements[index])
        if state.suspended:
            state = self._end_suspension(state, instant)
        self._announce("authorisation-ended", instant)
        return replace(state, replacements=tuple(replacements), unfilled=(), reached_facts=None)

    @staticmethod
    def _end_suspension(state: _State, instant: datetime) -> _State:
        """A suspension of zero length is not recorded (R16)."""
        *others, last = state.suspensions
        ended = () if last.since == instant else (Suspension(last.since, instant),)
        return replace(state, suspensions=(*others, *ended), suspended=False)

    # Timers ----------------------------------------------------------------------------------

    def _reminders(self, window: Window) -> list[datetime]:
        days = self._parameters.reminder_days
        return [london_days_before(window.deadline_at, day) for day in days]

    def _timers_after(self, instant: datetime) -> Iterator[datetime]:
        for index in self._state.unfilled:
            window = self._state.replacements[index].window
            if window.outcome == "open":
                yield window.deadline_at
                for reminder in self._reminders(window):
                    if reminder > instant and reminder > window.opened_at:
                        yield reminder

    # Output ----------------------------------------------------------------------------------

    @property
    def counted(self) -> dict[str, tuple[str, ...]]:
        """Consultant id to the facts that make it count."""
        return self._state.counted

    @property
    def enrolment(self) -> Enrolment | None:
        """The partner's enrolment in force."""
        return self._state.enrolment

    @property
    def reached_facts(self) -> tuple[str, ...] | None:
        """The facts by which the minimum was first reached; None while not authorised (R12)."""
        return self._state.reached_facts

    def unfilled(self) -> list[Replacement]:
        """The windows that wait for a replacement, oldest first; as many as the shortfall (R18)."""
        return [self._state.replacements[index] for index in self._state.unfilled]

    def replacement(self, announcement: Announcement) -> Replacement | None:
        """The window that an announcement is about, as it stands now."""
        for replacement in reversed(self._state.replacements):
            if (instant_text(replacement.window.opened_at), replacement.ordinal) == (
                announcement.subject,
                announcement.ordinal,
            ):
                return replacement
        return None

    def status(self) -> Status:
        """The status at the instant swept to."""
        state = self._state
        if state.enrolment is None or not state.enrolment.enrolled:
            return "not_enrolled"
        if state.reached_facts is None:
            return "not_yet_authorised"
        if state.suspended:
            return "suspended"
        return "in_window" if state.unfilled else "compliant"

    def standing(self) -> Standing:
        """The standing at the instant swept to."""
        state = self._state
        minimum = None if state.enrolment is None else state.enrolment.minimum
        status = self.status()
        return Standing(
            product=self.product,
            headcount=len(state.counted),
            counted=tuple(sorted(state.counted)),
            minimum=minimum,
            shortfall=None if minimum is None else max(0, minimum - len(state.counted)),
            status=status,
            sell_new=status in MAY_SELL_NEW,
            maintain_existing=status != "not_enrolled",
            windows=tuple(replacement.window for replacement in state.replacements),
            suspensions=state.suspensions,
        )
