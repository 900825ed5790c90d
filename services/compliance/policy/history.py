"""One partner's history, step by step: the fold that the live projection and every replay share.

A step is one group of facts appended together, or one instant at which time alone changes
something. Out of a step come compliance events: what was announced and no longer follows is
retracted, newest first; then what newly follows, by effective instant. A late or voided fact takes
the sweep back and the difference is told; published events are never changed.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from hashlib import blake2b
from itertools import islice
from operator import itemgetter
from typing import Final

import msgspec

from services.compliance.policy.announcement import Announcement
from services.compliance.policy.parameters import Parameters
from services.compliance.policy.partner_facts import PartnerFacts
from services.compliance.policy.publication import OpenAnnouncement, PublicationState
from services.compliance.policy.reasons import standing_reasons
from services.compliance.policy.situation import bounds_for
from services.compliance.policy.standing import ForecastSegment, Standing
from services.compliance.policy.sweep import Change, Sweep
from shared.events.compliance_events import TYPE_OF, ComplianceEvent, ComplianceEventData, Name, Retraction
from shared.events.envelope import Fact
from shared.events.wire import instant_text

_encode: Final = msgspec.json.Encoder().encode
FACT_IDS_MAX: Final = 100
"""How many of the facts behind a step its events name: a group may hold any number."""
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


class PublicationUnknown(Exception):
    """Something is to be retracted, and the history does not know what was published: fold it from the first fact."""


class PartnerHistory:
    """Folds the facts routed to one partner, in log order, with the timers between them."""

    def __init__(self, partner_id: str, parameters: Parameters) -> None:
        self.partner_id = partner_id
        self.knowledge = PartnerFacts(partner_id, parameters)
        """What is known of the partner so far. Feed it through `record` alone."""
        self.next_timer_at: datetime | None = None
        """The next instant at which time alone changes or announces something; None: never."""
        self.changed_at: datetime | None = None
        """The instant of the last step after which standings, windows or timers can differ from before."""
        self.changes = 0
        """How many steps these were."""
        self._parameters = parameters
        self._bounds = bounds_for(len(parameters.products))
        self._sweeps = {product: Sweep(product, parameters, self.knowledge.timeline) for product in parameters.products}
        self._upcoming: list[tuple[datetime, str]] = []
        self._published: dict[Announcement, OpenAnnouncement] = {}
        self._publication_known = True
        self._events_published = 0
        self._standings: dict[str, Standing] = {}

    # Steps -----------------------------------------------------------------------------------

    def settle(self, facts: Iterable[Fact], through: datetime) -> None:
        """Begins with facts whose steps, and the timers up to `through`, all lie behind, without their events.

        What stands at an instant follows from what is known alone, so that later steps come out the same. Only what was
        published is not known then: a step that would retract raises `PublicationUnknown`.
        """
        for fact in facts:
            self.knowledge.add(fact)
        self._apply_changes(_Difference(through, ()))
        self._publication_known = False
        self.changed_at = through
        if self.knowledge.mentioned:
            self._standings = {product: self._standing(sweep) for product, sweep in self._sweeps.items()}
        self._look_ahead()

    def take_in(self, facts: Iterable[Fact]) -> None:
        """Takes in the next facts, from which nothing follows for this partner (see `Concern`)."""
        for fact in facts:
            self.knowledge.add(fact)

    def record(self, group: Sequence[Fact], earlier: Sequence[Fact] = ()) -> Step:
        """The step of one group of facts appended together.

        `earlier`: facts of earlier groups that are routed to the partner only now, because of this one; nothing
        followed from them before. Every timer due at or before the group's `recorded_at` has been fired (R16): the
        caller sees to it.
        """
        recorded_at, knowledge = group[0].recorded_at, self.knowledge
        known_before = knowledge.mentioned
        for fact in earlier:
            knowledge.add(fact)
        for fact in group:
            knowledge.add(fact)
        diff = _Difference(recorded_at, _causes(group))
        changed = self._apply_changes(diff)
        if knowledge.mentioned and not known_before:
            first = min(recorded_at, group[0].effective_at)
            for product in self._sweeps:
                diff.changed_since(product, first)
            changed = True
        if changed:
            self.changed_at, self.changes = recorded_at, self.changes + 1
            self._look_ahead()
        if diff.new:
            diff.new = [announcement for announcement in diff.new if announcement.name != _REMINDER]
        return self._step(diff, group[0].append_position)

    def fire(self, until: datetime) -> list[Step]:
        """The steps of every timer due at or before `until`, in order; those that announce nothing are left out."""
        steps = []
        while (instant := self.next_timer_at) is not None and instant <= until:
            self.changed_at, self.changes = instant, self.changes + 1
            diff = _Difference(instant, ())
            for product, sweep in self._sweeps.items():
                diff.take(product, sweep.advance(instant))
            diff.new += self._due_notices(instant)
            self._look_ahead()
            fired = self._step(diff, 0)
            if fired.events:
                steps.append(fired)
        return steps

    def apply_policy_upgrade(self, publication: PublicationState, instant: datetime, position: int) -> Step:
        """The step that corrects what was published by another policy; from then on this one goes on from it.

        Everything up to this step was published as `publication` has it, whatever this policy would have published.
        Every timer due by `instant` has been fired.
        """
        diff = _Difference(instant, ())
        diff.replace(list(publication.standing), list(self._published))
        diff.new = [announcement for announcement in diff.new if announcement.name != _REMINDER]
        diff.since = dict.fromkeys((*self._sweeps, *publication.standings), instant)
        self._published, self._events_published = dict(publication.standing), publication.events
        self._publication_known = True
        self._standings = dict(publication.standings)
        return self._step(diff, position)

    def sweeps(self) -> dict[str, Sweep]:
        """The sweep of each product, as far as the last step; none if the partner was never mentioned."""
        return self._sweeps if self.knowledge.mentioned and self.changed_at is not None else {}

    # What changed ----------------------------------------------------------------------------

    def _look_ahead(self) -> None:
        instants = [instant for sweep in self._sweeps.values() if (instant := sweep.next_instant()) is not None]
        if self._upcoming:
            instants.append(self._upcoming[0][0])
        self.next_timer_at = min(instants, default=None)

    def _apply_changes(self, diff: "_Difference") -> bool:
        """Brings sweeps and notices up to the knowledge, and notes what no longer and what newly follows.

        Returns whether anything can have changed, now or later.
        """
        changed = False
        enrolled = self.knowledge.refresh_partner()
        if enrolled is not None:
            changed = True
            for sweep in self._sweeps.values():
                sweep.enrolments_changed(*enrolled)
        if self.knowledge.notices_stale:
            changed = self._replace_notices("", *self.knowledge.refresh_notices(), diff) or changed
        for consultant_id, change in self.knowledge.refresh_people():
            changed = True
            for product, times in change.times.items():
                if product in self._sweeps:
                    self._sweeps[product].set_times(consultant_id, times.before, times.after)
            if change.gone or change.new:
                self._replace_notices(consultant_id, change.gone, change.new, diff)
        for product, sweep in self._sweeps.items():
            if sweep.changed:
                diff.take(product, sweep.advance(diff.instant))
        return changed

    def _replace_notices(
        self, owner: str, gone: Sequence[Announcement], new: Sequence[Announcement], diff: "_Difference"
    ) -> bool:
        """Notices are announcements outside the sweeps: of a person, or (owner "") of the partner."""
        if not gone and not new:
            return False
        now = diff.instant
        diff.replace([notice for notice in gone if notice.instant <= now], [n for n in new if n.instant <= now])
        for notice in gone:
            if notice.instant > now:
                del self._upcoming[bisect_left(self._upcoming, (notice.instant, owner))]
        for notice in new:
            if notice.instant > now:
                insort(self._upcoming, (notice.instant, owner))
        return True

    def _due_notices(self, instant: datetime) -> list[Announcement]:
        due = bisect_right(self._upcoming, instant, key=_instant)
        owners = {owner for _, owner in self._upcoming[:due]}
        del self._upcoming[:due]
        return [notice for owner in sorted(owners) for notice in self.knowledge.notices_at(owner, instant)]

    # What is told ----------------------------------------------------------------------------

    def _step(self, diff: "_Difference", position: int) -> Step:
        if not (diff.since or diff.new or diff.gone) or not self.knowledge.mentioned:
            return Step(diff.instant, position, self.partner_id, ())
        if diff.gone and not self._publication_known:
            raise PublicationUnknown
        changed = self._changed_standings(diff)
        told = {one.product for one in diff.new} | {one.product for one in diff.gone if one in self._published}
        for product in changed:
            if product not in told:
                diff.new.append(Announcement("standing-changed", diff.since[product], product, "", 1))
        gone = [one for one in diff.gone if one in self._published]
        touched = set(changed).union(*(self._products(one) for one in (*gone, *diff.new)))
        standings = tuple(self._standings[product] for product in self._sweeps if product in touched)
        gone.sort(key=lambda one: -self._published[one].place)
        diff.new.sort(key=lambda one: (one.instant, one.product or ""))
        retracted = [self._retract(one, standings, diff) for one in gone]
        announced = [self._announce(one, standings, diff) for one in diff.new]
        return Step(diff.instant, position, self.partner_id, (*retracted, *announced))

    def _changed_standings(self, diff: "_Difference") -> list[str]:
        """Products whose standing is to be told; one that is no longer sold has none, and is named without."""
        changed = []
        for product in diff.since:
            sweep = self._sweeps.get(product)
            if sweep is None:
                del self._standings[product]
                changed.append(product)
            elif (standing := self._standing(sweep)) != self._standings.get(product):
                self._standings[product] = standing
                changed.append(product)
        return changed

    def _standing(self, sweep: Sweep) -> Standing:
        """The standing as events carry it."""
        return sweep.situation().standing(self._bounds)

    def _products(self, one: Announcement) -> tuple[str, ...]:
        """The products an announcement is about; all where it is about the person or the partner as such."""
        if one.product is not None:
            return (one.product,)
        if one in self._published:
            return self._published[one].products
        if one.name == "maintenance-required":
            named = self.knowledge.portal_change(one.subject).products
            return tuple(product for product in self._parameters.products if product in named)
        return self._parameters.products

    def _announce(self, one: Announcement, standings: tuple[Standing, ...], diff: "_Difference") -> ComplianceEvent:
        event = self._event(one.name, one, self._details(one, standings, diff), diff)
        self._events_published += 1
        if one.name != "standing-changed":
            self._published[one] = OpenAnnouncement(self._events_published, event.event_id, event.products)
        return event

    def _retract(self, one: Announcement, standings: tuple[Standing, ...], diff: "_Difference") -> ComplianceEvent:
        published = self._published.pop(one)
        data = ComplianceEventData(
            partner_id=self.partner_id,
            products=published.products,
            standings=standings,
            fact_ids=diff.fact_ids,
            retracts=Retraction(published.event_id, TYPE_OF[one.name], one.instant),
        )
        self._events_published += 1
        return self._event("retracted", one, data, diff)

    def _details(self, one: Announcement, standings: tuple[Standing, ...], diff: "_Difference") -> ComplianceEventData:
        window = consultant_id = portal_change_id = due_on = None
        if one.name in ("dual-link-detected", "dual-link-cleared", "certification-lapsed"):
            consultant_id = one.subject
        elif one.name == "maintenance-required":
            portal_change_id, due_on = one.subject, self.knowledge.portal_change(one.subject).due_on
        elif one.product is not None and one.subject:
            replacement = self._sweeps[one.product].replacement(one)
            window = None if replacement is None else replacement.window
        return ComplianceEventData(
            partner_id=self.partner_id,
            products=self._products(one),
            standings=standings,
            fact_ids=diff.fact_ids,
            window=window,
            consultant_id=consultant_id,
            portal_change_id=portal_change_id,
            due_on=due_on,
        )

    def _event(self, name: Name, one: Announcement, data: ComplianceEventData, diff: "_Difference") -> ComplianceEvent:
        body = _encode(data)
        recorded_at = instant_text(diff.instant)
        effective_at = recorded_at if one.instant == diff.instant else instant_text(one.instant)
        what = f"{TYPE_OF[name]} {effective_at} {recorded_at} {one.subject} {one.ordinal} "
        return ComplianceEvent(
            event_id=blake2b(what.encode() + body, digest_size=16).hexdigest(),
            type=TYPE_OF[name],
            partner_id=self.partner_id,
            products=data.products,
            effective_at=one.instant,
            recorded_at=diff.instant,
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

    def changed_since(self, product: str, instant: datetime) -> None:
        known = self.since.get(product)
        if known is None or instant < known:
            self.since[product] = instant

    def take(self, product: str, change: Change) -> None:
        if change.since is not None:
            self.changed_since(product, change.since)
        self.replace(change.gone, change.new)

    def replace(self, old: Sequence[Announcement], new: Sequence[Announcement]) -> None:
        if not old:
            self.new += new
            return
        before, after = set(old), set(new)
        self.gone += [announcement for announcement in old if announcement not in after]
        self.new += [announcement for announcement in new if announcement not in before]


def _causes(group: Sequence[Fact]) -> tuple[str, ...]:
    """What the events of the group's step name: reported facts, each once."""
    if len(group) == 1:
        return (group[0].causation_id or group[0].fact_id,)
    causes = dict.fromkeys(fact.causation_id or fact.fact_id for fact in group)
    return tuple(islice(causes, FACT_IDS_MAX))


_instant: Final = itemgetter(0)


def future(sweep: Sweep, now: datetime) -> Iterator[ForecastSegment]:
    """The standing that a sweep has reached, valid from `now`, then each that follows without further facts."""
    situation = sweep.situation()
    since, standing, reasons = now, situation.standing(), standing_reasons(situation)
    for instant, situation in sweep.forecast():
        then, then_reasons = situation.standing(), standing_reasons(situation)
        if (then, then_reasons) != (standing, reasons):
            yield ForecastSegment(since, standing, reasons, instant)
            since, standing, reasons = instant, then, then_reasons
    yield ForecastSegment(since, standing, reasons, None)
