"""One partner's history, step by step: the fold that the live projection and every replay share.

A step is one group of facts appended together, or one instant at which time alone changes
something. Out of a step come compliance events: what was announced and no longer follows is
retracted, newest first; then what newly follows, by effective instant. A late or voided fact takes
the sweep back and the difference is told; published events are never changed.
"""

from collections.abc import Sequence
from datetime import datetime
from hashlib import blake2b
from heapq import heappop, heappush
from typing import Final

import msgspec

from services.compliance.policy.enrolment import Enrolment
from services.compliance.policy.knowledge import Knowledge
from services.compliance.policy.parameters import Parameters
from services.compliance.policy.person import NOBODY, Counted, PersonView
from services.compliance.policy.published import Publication, Published
from services.compliance.policy.reasons import standing_reasons
from services.compliance.policy.standing import Standing, Stretch
from services.compliance.policy.windows import Announcement, Sweep
from shared.events.compliance_events import TYPE_OF, ComplianceEvent, ComplianceEventData, Name, Retraction
from shared.events.envelope import Fact
from shared.events.wire import instant_text

_encode: Final = msgspec.json.Encoder().encode
_REMINDER: Final = "replacement-window-closing"


class Step(msgspec.Struct, frozen=True):
    """What one step of one partner announces, in order.

    `instant`: when the facts were recorded, or when the timer was due. `position`: the
    `append_position` of the facts; 0 for a timer, which comes before facts of the same instant.
    """

    instant: datetime
    position: int
    partner_id: str
    events: tuple[ComplianceEvent, ...]


