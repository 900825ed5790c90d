"""Facts about one partner itself: which changed nothing (R10, R11, R22, R28, R29, R35)."""

from bisect import bisect_left, bisect_right
from collections.abc import Container, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import Final, Generic, NamedTuple, TypeVar

from services.compliance.policy.enrolment import CLOSED, MERGED
from services.compliance.policy.policy_timeline import Term
from shared.events.envelope import Fact
from shared.events.facts import Kind, PartnerClosed, PartnersMerged
from shared.rules.no_effect_reasons import Findings, NoEffect

_LEFT: Final = frozenset({"NONE", CLOSED, MERGED})
_T = TypeVar("_T")


class _Reign(NamedTuple, Generic[_T]):
    """A value that a fact gives, in force from `start` until the next. `overruled`: the others of the instant."""

    start: datetime
    fact_id: str
    value: _T
    overruled: tuple[_T, ...]


class _Said(Generic[_T]):
    """The values of one kind that facts give, one for each instant: the later recorded wins (R35)."""

    def __init__(self, reigns: Sequence[_Reign[_T]]) -> None:
        self._reigns = reigns
        self._starts = [reign.start for reign in reigns]

    def first_start(self) -> datetime | None:
        """Since when there is a value."""
        return self._starts[0] if self._starts else None

    def of(self, fact: Fact) -> _Reign[_T] | None:
        """What the fact put in force; None: a later recorded fact of the instant overrules it."""
        reign = self._reigns[bisect_left(self._starts, fact.effective_at)]
        return reign if reign.fact_id == fact.fact_id else None

    def instead(self, reign: _Reign[_T]) -> tuple[_T | None, ...]:
        """What can be in force instead of it without the facts of its instant, or some of them."""
        place = bisect_left(self._starts, reign.start)
        return self._reigns[place - 1].value if place else None, *reign.overruled

    def end(self, start: datetime) -> datetime | None:
        """When the value in force at `start` gives way to the next."""
        place = bisect_right(self._starts, start)
        return self._starts[place] if place < len(self._starts) else None

    def during(self, start: datetime, end: datetime | None) -> Iterator[tuple[_T, datetime, datetime | None]]:
        """The values in force at any time from `start` to `end` (None: for ever), each with its part of that time."""
        place = max(0, bisect_right(self._starts, start) - 1)
        for reign in self._reigns[place:]:
            if end is not None and reign.start >= end:
                return
            following = self.end(reign.start)
            until = min((instant for instant in (following, end) if instant is not None), default=None)
            yield reign.value, max(start, reign.start), until


def _eligible(programmes: Term[tuple[str, ...]], code: str | None, start: datetime, end: datetime | None) -> list[bool]:
    """Whether the programme enrols: at `start`, and from each instant before `end` at which a revision says (R39)."""
    instants = [start, *(since for since in programmes.starts(start) if since > start and (end is None or since < end))]
    return [code in programmes.at(instant).value for instant in instants]


def enrolment_facts_without_effect(
    facts: Iterable[Fact], eligible: Term[tuple[str, ...]], with_effect: Container[str]
) -> Findings:
    """The facts about a partner that changed nothing.

    `facts`: those that say what the partner is, without mergers that never came about. `eligible`: the programmes that
    enrol, over time. `with_effect`: the ids of closures and mergers that changed something else, such as a link.
    """
    own = sorted(facts, key=attrgetter("effective_at", "position"))
    kinds: list[_Reign[Kind]] = []
    programmes: list[_Reign[str]] = []
    for instant, simultaneous in groupby(own, attrgetter("effective_at")):
        facts_of_instant = list(simultaneous)
        kinds += _reign(instant, [(fact.fact_id, kind) for fact in facts_of_instant if (kind := _kind(fact))])
        programmes += _reign(instant, [(fact.fact_id, code) for fact in facts_of_instant if (code := _programme(fact))])
    said = _Enrolments(_Said(kinds), _Said(programmes), eligible)
    for fact in own:
        why = said.why_nothing(fact)
        if why is not None and fact.fact_id not in with_effect:
            yield fact, why


def _reign(instant: datetime, given: Sequence[tuple[str, _T]]) -> list[_Reign[_T]]:
    """What the last of the values begins at the instant, where there is any."""
    return [_Reign(instant, *given[-1], tuple(value for _, value in given[:-1]))] if given else []


class _Enrolments(NamedTuple):
    kinds: _Said[Kind]
    programmes: _Said[str]
    eligible: Term[tuple[str, ...]]

    def why_nothing(self, fact: Fact) -> NoEffect | None:
        """Why neither the kind nor the programme that the fact gives changed anything; None: one did."""
        of_kind = None if _kind(fact) is None else self._why_not_kind(fact)
        if _programme(fact) is None:
            return of_kind
        of_programme = self._why_not_programme(fact)
        if of_programme is None or (_kind(fact) is not None and of_kind is None):
            return None
        return of_programme

    def _why_not_kind(self, fact: Fact) -> NoEffect | None:
        reign = self.kinds.of(fact)
        if reign is None:
            return "overruled"
        if all(kind == reign.value for kind in self.kinds.instead(reign)):
            return "same_kind"
        during = self.programmes.during(reign.start, self.kinds.end(reign.start))
        enrolled = any(any(_eligible(self.eligible, *part)) for part in during)
        return None if enrolled else "partner_not_enrolled"

    def _why_not_programme(self, fact: Fact) -> NoEffect | None:
        reign = self.programmes.of(fact)
        if reign is None:
            return "overruled"
        end = self.programmes.end(reign.start)
        enrols = _eligible(self.eligible, reign.value, reign.start, end)
        instead = self.programmes.instead(reign)
        if any(_eligible(self.eligible, programme, reign.start, end) != enrols for programme in instead):
            known = self.kinds.first_start()
            return None if known is not None and (end is None or known < end) else "kind_unknown"
        if any(enrols):
            return "already_enrolled"
        if isinstance(fact.data, PartnerClosed | PartnersMerged):
            return "nothing_to_end"
        return "not_in_programme" if reign.value in _LEFT else "programme_not_eligible"


def _kind(fact: Fact) -> Kind | None:
    kind: Kind | None = getattr(fact.data, "kind", None)
    return kind


def _programme(fact: Fact) -> str | None:
    match fact.data:
        case PartnerClosed():
            return CLOSED
        case PartnersMerged():
            return MERGED
        case _:
            programme: str | None = getattr(fact.data, "programme", None)
            return programme
