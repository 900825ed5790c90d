"""Links, departures and endings of one person's links: which changed nothing (R17, R23, R29, R35)."""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence, Set
from datetime import datetime
from itertools import groupby
from operator import attrgetter, itemgetter
from typing import Final, NamedTuple

from services.compliance.policy.enrolment import CLOSED, MERGED, EnrolmentTimeline
from services.compliance.policy.no_effect.known_facts import partner_of
from shared.events.envelope import Fact
from shared.events.facts import ConsultantLeft, ConsultantLinked, PartnersMerged
from shared.rules.active_links import ActiveLinks, Link
from shared.rules.no_effect_reasons import Findings, NoEffect


class _Stay(NamedTuple):
    """A link is active at a partner from `start` to `end` (exclusive; None: for ever)."""

    partner_id: str
    start: datetime
    end: datetime | None


class LinkWalk:
    """The links of one person, followed once. `ended`: the ids of the closures and mergers that ended a link.

    `facts`: the person's links and departures, and the endings of every partner that these can lead to, none voided.
    """

    def __init__(self, facts: Iterable[Fact]) -> None:
        self.ended: set[str] = set()
        self._links = ActiveLinks()
        self._idle: list[tuple[Fact, NoEffect]] = []
        self._effective: list[Fact] = []
        self._how_ended: dict[str, NoEffect] = {}
        self._since: dict[int, tuple[str, datetime]] = {}
        self._stays: dict[int, list[_Stay]] = {}
        self._crowded: list[tuple[datetime, datetime | None]] = []
        in_order = sorted(facts, key=attrgetter("effective_at", "position"))
        for instant, simultaneous in groupby(in_order, attrgetter("effective_at")):
            self._follow(instant, list(simultaneous))
        for position, (partner_id, start) in self._since.items():
            self._stays.setdefault(position, []).append(_Stay(partner_id, start, None))

    def _follow(self, instant: datetime, facts: Sequence[Fact]) -> None:
        several = self._links.several
        before, causes = self._links.apply(facts)
        mattered = set(causes)
        departed = {
            partner_of(fact) for fact in facts if isinstance(fact.data, ConsultantLeft) and fact.fact_id in mattered
        }
        joined = {partner_of(fact) for fact in facts if isinstance(fact.data, ConsultantLinked)}
        for fact in facts:
            match fact.data:
                case ConsultantLinked(partner_id) if fact.fact_id in mattered:
                    self._effective.append(fact)
                case ConsultantLinked():
                    self._idle.append((fact, "already_linked"))
                case ConsultantLeft(partner_id) if fact.fact_id not in mattered:
                    self._idle.append((fact, self._why_nobody_left(partner_id, departed, joined)))
                case ConsultantLeft(partner_id):
                    self._how_ended[partner_id] = "already_left"
                case _ if fact.fact_id in mattered:
                    self.ended.add(fact.fact_id)
                    self._how_ended[partner_of(fact)] = _how(fact)
        for partner_id, link in before.items():
            self._move(instant, link, self._links.of_partner.get(partner_id))
        if self._links.several != several:
            if several:
                self._crowded[-1] = self._crowded[-1][0], instant
            else:
                self._crowded.append((instant, None))

    def _why_nobody_left(self, partner_id: str, departed: Set[str], joined: Set[str]) -> NoEffect:
        """`departed`, `joined`: the partners that the person left, and was linked to, at the instant."""
        if partner_id in departed:
            return "already_left"
        if partner_id in joined:
            return "departure_before_link"
        return self._how_ended.get(partner_id, "not_linked")

    def _move(self, instant: datetime, old: Link | None, new: Link | None) -> None:
        if old is not None and old.position in self._since:
            partner_id, start = self._since[old.position]
            if partner_id == old.partner_id:
                del self._since[old.position]
                self._stays.setdefault(old.position, []).append(_Stay(partner_id, start, instant))
        if new is not None:
            self._since[new.position] = new.partner_id, instant

    def without_effect(self, timeline: Callable[[str], EnrolmentTimeline]) -> Findings:
        """The links and departures that changed nothing. `timeline`: the enrolments of a partner by its id."""
        yield from self._idle
        for fact in self._effective:
            stays = self._stays.get(fact.position, [])
            if any(self._is_crowded(stay) or enrolled_during(timeline(stay.partner_id), stay) for stay in stays):
                continue
            enrolment = timeline(partner_of(fact)).at(fact.effective_at)
            programme = None if enrolment is None else enrolment.programme
            yield fact, _OF_PROGRAMME.get(programme, "partner_not_enrolled")

    def _is_crowded(self, stay: _Stay) -> bool:
        """Whether the person has another link at any time during the stay: then one of them takes precedence (R23)."""
        place = bisect_left(self._crowded, stay.start, key=itemgetter(0))
        return any(
            (stay.end is None or start < stay.end) and (end is None or end > stay.start)
            for start, end in self._crowded[max(0, place - 1) : place + 1]
        )


def enrolled_during(timeline: EnrolmentTimeline, stay: _Stay) -> bool:
    """Whether the partner is enrolled at any time during the stay."""
    enrolment, start = timeline.at(stay.start), timeline.next_start(stay.start)
    while enrolment is None or not enrolment.enrolled:
        if start is None or (stay.end is not None and start >= stay.end):
            return False
        enrolment, start = timeline.at(start), timeline.next_start(start)
    return True


_OF_PROGRAMME: Final[dict[str | None, NoEffect]] = {CLOSED: "partner_closed", MERGED: "partner_merged_away"}


def _how(ending: Fact) -> NoEffect:
    return "link_moved" if isinstance(ending.data, PartnersMerged) else "link_ended"