class PartnerHistory:
    """Folds the facts routed to one partner, in log order, with the timers between them."""

    def __init__(self, partner_id: str, parameters: Parameters) -> None:
        self.partner_id = partner_id
        self._parameters = parameters
        self._knowledge = Knowledge(partner_id, parameters)
        self._sweeps = {product: Sweep(product, parameters) for product in parameters.products}
        self._views: dict[str, PersonView] = {}
        self._enrolments: list[Enrolment] = []
        self._notices: dict[str, tuple[Announcement, ...]] = {}
        self._upcoming: list[tuple[datetime, str]] = []
        self._published: dict[Announcement, Published] = {}
        self._events_published = 0
        self._standings: dict[str, Standing] = {}
        self._horizon: datetime | None = None
        self.next_timer_at: datetime | None = None
        """The next instant at which time alone changes or announces something; None: never."""

    # Steps -----------------------------------------------------------------------------------

    def record(self, group: Sequence[Fact]) -> Step:
        """The step of one group of facts appended together.

        Every timer due at or before their `recorded_at` has been fired (R16): the caller sees to it.
        """
        recorded_at, knowledge = group[0].recorded_at, self._knowledge
        known_before = knowledge.mentioned
        for fact in group:
            knowledge.add(fact)
        self._horizon = recorded_at
        step = _Difference(recorded_at, tuple(dict.fromkeys(fact.causation_id or fact.fact_id for fact in group)))
        if self._follow(step):
            self._look_ahead()
        knowledge.seen()
        if knowledge.mentioned and not known_before:
            first = min(recorded_at, group[0].effective_at)
            for product in self._sweeps:
                step.since[product] = min(first, step.since.get(product, first))
        if step.new:
            step.new = [one for one in step.new if one.name != _REMINDER]
        return self._step(step, group[0].append_position)

    def fire(self, until: datetime) -> list[Step]:
        """The steps of every timer due at or before `until`, in order; those that announce nothing are left out."""
        steps = []
        while (instant := self.next_timer_at) is not None and instant <= until:
            self._horizon = instant
            step = _Difference(instant, ())
            for product, sweep in self._sweeps.items():
                told = len(sweep.announced)
                if sweep.advance(instant):
                    step.since[product] = instant
                    step.new += sweep.announced[told:]
            step.new += self._due_notices(instant)
            self._look_ahead()
            fired = self._step(step, 0)
            if fired.events:
                steps.append(fired)
        return steps

    def take_over(self, publication: Publication, instant: datetime, position: int) -> Step:
        """The step that corrects what was published by another policy; from then on this one goes on from it.

        Everything up to this step was published as `publication` has it, whatever this policy would have published.
        Every timer due by `instant` has been fired.
        """
        step = _Difference(instant, ())
        step.replace(list(publication.standing), list(self._published))
        step.new = [one for one in step.new if one.name != _REMINDER]
        step.since = dict.fromkeys((*self._sweeps, *publication.standings), instant)
        self._published, self._events_published = dict(publication.standing), publication.events
        self._standings = dict(publication.standings)
        return self._step(step, position)

    def stretches(self) -> dict[str, list[Stretch]]:
        """Per product the present standing, then those that follow if no fact comes; {} if never mentioned."""
        if not self._knowledge.mentioned or self._horizon is None:
            return {}
        return {product: future(sweep, self._horizon) for product, sweep in self._sweeps.items()}

    # What changed ----------------------------------------------------------------------------

    def _look_ahead(self) -> None:
        instants = [instant for sweep in self._sweeps.values() if (instant := sweep.next_instant()) is not None]
        if self._upcoming:
            instants.append(self._upcoming[0][0])
        self.next_timer_at = min(instants, default=None)

    def _follow(self, step: "_Difference") -> bool:
        """Brings sweeps and notices up to the knowledge, and notes what no longer and what newly follows.

        Returns whether anything can have changed, now or later.
        """
        changed_anything = False
        knowledge = self._knowledge
        if knowledge.changed_partner:
            timeline = knowledge.enrolments()
            changed = _first_difference(self._enrolments, timeline)
            self._enrolments = timeline
            if changed is not None:
                for product, sweep in self._sweeps.items():
                    sweep.set_enrolments(timeline)
                    step.touch(product, changed)
        if knowledge.changed_partner or knowledge.changed_obligations:
            self._renotice("", tuple(knowledge.maintenance_required()), step)
            changed_anything = True
        for consultant_id in sorted(knowledge.changed_persons):
            view = knowledge.view(consultant_id)
            old = self._views.get(consultant_id, NOBODY)
            if view == old:
                continue
            self._views[consultant_id] = view
            for product in {**old.counted, **view.counted}:
                before, after = old.counted.get(product, ()), view.counted.get(product, ())
                if before is not after:
                    self._move(consultant_id, product, before, after, step)
            if view.announcements != old.announcements:
                self._renotice(consultant_id, view.announcements, step)
            changed_anything = True
        step.since = {product: since for product, since in step.since.items() if since <= step.instant}
        for product, since in step.since.items():
            sweep = self._sweeps[product]
            taken = sweep.rewind(since)
            kept = len(sweep.announced)
            sweep.advance(step.instant)
            step.replace(taken, sweep.announced[kept:])
        return changed_anything

    def _move(
        self, consultant_id: str, product: str, old: Sequence[Counted], new: Sequence[Counted], step: "_Difference"
    ) -> None:
        """Tells the sweep of the product how the times in which the person counts have changed."""
        sweep = self._sweeps.get(product)
        if sweep is None:
            return
        before, after = _movements(old), _movements(new)
        for instant in before.keys() - after.keys():
            sweep.unset_movement(instant, consultant_id)
            step.touch(product, instant)
        for instant, movement in after.items():
            if before.get(instant) != movement:
                sweep.set_movement(instant, consultant_id, *movement)
                step.touch(product, instant)

    def _renotice(self, owner: str, notices: tuple[Announcement, ...], step: "_Difference") -> None:
        """Notices are announcements outside the sweeps: of a person, or (owner "") of the partner."""
        old = self._notices.get(owner, ())
        self._notices[owner] = notices
        now = step.instant
        step.replace([one for one in old if one.instant <= now], [one for one in notices if one.instant <= now])
        for one in notices:
            if one.instant > now:
                heappush(self._upcoming, (one.instant, owner))

    def _due_notices(self, instant: datetime) -> list[Announcement]:
        owners = set()
        while self._upcoming and self._upcoming[0][0] <= instant:
            owners.add(heappop(self._upcoming)[1])
        return [one for owner in sorted(owners) for one in self._notices[owner] if one.instant == instant]

    # What is told ----------------------------------------------------------------------------

    def _step(self, step: "_Difference", position: int) -> Step:
        if not self._knowledge.mentioned or not (step.since or step.new or step.gone):
            return Step(step.instant, position, self.partner_id, ())
        changed = self._changed_standings(step)
        told = {one.product for one in step.new} | {one.product for one in step.gone if one in self._published}
        for product in changed:
            if product not in told:
                step.new.append(Announcement("standing-changed", step.since[product], product, "", 1))
        gone = [one for one in step.gone if one in self._published]
        touched = set(changed).union(*(self._products(one) for one in (*gone, *step.new)))
        standings = tuple(self._standings[product] for product in self._sweeps if product in touched)
        gone.sort(key=lambda one: -self._published[one].place)
        step.new.sort(key=lambda one: (one.instant, one.product or ""))
        retracted = [self._retract(one, standings, step) for one in gone]
        announced = [self._announce(one, standings, step) for one in step.new]
        return Step(step.instant, position, self.partner_id, (*retracted, *announced))

    def _changed_standings(self, step: "_Difference") -> list[str]:
        """Products whose standing is to be told; one that is no longer sold has none, and is named without."""
        changed = []
        for product in step.since:
            sweep = self._sweeps.get(product)
            if sweep is None:
                del self._standings[product]
                changed.append(product)
            elif (standing := sweep.standing()) != self._standings.get(product):
                self._standings[product] = standing
                changed.append(product)
        return changed

    def _products(self, one: Announcement) -> tuple[str, ...]:
        """The products an announcement is about; all where it is about the person or the partner as such."""
        if one.product is not None:
            return (one.product,)
        if one in self._published:
            return self._published[one].products
        if one.name == "maintenance-required":
            named = self._knowledge.portal_change(one.subject).products
            return tuple(product for product in self._parameters.products if product in named)
        return self._parameters.products

    def _announce(self, one: Announcement, standings: tuple[Standing, ...], step: "_Difference") -> ComplianceEvent:
        event = self._event(one.name, one, self._details(one, standings, step), step)
        self._events_published += 1
        if one.name != "standing-changed":
            self._published[one] = Published(self._events_published, event.event_id, event.products)
        return event

    def _retract(self, one: Announcement, standings: tuple[Standing, ...], step: "_Difference") -> ComplianceEvent:
        published = self._published.pop(one)
        data = ComplianceEventData(
            partner_id=self.partner_id,
            products=published.products,
            standings=standings,
            fact_ids=step.fact_ids,
            retracts=Retraction(published.event_id, TYPE_OF[one.name], one.instant),
        )
        self._events_published += 1
        return self._event("retracted", one, data, step)

    def _details(self, one: Announcement, standings: tuple[Standing, ...], step: "_Difference") -> ComplianceEventData:
        window = consultant_id = portal_change_id = due_on = None
        if one.name in ("dual-link-detected", "dual-link-cleared", "certification-lapsed"):
            consultant_id = one.subject
        elif one.name == "maintenance-required":
            portal_change_id, due_on = one.subject, self._knowledge.portal_change(one.subject).due_on
        elif one.product is not None and one.subject:
            replacement = self._sweeps[one.product].replacement(one)
            window = None if replacement is None else replacement.window
        return ComplianceEventData(
            partner_id=self.partner_id,
            products=self._products(one),
            standings=standings,
            fact_ids=step.fact_ids,
            window=window,
            consultant_id=consultant_id,
            portal_change_id=portal_change_id,
            due_on=due_on,
        )

    def _event(self, name: Name, one: Announcement, data: ComplianceEventData, step: "_Difference") -> ComplianceEvent:
        body = _encode(data)
        recorded_at = instant_text(step.instant)
        effective_at = recorded_at if one.instant == step.instant else instant_text(one.instant)
        what = f"{TYPE_OF[name]} {effective_at} {recorded_at} {one.subject} {one.ordinal} "
        return ComplianceEvent(
            event_id=blake2b(what.encode() + body, digest_size=16).hexdigest(),
            type=TYPE_OF[name],
            partner_id=self.partner_id,
            products=data.products,
            effective_at=one.instant,
            recorded_at=step.instant,
            subject=one.subject,
            data=body,
        )


