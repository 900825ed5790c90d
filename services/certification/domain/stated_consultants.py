"""A statement of all the people of a partner: the links and departures that make it true (R17, R23, R29, R36)."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from heapq import merge
from itertools import groupby
from operator import attrgetter
from typing import Final, NamedTuple

import msgspec

from services.certification.domain.refusals import DatedInTheFuture, LinkedAtThatInstant, TooManyLinks
from shared.events.envelope import Fact
from shared.events.facts import ConsultantLeft, ConsultantLinked
from shared.rules.active_links import ActiveLinks

STEPS_MAX: Final = 500_000
"""The most instants to follow: for each person their own, and those of all closures and mergers."""


class StatedConsultants(msgspec.Struct, frozen=True):
    """What a caller states: as of an instant exactly these people are linked to the partner. None: when recorded."""

    partner_id: str
    consultant_ids: frozenset[str]
    as_of: datetime | None = None
    actor: str = ""
    correlation_id: str = ""

    def facts(self, found: "Changes", fact_ids: Sequence[str], now: datetime) -> list[Fact]:
        """What makes it true, as recorded at `now`: departures first. `fact_ids`: those of the facts, in order."""
        said: list[ConsultantLeft | ConsultantLinked] = [
            *(ConsultantLeft(self.partner_id, consultant_id) for consultant_id in found.departed),
            *(ConsultantLinked(self.partner_id, consultant_id) for consultant_id in found.linked),
        ]
        together = self.correlation_id or fact_ids[0]
        return [
            Fact(fact_id, self.as_of or now, now, data, actor=self.actor, correlation_id=together)
            for fact_id, data in zip(fact_ids, said, strict=True)
        ]


class Changes(NamedTuple):
    """What makes a statement true: people, in order. `unchanged`: how many were linked before and stay linked.

    `linked_later`: people who are not stated and whom a recorded fact links to the partner after that instant.
    """

    linked: tuple[str, ...]
    departed: tuple[str, ...]
    unchanged: int
    linked_later: tuple[str, ...]


def changes(stated: StatedConsultants, facts: Iterable[Fact], now: datetime) -> Changes:
    """The links and departures after which, as of the instant, exactly the people stated are linked.

    `facts`: in log order, none of them voided: the links, departures, closures and mergers of the partner and of every
    partner whose links mergers can have moved to it. `now`: the instant of recording. Raises `DatedInTheFuture` (R36),
    `LinkedAtThatInstant` (R17) and `TooManyLinks`.
    """
    as_of = stated.as_of or now
    if as_of > now:
        raise DatedInTheFuture("as_of is in the future: state who works for the partner now, not who will.", "as_of")
    people: dict[str, list[Fact]] = {}
    endings: list[Fact] = []
    for fact in sorted(facts, key=_effective_at):
        if isinstance(fact.data, ConsultantLinked | ConsultantLeft):
            people.setdefault(fact.data.consultant_id, []).append(fact)
        else:
            endings.append(fact)
    if len(people) * len(endings) > STEPS_MAX:
        raise TooManyLinks("Too many people were linked to the partner, and too many partners merged into it.")
    departed, later, unchanged = list[str](), list[str](), set[str]()
    for consultant_id, own in people.items():
        linked, linked_later = _follow(stated.partner_id, own, endings, as_of)
        if linked and consultant_id in stated.consultant_ids:
            unchanged.add(consultant_id)
        elif linked:
            left = Fact("", as_of, now, ConsultantLeft(stated.partner_id, consultant_id))
            linked, linked_later = _follow(stated.partner_id, merge(own, [left], key=_effective_at), endings, as_of)
            if linked:
                raise _linked_at_that_instant(stated.partner_id, consultant_id, (*own, *endings), as_of)
            departed.append(consultant_id)
        if linked_later and consultant_id not in stated.consultant_ids:
            later.append(consultant_id)
    linked_now = stated.consultant_ids - unchanged
    return Changes(tuple(sorted(linked_now)), tuple(sorted(departed)), len(unchanged), tuple(sorted(later)))


def _follow(partner_id: str, own: Iterable[Fact], endings: Sequence[Fact], as_of: datetime) -> tuple[bool, bool]:
    """Whether the person is linked to the partner at the instant, and whether a later fact links them.

    `own`: the links and departures of the person. Both in the order of their instants.
    """
    links = ActiveLinks()
    linked = later = False
    for instant, facts in groupby(merge(own, endings, key=_effective_at), _effective_at):
        before = partner_id in links.of_partner
        links.apply(list(facts))
        if instant <= as_of:
            linked = partner_id in links.of_partner
        else:
            later = later or (partner_id in links.of_partner and not before)
    return linked, later


def _linked_at_that_instant(
    partner_id: str, consultant_id: str, facts: Iterable[Fact], as_of: datetime
) -> LinkedAtThatInstant:
    recorded = next(
        fact
        for fact in facts
        if fact.effective_at == as_of and not isinstance(fact.data, ConsultantLeft) and _leads_to(fact, partner_id)
    )
    return LinkedAtThatInstant(
        f"{consultant_id} was linked to {partner_id} at that very instant, and a departure comes before it: void that "
        "link, or state a later as_of.",
        "as_of",
        recorded=recorded,
    )


def _leads_to(fact: Fact, partner_id: str) -> bool:
    return getattr(fact.data, "into", None) == partner_id or (
        isinstance(fact.data, ConsultantLinked) and fact.data.partner_id == partner_id
    )


_effective_at: Final = attrgetter("effective_at")
