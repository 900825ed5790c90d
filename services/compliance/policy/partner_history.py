"""One partner's history, step by step: the fold that the live projection and every replay share.

A step is one group of facts appended together, or one instant at which time alone changes something. A step publishes
compliance events: it retracts, newest first, what was announced and no longer follows, then announces what newly
follows, by effective instant. A late or voided fact takes the sweep back, and the step publishes the difference;
published events never change.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Sequence
from datetime import datetime
from hashlib import blake2b
from itertools import islice
from operator import attrgetter, itemgetter
from typing import Final

import msgspec

from services.compliance.policy.event_announcement import Announcement
from services.compliance.policy.parameters import Parameters
from services.compliance.policy.partner_facts import PartnerFacts
from services.compliance.policy.published_state import OpenAnnouncement, PublicationState
from services.compliance.policy.shared_links import PeopleElsewhere
from services.compliance.policy.situation import bounds_for
from services.compliance.policy.step_difference import StepDifference
from services.compliance.policy.sweep import Sweep
from shared.events.compliance_events import TYPE_OF, ComplianceEvent, ComplianceEventData, Name, Retraction, Standing
from shared.events.envelope import Fact
from shared.events.wire import instant_text

_encode: Final = msgspec.json.Encoder().encode
FACT_IDS_MAX: Final = 100
"""The most facts behind its step that an event names; a group may hold any number."""


class Step(msgspec.Struct, frozen=True):
    """What one step of one partner publishes, in order.

    `instant`: when the facts were recorded, or when the timer was due. `position`: the `append_position` of the facts;
    0 for a timer, which comes before facts of the same instant.
    """

    instant: datetime
    position: int
    partner_id: str
    events: tuple[ComplianceEvent, ...]


class PublicationUnknown(Exception):
    """A step retracts something, and the history does not know what was published: fold it from the first fact."""


class PartnerHistory:
    """Folds the facts routed to one partner, in log order, with the timers between them."""

    def __init__(self, partner_id: str, parameters: Parameters, elsewhere: PeopleElsewhere | None = None) -> None:
        self.partner_id = partner_id
        self.partner_facts = PartnerFacts(partner_id, parameters, elsewhere=elsewhere)
        """The facts so far. Add to them through `record` only."""
        self.next_timer_at: datetime | None = None
        """When time alone next changes or announces something; None: never."""
        self.changed_at: datetime | None = None
        """The instant of the last step that can have changed standings, windows or timers."""
        self.changes = 0
        """The number of such steps."""
        self._parameters = parameters
        self._bounds = bounds_for(len(parameters.products))
        policy, timeline = self.partner_facts.policy, self.partner_facts.timeline
        self._sweeps = {product: Sweep(product, policy, timeline) for product in parameters.products}
        self._upcoming: list[tuple[datetime, str]] = []
        self._published: dict[Announcement, OpenAnnouncement] = {}
        self._publication_known = True
        self._events_published = 0
        self._standings: dict[str, Standing] = {}

    # Steps -----------------------------------------------------------------------------------

    def fast_forward(self, facts: Iterable[Fact], through: datetime) -> None:
        """Starts after the steps of these facts and the timers up to `through`, without deriving their events.

        Later steps come out the same, since a standing follows from the facts alone. What was published stays unknown:
        a step that would retract raises `PublicationUnknown`.
        """
        for fact in facts:
            self.partner_facts.add(fact)
        self._apply_changes(StepDifference(through, ()))
        self._publication_known = False
        self.changed_at = through
        if self.partner_facts.mentioned:
            self._standings = {product: self._standing(sweep) for product, sweep in self._sweeps.items()}
        self._look_ahead()

    def add_without_effect(self, facts: Iterable[Fact]) -> None:
        """Adds the next facts, which change nothing for this partner (see `AffectedPartners`)."""
        for fact in facts:
            self.partner_facts.add(fact)

    def record(self, group: Sequence[Fact], earlier: Sequence[Fact] = ()) -> Step:
        """The step of one group of facts appended together.

        `earlier`: facts of earlier groups that this group routes to the partner; they had no effect before. The caller
        has fired every timer due at or before the group's `recorded_at` (R16).
        """
        recorded_at, partner_facts = group[0].recorded_at, self.partner_facts
        known_before = partner_facts.mentioned
        for fact in earlier:
            partner_facts.add(fact)
        for fact in group:
            partner_facts.add(fact)
        diff = StepDifference(recorded_at, _causes(group), history=all(map(_loaded_afterwards, group)))
        changed = self._apply_changes(diff)
        if partner_facts.mentioned and not known_before:
            first = min(recorded_at, group[0].effective_at)
            for product in self._sweeps:
                diff.mark_changed(product, first)
            changed = True
        if changed:
            self.changed_at, self.changes = recorded_at, self.changes + 1
            self._look_ahead()
        diff.drop_reminders()
        return self._step(diff, group[0].append_position)

    def fire_timers(self, until: datetime) -> list[Step]:
        """The steps of every timer due at or before `until`, in order, except those that publish nothing."""
        steps = []
        while (instant := self.next_timer_at) is not None and instant <= until:
            self.changed_at, self.changes = instant, self.changes + 1
            diff = StepDifference(instant, ())
            for product, sweep in self._sweeps.items():
                diff.add(product, sweep.advance(instant))
            diff.announced += self._due_notices(instant)
            self._look_ahead()
            fired = self._step(diff, 0)
            if fired.events:
                steps.append(fired)
        return steps

    def take_over(
        self, publication: PublicationState, instant: datetime, position: int, causes: tuple[str, ...]
    ) -> Step:
        """The step that corrects what another engine published. Later steps build on the corrected publication.

        `publication`: everything published up to this step, by whichever engine. `causes`: the facts by which this one
        took over. The caller has fired every timer due by `instant`.
        """
        diff = StepDifference(instant, causes)
        diff.replace(list(publication.standing), list(self._published))
        diff.drop_reminders()
        diff.changed_from = dict.fromkeys((*self._sweeps, *publication.standings), instant)
        self._published, self._events_published = dict(publication.standing), publication.events
        self._publication_known = True
        self._standings = dict(publication.standings)
        return self._step(diff, position)

    @property
    def products(self) -> Sequence[str]:
        """The products that are sold (R2)."""
        return self._parameters.products

    def sweeps(self) -> dict[str, Sweep]:
        """The sweep of each product, as of the last step; none if no fact names the partner."""
        return self._sweeps if self.partner_facts.mentioned and self.changed_at is not None else {}

    # What changed ----------------------------------------------------------------------------

    def _look_ahead(self) -> None:
        earliest = self._upcoming[0][0] if self._upcoming else None
        for sweep in self._sweeps.values():
            instant = sweep.next_instant()
            if instant is not None and (earliest is None or instant < earliest):
                earliest = instant
        self.next_timer_at = earliest

    def _apply_changes(self, diff: StepDifference) -> bool:
        """Applies new facts to sweeps and notices, and adds to `diff` what no longer and what newly follows.

        Returns whether anything can have changed, now or later.
        """
        changed = self.partner_facts.partner_stale and self._apply_partner_changes(diff)
        for consultant_id, change in self.partner_facts.refresh_people():
            changed = True
            for product, times in change.times.items():
                if product in self._sweeps:
                    self._sweeps[product].set_times(consultant_id, times.before, times.after)
            if change.retracted or change.announced:
                self._replace_notices(consultant_id, change.retracted, change.announced, diff)
        for product, sweep in self._sweeps.items():
            if sweep.changed:
                diff.add(product, sweep.advance(diff.instant))
        return changed

    def _apply_partner_changes(self, diff: StepDifference) -> bool:
        """The same for everything but people: enrolments, days and reminders of windows, notices to the partner."""
        changed = False
        enrolled = self.partner_facts.refresh_partner()
        if enrolled is not None:
            changed = True
            for sweep in self._sweeps.values():
                sweep.enrolments_changed(*enrolled)
        days = self.partner_facts.refresh_days()
        for sweep in self._sweeps.values():
            changed = sweep.days_changed(days) or changed
        notices = self.partner_facts.refresh_notices()
        if notices is not None:
            changed = True
            self._replace_notices("", *notices, diff)
        return changed

    def _replace_notices(
        self, owner: str, old: Sequence[Announcement], new: Sequence[Announcement], diff: StepDifference
    ) -> None:
        """Notices are announcements outside the sweeps: about a person, or (owner "") the partner."""
        now = diff.instant
        diff.replace([notice for notice in old if notice.instant <= now], [n for n in new if n.instant <= now])
        for notice in old:
            if notice.instant > now:
                del self._upcoming[bisect_left(self._upcoming, (notice.instant, owner))]
        for notice in new:
            if notice.instant > now:
                insort(self._upcoming, (notice.instant, owner))

    def _due_notices(self, instant: datetime) -> list[Announcement]:
        due = bisect_right(self._upcoming, instant, key=_instant)
        owners = {owner for _, owner in self._upcoming[:due]}
        del self._upcoming[:due]
        return [notice for owner in sorted(owners) for notice in self.partner_facts.notices_at(owner, instant)]

    # What is published ----------------------------------------------------------------------------

    def _step(self, diff: StepDifference, position: int) -> Step:
        if not (diff.changed_from or diff.announced or diff.retracted) or not self.partner_facts.mentioned:
            return Step(diff.instant, position, self.partner_id, ())
        if diff.retracted and not self._publication_known:
            raise PublicationUnknown
        changed = self._changed_standings(diff)
        retracted = [announcement for announcement in diff.retracted if announcement in self._published]
        covered = {announcement.product for announcement in (*diff.announced, *retracted)}
        for product in changed:
            if product not in covered:
                diff.announced.append(Announcement("standing-changed", diff.changed_from[product], product, "", 1))
        if not retracted and not diff.announced:
            return Step(diff.instant, position, self.partner_id, ())
        diff.recorded_at = instant_text(diff.instant)
        touched = set(changed).union(*map(self._products, (*retracted, *diff.announced)))
        diff.standings = tuple([self._standings[product] for product in self._sweeps if product in touched])
        retracted.sort(key=lambda announcement: -self._published[announcement].place)
        if len(diff.announced) > 1:
            diff.announced.sort(key=lambda announcement: (announcement.instant, announcement.product or ""))
        events = [self._retract(announcement, diff) for announcement in retracted]
        events += [self._announce(announcement, diff) for announcement in diff.announced]
        return Step(diff.instant, position, self.partner_id, tuple(events))

    def _changed_standings(self, diff: StepDifference) -> list[str]:
        """Products whose standing to publish; one that is no longer sold is named, but has no standing."""
        changed = []
        for product in diff.changed_from:
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

    def _products(self, announcement: Announcement) -> tuple[str, ...]:
        """The products of an announcement; all of them if it is about the person or the partner as such."""
        if announcement.product is not None:
            return (announcement.product,)
        if announcement.name == "maintenance-required":
            return announcement.products
        if announcement in self._published:
            return self._published[announcement].products
        return self._parameters.products

    def _announce(self, announcement: Announcement, diff: StepDifference) -> ComplianceEvent:
        event = self._event(announcement.name, announcement, self._details(announcement, diff), diff)
        self._events_published += 1
        if announcement.name != "standing-changed":
            self._published[announcement] = OpenAnnouncement(
                self._events_published, event.event_id, event.products, diff.history
            )
        return event

    def _retract(self, announcement: Announcement, diff: StepDifference) -> ComplianceEvent:
        published = self._published.pop(announcement)
        data = ComplianceEventData(
            partner_id=self.partner_id,
            products=published.products,
            standings=diff.standings,
            fact_ids=diff.fact_ids,
            retracts=Retraction(published.event_id, TYPE_OF[announcement.name], announcement.instant),
            policy_id=self._policy_at(announcement),
            history=diff.history and published.history,
        )
        self._events_published += 1
        return self._event("retracted", announcement, data, diff)

    def _details(self, announcement: Announcement, diff: StepDifference) -> ComplianceEventData:
        window = consultant_id = portal_change_id = None
        if announcement.name in ("dual-link-detected", "dual-link-cleared", "certification-lapsed"):
            consultant_id = announcement.about
        elif announcement.name == "maintenance-required":
            portal_change_id = announcement.about
        elif announcement.product is not None and announcement.about:
            replacement = self._sweeps[announcement.product].replacement(announcement)
            window = None if replacement is None else replacement.window
        return ComplianceEventData(
            partner_id=self.partner_id,
            products=self._products(announcement),
            standings=diff.standings,
            fact_ids=diff.fact_ids,
            window=window,
            consultant_id=consultant_id,
            portal_change_id=portal_change_id,
            due_on=announcement.due_on,
            policy_id=self._policy_at(announcement),
            history=diff.history,
        )

    def _policy_at(self, announcement: Announcement) -> str:
        """The policy in force when it was true (R39)."""
        return self.partner_facts.policy.in_force.at(announcement.instant).policy_id

    def _event(
        self, name: Name, announcement: Announcement, data: ComplianceEventData, diff: StepDifference
    ) -> ComplianceEvent:
        body = _encode(data)
        kind, recorded_at = TYPE_OF[name], diff.recorded_at
        effective_at = recorded_at if announcement.instant == diff.instant else instant_text(announcement.instant)
        what = f"{kind} {effective_at} {recorded_at} {announcement.about} {announcement.ordinal} "
        return ComplianceEvent(
            event_id=blake2b(what.encode() + body, digest_size=16).hexdigest(),
            type=kind,
            partner_id=self.partner_id,
            products=data.products,
            effective_at=announcement.instant,
            recorded_at=diff.instant,
            about=announcement.about,
            data=body,
        )


def _causes(group: Sequence[Fact]) -> tuple[str, ...]:
    """The reported facts that the events of the group's step name, each once."""
    if len(group) == 1:
        return (group[0].causation_id or group[0].fact_id,)
    causes = dict.fromkeys(fact.causation_id or fact.fact_id for fact in group)
    return tuple(islice(causes, FACT_IDS_MAX))


_instant: Final = itemgetter(0)
_loaded_afterwards: Final = attrgetter("history")