class _Difference:
    """What one step changes. `since`: product to the earliest instant from which its sweep differs by now."""

    __slots__ = ("fact_ids", "gone", "instant", "new", "since")

    def __init__(self, instant: datetime, fact_ids: tuple[str, ...]) -> None:
        self.instant = instant
        self.fact_ids = fact_ids
        self.gone: list[Announcement] = []
        self.new: list[Announcement] = []
        self.since: dict[str, datetime] = {}

    def touch(self, product: str, instant: datetime) -> None:
        known = self.since.get(product)
        if known is None or instant < known:
            self.since[product] = instant

    def replace(self, old: Sequence[Announcement], new: Sequence[Announcement]) -> None:
        before, after = set(old), set(new)
        self.gone += [one for one in old if one not in after]
        self.new += [one for one in new if one not in before]


def future(sweep: Sweep, now: datetime) -> list[Stretch]:
    """The standing that a sweep has reached, valid from `now`, and those that follow without further facts."""
    ahead = sweep.copy()
    found = []
    since, standing, reasons = now, ahead.standing(), standing_reasons(ahead)
    while (instant := ahead.next_instant()) is not None:
        ahead.advance(instant)
        then, then_reasons = ahead.standing(), standing_reasons(ahead)
        if (then, then_reasons) != (standing, reasons):
            found.append(Stretch(since, standing, reasons, instant))
            since, standing, reasons = instant, then, then_reasons
    found.append(Stretch(since, standing, reasons, None))
    return found


def _movements(spans: Sequence[Counted]) -> dict[datetime, tuple[bool, tuple[str, ...]]]:
    """Instant to (whether the person begins to count, the facts that make it so)."""
    movements = {}
    for span in spans:
        movements[span.start] = (True, span.start_facts)
        if span.end is not None:
            movements[span.end] = (False, span.end_facts)
    return movements


def _first_difference(old: Sequence[Enrolment], new: Sequence[Enrolment]) -> datetime | None:
    for before, after in zip(old, new, strict=False):
        if before != after:
            return min(before.start, after.start)
    longer = new if len(new) > len(old) else old
    shorter = min(len(old), len(new))
    return longer[shorter].start if len(longer) > shorter else None
