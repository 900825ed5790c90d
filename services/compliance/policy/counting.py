"""Where a person counts: one partner at a time, the earliest link that is still active (R23, R29)."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec

from shared.events.envelope import Fact
from shared.events.facts import ConsultantLeft, ConsultantLinked, PartnerClosed, PartnersMerged


class Employment(msgspec.Struct, frozen=True):
    """From `start` until the next employment begins: where the person is linked, and where it counts.

    `counts_for`: the partner of the earliest active link, enrolled or not; None without a link.
    `linked`: every partner with an active link. `facts`: what made it so at `start`.
    """

    start: datetime
    counts_for: str | None
    linked: frozenset[str]
    facts: tuple[str, ...]


class _Link(NamedTuple):
    """Ordered by age: the effective instant, then the position in the log."""

    linked_at: datetime
    position: int
    fact_id: str


def employments(person: Iterable[Fact], endings: Iterable[Fact]) -> list[Employment]:
    """The employments of one person, in order.

    `person`: its links and departures; `endings`: closures and mergers of partners. None is voided.
    Facts of one instant apply together: departures, then closures and mergers, then links (R17).
    """
    instants: dict[datetime, list[Fact]] = {}
    for fact in person:
        instants.setdefault(fact.effective_at, []).append(fact)
    if not instants:
        return []
    for fact in endings:
        instants.setdefault(fact.effective_at, []).append(fact)
    active: dict[str, _Link] = {}
    found: list[Employment] = []
    before: tuple[str | None, frozenset[str]] = (None, frozenset())
    for instant in sorted(instants):
        causes = _apply(active, sorted(instants[instant], key=_by_position))
        counts_for = min(active, key=active.__getitem__) if active else None
        now = (counts_for, frozenset(active))
        if now != before:
            found.append(Employment(instant, *now, tuple(causes)))
            before = now
    return found


def _by_position(fact: Fact) -> int:
    return fact.position


def _apply(active: dict[str, _Link], facts: Sequence[Fact]) -> list[str]:
    """Applies the facts of one instant to the active links; returns the ids of those that mattered."""
    causes = []
    endings = []
    links = []
    for fact in facts:
        match fact.data:
            case ConsultantLeft(partner_id=partner):
                if active.pop(partner, None) is not None:
                    causes.append(fact.fact_id)
            case ConsultantLinked():
                links.append(fact)
            case _:
                endings.append(fact)
    if endings and active:
        causes += _end(active, endings)
    for fact in links:
        assert isinstance(fact.data, ConsultantLinked)
        if fact.data.partner_id not in active:
            active[fact.data.partner_id] = _Link(fact.effective_at, fact.position, fact.fact_id)
            causes.append(fact.fact_id)
    return causes


def _end(active: dict[str, _Link], endings: Sequence[Fact]) -> list[str]:
    """Ends the links of closed partners and moves those of merged ones to the survivor (R29)."""
    destination = _destinations(endings)
    moved: dict[str, _Link] = {}
    causes: list[str] = []
    for partner, link in active.items():
        survivor: str | None = partner
        while survivor in destination:
            survivor, fact_id = destination[survivor]
            causes.append(fact_id)
        if survivor is not None:
            moved[survivor] = min(link, moved.get(survivor, link))
    active.clear()
    active.update(moved)
    return causes


def _destinations(endings: Sequence[Fact]) -> dict[str | None, tuple[str | None, str]]:
    """Partner that ends at this instant to (its survivor or None, fact id).

    Where endings contradict each other (two of one partner, or mergers in a circle), the later
    recorded wins (R35).
    """
    destination: dict[str | None, tuple[str | None, str]] = {}
    for fact in reversed(endings):
        match fact.data:
            case PartnerClosed(partner_id=partner):
                survivor = None
            case PartnersMerged(partner_id=partner, into=into):
                survivor = into
            case _:
                continue
        if partner in destination:
            continue
        end: str | None = survivor
        while end in destination:
            end = destination[end][0]
        if end != partner:
            destination[partner] = (survivor, fact.fact_id)
    return destination


def contradicted(endings: Iterable[Fact]) -> frozenset[str]:
    """The ids of mergers that never came about: later recorded ones of the same instant close a circle (R35)."""
    instants: dict[datetime, list[Fact]] = {}
    for fact in endings:
        instants.setdefault(fact.effective_at, []).append(fact)
    undone: set[str] = set()
    for simultaneous in instants.values():
        if len(simultaneous) > 1:
            destination = _destinations(sorted(simultaneous, key=_by_position))
            undone.update(
                fact.fact_id
                for fact in simultaneous
                if isinstance(fact.data, PartnersMerged) and fact.data.partner_id not in destination
            )
    return frozenset(undone)
