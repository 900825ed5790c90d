"""Who is linked to whom at an instant, by going through all link facts in order of effect (R23, R29).

`facts`: the facts in force, in log order.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from tests.oracle.rules.facts import ConsultantLeft, ConsultantLinked, Fact, PartnerClosed, PartnersMerged
from tests.oracle.rules.once import once


@dataclass(frozen=True)
class Link:
    """`since` and `recorded` (place in the log) are those of the original link, also after mergers."""

    consultant: str
    partner: str
    since: datetime
    recorded: int


@once
def counting_partner(facts: Sequence[Fact], consultant: str, at: datetime) -> str | None:
    """The partner for which the person counts: that of the earliest link still active (R23)."""
    mine = [link for link in links(facts, at) if link.consultant == consultant]
    earliest = min(mine, key=lambda link: (link.since, link.recorded), default=None)
    return earliest.partner if earliest else None


@once
def links(facts: Sequence[Fact], at: datetime) -> list[Link]:
    """All links active at the instant: instant after instant, first who leaves, then who closes or is merged
    away, then who joins (R17)."""
    active: list[Link] = []
    for instant in sorted({fact.effective_at for fact in facts if fact.effective_at <= at}):
        now = [(place, fact) for place, fact in enumerate(facts) if fact.effective_at == instant]
        left = {(fact.consultant, fact.partner) for _, fact in now if isinstance(fact, ConsultantLeft)}
        active = [link for link in active if (link.consultant, link.partner) not in left]
        active = after_closures_and_mergers(active, fates([fact for _, fact in now]))
        for place, fact in now:
            if isinstance(fact, ConsultantLinked) and not is_linked(active, fact.consultant, fact.partner):
                active.append(Link(fact.consultant, fact.partner, instant, place))
    return active


def is_linked(active: Sequence[Link], consultant: str, partner: str) -> bool:
    """Whether one of the links joins these two."""
    return any((link.consultant, link.partner) == (consultant, partner) for link in active)


def fates(simultaneous: Sequence[Fact]) -> dict[str, str | None]:
    """The fate of each partner that closes (None) or is merged away (the survivor) at one instant.

    The later recorded wins where two facts contradict each other (R35): of two about one partner, and of
    mergers that would go round in a circle.
    """
    decided: dict[str, str | None] = {}
    for fact in reversed(simultaneous):
        if isinstance(fact, PartnerClosed):
            decided.setdefault(fact.partner, None)
        if isinstance(fact, PartnersMerged) and destination(decided, fact.into) != fact.partner:
            decided.setdefault(fact.partner, fact.into)
    return decided


def destination(decided: Mapping[str, str | None], partner: str) -> str | None:
    """Where the links of the partner end up, mergers of one instant followed to the last; None: nowhere."""
    while partner in decided:
        survivor = decided[partner]
        if survivor is None:
            return None
        partner = survivor
    return partner


def after_closures_and_mergers(active: Sequence[Link], decided: dict[str, str | None]) -> list[Link]:
    """The links that are left, each at its survivor and each person once, with the earliest original date."""
    moved: list[Link] = []
    for link in sorted(active, key=lambda link: (link.since, link.recorded)):
        survivor = destination(decided, link.partner)
        if survivor is not None and not is_linked(moved, link.consultant, survivor):
            moved.append(replace(link, partner=survivor))
    return moved


@once
def is_merged_away(facts: Sequence[Fact], fact: PartnersMerged) -> bool:
    """Whether this merger came about: one that the same instant contradicts did not (R35)."""
    simultaneous = [other for other in facts if other.effective_at == fact.effective_at]
    return fates(simultaneous).get(fact.partner) is not None
