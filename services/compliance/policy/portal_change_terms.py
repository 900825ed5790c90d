"""Portal changes with the terms in force: as declared, or as corrected since (R25, R33, R38)."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any, Final, Literal

import msgspec
from msgspec.structs import replace

from services.compliance.policy.calendar import london_day
from shared.events.envelope import Fact
from shared.events.facts import FactVoided, PortalChangeCorrected, PortalChangeDeclared

Term = Literal["significant", "products", "due_on"]
TERMS: Final[tuple[Term, ...]] = ("significant", "products", "due_on")
"""What a correction can say otherwise, in the order in which an answer names it."""


class PortalChange(msgspec.Struct, frozen=True, order=True):
    """A declared portal change. `fact_id`, `position`: of the declaration, which is effective at `announced_at`.

    `corrected_by`: the facts that made each of the terms another than declared.
    """

    announced_at: datetime
    position: int
    portal_change_id: str
    fact_id: str
    declared: PortalChangeDeclared
    significant: bool
    products: tuple[str, ...]
    due_on: date
    corrected_by: tuple[tuple[Term, str], ...]

    def because_of(self, product: str) -> tuple[str, ...]:
        """The facts that make maintenance of the product due on the day: the declaration first."""
        corrected = (
            fact_id
            for term, fact_id in self.corrected_by
            if term != "products" or product not in self.declared.products
        )
        return tuple(dict.fromkeys((self.fact_id, *corrected)))


class PortalChanges:
    """The declarations and corrections of portal changes that are not voided, in log order so far.

    Of a change one declaration stands at a time (R34). Its corrections hang on its id: they wait for the declaration,
    and apply to the next one after its void (R33, R35).
    """

    def __init__(self) -> None:
        self._declared: dict[str, Fact] = {}
        self._corrections: dict[tuple[str, Term], dict[str, PortalChangeCorrected]] = {}
        self._decided: dict[tuple[str, Term], tuple[Any, str] | None] = {}

    def add(self, fact: Fact) -> None:
        """Adds a declaration or a correction; any other fact is left aside."""
        match fact.data:
            case PortalChangeDeclared(portal_change_id):
                self._declared[portal_change_id] = fact
                self._forget_decided(portal_change_id)
            case PortalChangeCorrected(portal_change_id) as correction:
                for term in TERMS:
                    if getattr(correction, term) is not None:
                        self._corrections.setdefault((portal_change_id, term), {})[fact.fact_id] = correction
                        self._decide_on(portal_change_id, term, fact.fact_id, correction)
            case _:
                pass

    def remove(self, fact: Fact) -> None:
        """Removes a voided one (R33)."""
        match fact.data:
            case PortalChangeDeclared(portal_change_id):
                self._declared.pop(portal_change_id, None)
                self._forget_decided(portal_change_id)
            case PortalChangeCorrected(portal_change_id):
                self._forget_decided(portal_change_id)
                for term in TERMS:
                    self._corrections.get((portal_change_id, term), {}).pop(fact.fact_id, None)
            case _:
                pass

    def in_force(self, portal_change_id: str) -> PortalChange | None:
        """The change, each term as the last correction recorded has it; None while it is not declared (R38)."""
        fact = self._declared.get(portal_change_id)
        if fact is None:
            return None
        declared = fact.data
        assert isinstance(declared, PortalChangeDeclared)
        change = PortalChange(
            announced_at=fact.effective_at,
            position=fact.position,
            portal_change_id=portal_change_id,
            fact_id=fact.fact_id,
            declared=declared,
            significant=declared.significant,
            products=declared.products,
            due_on=declared.due_on,
            corrected_by=(),
        )
        for term in TERMS if self._corrections else ():
            change = self._corrected(change, term)
        return change

    def _decide_on(self, portal_change_id: str, term: Term, fact_id: str, correction: PortalChangeCorrected) -> None:
        """Takes the next correction into what was decided, if that is known."""
        key, declared = (portal_change_id, term), self._declared.get(portal_change_id)
        if declared is not None and key in self._decided and not says_nothing(correction, declared.effective_at):
            value, decided = getattr(correction, term), self._decided[key]
            if decided is None or decided[0] != value:
                self._decided[key] = value, fact_id

    def _forget_decided(self, portal_change_id: str) -> None:
        for term in TERMS:
            self._decided.pop((portal_change_id, term), None)

    def _corrected(self, change: PortalChange, term: Term) -> PortalChange:
        """The change with the term as corrected last; a correction that only confirms it is not a reason."""
        key = change.portal_change_id, term
        if key not in self._decided:
            self._decided[key] = self._last_decided(change, term)
        decided = self._decided[key]
        if decided is None or decided[0] == getattr(change.declared, term):
            return change
        return replace(change, **{term: decided[0]}, corrected_by=(*change.corrected_by, (term, decided[1])))

    def _last_decided(self, change: PortalChange, term: Term) -> tuple[Any, str] | None:
        """The value of the last correction, and the first that has it and was followed by no other value."""
        decided: tuple[Any, str] | None = None
        for fact_id, correction in reversed(self._corrections.get((change.portal_change_id, term), {}).items()):
            if not says_nothing(correction, change.announced_at):
                value = getattr(correction, term)
                if decided is not None and decided[0] != value:
                    break
                decided = value, fact_id
        return decided


def portal_changes_in_force(facts: Iterable[Fact]) -> list[PortalChange]:
    """Every portal change of which a declaration stands, in the order in which they are announced (R33, R38).

    `facts`: among them the declarations and corrections of them all in log order, with their voids.
    """
    changes, ids = _stated(facts)
    found = (changes.in_force(portal_change_id) for portal_change_id in ids)
    return sorted((change for change in found if change is not None), key=_announced)


def portal_change_in_force(facts: Iterable[Fact], portal_change_id: str) -> PortalChange | None:
    """The portal change as these facts have it; None if no declaration stands (R33).

    `facts`: among them its declarations and corrections in log order, with their voids.
    """
    return _stated(facts)[0].in_force(portal_change_id)


def _stated(facts: Iterable[Fact]) -> tuple[PortalChanges, Iterable[str]]:
    """The declarations and corrections that stand, and the ids of all changes that were ever stated."""
    changes = PortalChanges()
    standing: dict[str, Fact] = {}
    ids: dict[str, None] = {}
    for fact in facts:
        match fact.data:
            case PortalChangeDeclared(portal_change_id) | PortalChangeCorrected(portal_change_id):
                standing[fact.fact_id] = fact
                ids[portal_change_id] = None
                changes.add(fact)
            case FactVoided(fact_id) if fact_id in standing:
                changes.remove(standing.pop(fact_id))
            case _:
                pass
    return changes, ids


def _announced(change: PortalChange) -> tuple[datetime, str]:
    return change.announced_at, change.portal_change_id


def says_nothing(correction: PortalChangeCorrected, announced_at: datetime) -> bool:
    """Whether its due day lies before the announcement: had it come after that, it would have been refused (R35)."""
    return correction.due_on is not None and correction.due_on < london_day(announced_at)
