"""One partner: from the facts that concern it, in log order, every step and the compliance events of each."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import groupby, zip_longest

from sagecert_verify.derive.consultant_at_partner import NOWHERE, Person, Presence, presence
from sagecert_verify.derive.enrolment import enrolments
from sagecert_verify.derive.event_data import FACT_IDS_MAX, Event, standing_json
from sagecert_verify.derive.facts_of_partner import Known
from sagecert_verify.derive.logged_fact import LoggedFact
from sagecert_verify.derive.published_state import DUAL, REQUIRED, Publication, Standing
from sagecert_verify.derive.spans import Span, holds
from sagecert_verify.derive.step_events import LAPSED, NOTHING_STATED, REMINDER, Announcer, Stated, Step
from sagecert_verify.derive.sweep import Announcement, State, Sweep


class PartnerDerivation:
    """Takes what concerns one partner, and answers the compliance events that follow."""

    def __init__(self, partner_id: str, products: Sequence[str]) -> None:
        self.partner_id = partner_id
        self.products = products
        self._known = Known(partner_id)
        self._presence: dict[str, Presence] = {}
        self._sweeps = {product: Sweep(product) for product in products}
        self._notices: list[Announcement] = []
        self._announcer = Announcer(self._known, products, self._standing, self.state)
        self._is_mentioned = False
        self._now: datetime | None = None

    def derive(self, facts: Iterable[LoggedFact], until: datetime, stated: Stated = NOTHING_STATED) -> Iterator[Event]:
        """The events of all steps: the groups in log order, the timers between them, and those after them by `until`.

        `stated`: since when the published `standing-changed` events say that their standings differ. That instant
        depends on grounds that an event does not show; it is taken as stated where it is the derived one, or an earlier
        one at which the step can have changed a ground.
        """
        for _, group in groupby(facts, key=lambda fact: fact.append_position):
            yield from self.take(list(group), stated)
        yield from self.fire_timers(until, stated)

    def take(self, group: Sequence[LoggedFact], stated: Stated = NOTHING_STATED) -> Iterator[Event]:
        """The events of the timers before these facts of one append, and of the facts."""
        now = group[0].recorded_at
        yield from self.fire_timers(now, stated)
        causes = list(dict.fromkeys(fact.cause for fact in group))[:FACT_IDS_MAX]
        history = all(fact.history for fact in group)
        step = Step(now, group[0].append_position, causes, history=history)
        self._now = now
        self._apply(group, step)
        if self._is_mentioned:
            yield from self._announcer.events(step, stated)

    def correct(self, publication: Publication, at: datetime, position: int, cause: str) -> Iterator[Event]:
        """The events that correct what another engine published, after the step at this instant and position.

        `cause`: the fact that installed the engine which corrects. All timers by then have fired.
        """
        if self._is_mentioned:
            yield from self._announcer.corrections(Step(at, position, (cause,)), publication)

    def policy_id(self, at: datetime) -> str:
        """The policy in force at the instant, as known now (R39)."""
        return self._known.policies.at(at).policy_id

    def state(self, product: str, at: datetime) -> State | None:
        """How the partner stands for the product at the instant, as known now; None before anything happened."""
        return self._sweeps[product].state(at)

    def counted(self, product: str, at: datetime) -> list[str]:
        """Who counts at the instant, as known now, sorted (R9)."""
        return sorted(
            consultant for consultant, here in self._presence.items() if holds(here.counts.get(product, ()), at)
        )

    def _standing(self, product: str, at: datetime) -> Standing:
        state = self.state(product, at) or State(at, 0, None, False, False, (), (), ())
        return standing_json(product, state, self.counted(product, at), len(self.products))

    # Steps ------------------------------------------------------------------------------------------

    def fire_timers(self, until: datetime, stated: Stated) -> Iterator[Event]:
        """A step for each instant up to `until` at which time alone changes something."""
        while self._now is not None and self._is_mentioned:
            due = [instant for sweep in self._sweeps.values() if (instant := sweep.next_instant(self._now))]
            place = bisect_right(self._notices, self._now, key=_instant)
            due += [notice.instant for notice in self._notices[place : place + 1]]
            if not due or min(due) > until:
                return
            self._now = min(due)
            step = Step(self._now, 0, ())
            for product, sweep in self._sweeps.items():
                if sweep.has_state(self._now):
                    step.mark(product, self._now)
                    step.announced += sweep.announced_at(self._now)
            first = bisect_left(self._notices, self._now, key=_instant)
            step.announced += self._notices[first : bisect_right(self._notices, self._now, key=_instant)]
            yield from self._announcer.events(step, stated)

    def _apply(self, group: Sequence[LoggedFact], step: Step) -> None:
        known = self._known
        known.take(group)
        step.grounds |= {(product, at) for product in self.products for at in known.instants}
        self._mention(group, step)
        changed: dict[str, datetime] = {}
        if known.enrolment:
            self._enrol(changed)
        for consultant in known.people:
            self._meet(consultant, changed, step)
        if known.revised_from is not None:
            for product in self.products:
                _sooner(changed, product, known.revised_from)
        for product, since in changed.items():
            self._go_again(product, since, step)
        self._notify(step)

    def _mention(self, group: Sequence[LoggedFact], step: Step) -> None:
        """The partner has standings from its first mention on."""
        for fact in group:
            if not self._is_mentioned and self.partner_id in (fact.data.get("partner_id"), fact.data.get("into")):
                self._is_mentioned = True
                for product in self.products:
                    step.mark(product, min(fact.effective_at, fact.recorded_at))

    def _enrol(self, changed: dict[str, datetime]) -> None:
        history = enrolments(self._known.own.values(), self.partner_id, self._known.fates)
        for product, sweep in self._sweeps.items():
            instants = [
                entry.at
                for pair in zip_longest(sweep.enrolments, history)
                if pair[0] != pair[1]
                for entry in pair
                if entry is not None
            ]
            if instants:
                _sooner(changed, product, min(instants))
            sweep.enrolments = history

    def _meet(self, consultant: str, changed: dict[str, datetime], step: Step) -> None:
        known = self._known
        before = self._presence.get(consultant, NOWHERE)
        now = presence(known.everybody[consultant], self.partner_id, self.products, known.fates, known.duties)
        self._presence[consultant] = now
        for product, sweep in self._sweeps.items():
            self._note_grounds(known.everybody[consultant], product, now, step)
            old, new = list(before.counts.get(product, ())), list(now.counts.get(product, ()))
            if old != new:
                sweep.count(old, new)
                since = _first_difference(old, new)
                _sooner(changed, product, since)
                step.mark(product, since)

    def _note_grounds(self, person: Person, product: str, here: Presence, step: Step) -> None:
        """Where somebody begins or ceases to count, and other facts than before can be behind that."""
        step.grounds |= {(product, at) for at in here.lapses.get(product, ())}
        regrounded = person.take_regrounded(product)
        if not regrounded:
            return
        certified = person.certification(product, self._known.duties).spans
        for begin, end in here.counts.get(product, ()):
            grounds = {start for start, until in certified if start <= begin and (until is None or begin < until)}
            if regrounded & grounds:
                step.grounds.add((product, begin))
            if end in regrounded:
                step.grounds.add((product, end))

    def _go_again(self, product: str, since: datetime, step: Step) -> None:
        old, new = self._sweeps[product].go_again(since, self._known.policies)
        for before, after in zip_longest(old, new):
            if before != after:
                step.mark(product, min(state.at for state in (before, after) if state is not None))
                break
        self._replace(
            [notice for state in old for notice in state.announced],
            [notice for state in new for notice in state.announced],
            step,
        )

    def _notify(self, step: Step) -> None:
        """Notices of which no sweep knows: double links, lapses, portal changes."""
        notices = sorted(self._all_notices(), key=_in_order)
        if notices != self._notices:
            self._replace(self._notices, notices, step)
            self._notices = notices

    def _all_notices(self) -> Iterator[Announcement]:
        for consultant, here in self._presence.items():
            for span in here.dual:
                for name, instant in zip(DUAL, span, strict=True):
                    if instant is not None:
                        yield Announcement(name, instant, None, consultant, 1)
            for product, instants in here.lapses.items():
                for instant in instants:
                    yield Announcement(LAPSED, instant, product, consultant, 1)
        for fact in self._known.portal_changes:
            state = self.state(self.products[0], fact.effective_at)
            if fact.data["significant"] and state is not None and state.is_enrolled:
                change = fact.data["portal_change_id"]
                named = tuple(product for product in self.products if product in fact.data["products"])
                yield Announcement(REQUIRED, fact.effective_at, None, change, 1, named, fact.data["due_on"])

    def _replace(self, old: Sequence[Announcement], new: Sequence[Announcement], step: Step) -> None:
        """What is no longer so is retracted, what is newly so announced; but nobody is reminded of the past."""
        before, after = set(old), set(new)
        step.retracted += [notice for notice in old if notice not in after and self._announcer.has_published(notice)]
        step.announced += [
            notice
            for notice in new
            if notice not in before and notice.instant <= step.instant and notice.name != REMINDER
        ]


def _sooner(changed: dict[str, datetime], product: str, instant: datetime) -> None:
    changed[product] = min(changed.get(product, instant), instant)


def _first_difference(old: Sequence[Span], new: Sequence[Span]) -> datetime:
    before, after = ({(instant, side) for span in spans for side, instant in enumerate(span)} for spans in (old, new))
    return min(instant for instant, _ in before ^ after if instant is not None)


def _in_order(notice: Announcement) -> tuple[datetime, bool, str, str]:
    """Of one instant first portal changes, as they were recorded, then person after person."""
    if notice.name == REQUIRED:
        return notice.instant, False, "", ""
    return notice.instant, True, notice.about, notice.name


def _instant(notice: Announcement) -> datetime:
    return notice.instant
