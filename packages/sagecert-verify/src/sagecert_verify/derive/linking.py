"""Who is linked where: the links of one person from instant to instant (R17, R23, R29)."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from sagecert_verify.derive.logged_fact import LoggedFact

LINKED: Final = "consultant-linked"
LEFT: Final = "consultant-left"
CLOSED: Final = "partner-closed"
MERGED: Final = "partners-merged"

Fates = Mapping[str, str | None]
"""The fate of partners at one instant: the survivor of a merger, None after a closure."""


class Origin(NamedTuple):
    """When a link began, and its place in the log; a merger carries both along (R29)."""

    since: datetime
    position: int


class Links(NamedTuple):
    """The links that hold from an instant on: partner to origin."""

    at: datetime
    active: Mapping[str, Origin]

    @property
    def counting(self) -> str | None:
        """The partner of the earliest link still active (R23)."""
        return min(self.active, key=self.active.__getitem__, default=None)


def fates_of(endings: Iterable[LoggedFact]) -> dict[datetime, dict[str, str | None]]:
    """By instant, in order, what closures and mergers do to partners. `endings`: those in force.

    Of one instant the later recorded wins: of two about one partner, and of mergers that would go round in a circle
    (R35).
    """
    decided: dict[datetime, dict[str, str | None]] = {}
    for fact in sorted(endings, key=lambda fact: (fact.effective_at, -fact.position)):
        fates = decided.setdefault(fact.effective_at, {})
        partner = fact.data["partner_id"]
        if fact.kind == CLOSED:
            fates.setdefault(partner, None)
        elif destination(fates, fact.data["into"]) != partner:
            fates.setdefault(partner, fact.data["into"])
    return decided


def destination(fates: Fates, partner: str) -> str | None:
    """Where the links of the partner end up, mergers of one instant followed to the last; None: nowhere."""
    survivor: str | None = partner
    while survivor is not None and survivor in fates:
        survivor = fates[survivor]
    return survivor


def links_of(own: Sequence[LoggedFact], fates: Mapping[datetime, Fates]) -> list[Links]:
    """The links of one person, each time that they change. `own`: the person's links and departures in force.

    `fates` is in order of instants.
    """
    by_instant: dict[datetime, list[LoggedFact]] = {}
    for fact in own:
        by_instant.setdefault(fact.effective_at, []).append(fact)
    history: list[Links] = []
    active: dict[str, Origin] = {}
    for instant in sorted(by_instant.keys() | fates.keys()):
        before = active
        simultaneous = by_instant.get(instant, ())
        left = {fact.data["partner_id"] for fact in simultaneous if fact.kind == LEFT}
        active = {partner: origin for partner, origin in active.items() if partner not in left}
        if instant in fates and not active.keys().isdisjoint(fates[instant]):
            active = _moved(active, fates[instant])
        for fact in sorted(simultaneous, key=lambda fact: fact.position):
            if fact.kind == LINKED:
                active.setdefault(fact.data["partner_id"], Origin(instant, fact.position))
        if active != before:
            history.append(Links(instant, active))
    return history


def _moved(active: Mapping[str, Origin], fates: Fates) -> dict[str, Origin]:
    """What closures and mergers leave: each link at its survivor, each person once, with the earliest origin."""
    moved: dict[str, Origin] = {}
    for partner in sorted(active, key=active.__getitem__):
        survivor = destination(fates, partner)
        if survivor is not None:
            moved.setdefault(survivor, active[partner])
    return moved
