"""The policy over time: each term holds from an instant, by the revision that set it last (R39)."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from heapq import merge
from itertools import groupby
from typing import Any, Final, Generic, NamedTuple, TypeVar

from services.compliance.policy.counting_partner import Changed
from services.compliance.policy.parameters import Parameters
from shared.events.envelope import Fact
from shared.events.facts import FIRST_POLICY_ID, FactVoided, Kind, PolicyRevised

_T = TypeVar("_T")

NO_CHANGE_AFTER: Final = datetime.max.replace(tzinfo=UTC)


class Setting(NamedTuple, Generic[_T]):
    """The value of a term, and the policy that set it at `since` by the fact; both None: before the first revision."""

    value: _T
    policy_id: str = FIRST_POLICY_ID
    since: datetime | None = None
    fact_id: str | None = None

    @property
    def fact_ids(self) -> tuple[str, ...]:
        """The revision as a reason names it."""
        return () if self.fact_id is None else (self.fact_id,)


class Term(Generic[_T]):
    """One term over time: the last revision effective by an instant holds; of one instant, the last recorded."""

    def __init__(self, first: _T) -> None:
        self._first: Setting[_T] = Setting(first)
        self._keys: list[tuple[datetime, int]] = []
        self._settings: list[Setting[_T]] = []

    def at(self, instant: datetime) -> Setting[_T]:
        """What holds at the instant, its own revisions included."""
        known = bisect_right(self._keys, (instant, _LAST_POSITION))
        return self._settings[known - 1] if known else self._first

    @property
    def revised(self) -> bool:
        """Whether any revision sets it."""
        return bool(self._keys)

    def put(self, fact: Fact, policy_id: str, value: _T) -> Changed | None:
        """A revision sets the term. Returns from when to when that holds; None: it never does."""
        key = (fact.effective_at, fact.position)
        place = bisect_left(self._keys, key)
        self._keys.insert(place, key)
        self._settings.insert(place, Setting(value, policy_id, fact.effective_at, fact.fact_id))
        return self._holds(place)

    def remove(self, fact: Fact) -> Changed | None:
        """The revision is voided. Returns from when to when it held; None: it never did, or did not set the term."""
        key = (fact.effective_at, fact.position)
        place = bisect_left(self._keys, key)
        if place == len(self._keys) or self._keys[place] != key:
            return None
        held = self._holds(place)
        del self._keys[place], self._settings[place]
        return held

    def _holds(self, place: int) -> Changed | None:
        since = self._keys[place][0]
        through = self._keys[place + 1][0] if place + 1 < len(self._keys) else None
        return None if through == since else Changed(since, through)

    def next_start(self, after: datetime) -> datetime | None:
        """The first instant after `after` at which a revision sets the term."""
        known = bisect_right(self._keys, (after, _LAST_POSITION))
        return self._keys[known][0] if known < len(self._keys) else None

    def starts(self, since: datetime) -> Iterator[datetime]:
        """The instants from `since` on at which revisions set the term, in order."""
        for key in self._keys[bisect_left(self._keys, (since, _NO_POSITION)) :]:
            yield key[0]


_NO_POSITION: Final = -1
_LAST_POSITION: Final = 2**63


class Difference(NamedTuple):
    """From when to when the policy differs from before.

    `days`: in the days of windows or reminders. `minimum`: in that of a kind. `programmes`: in those that are eligible.
    """

    days: list[Changed]
    minimum: dict[Kind, Changed]
    programmes: Changed | None

    @property
    def enrolment(self) -> list[Changed]:
        """In the minimum of any kind, or in the programmes."""
        return [*self.minimum.values(), *(() if self.programmes is None else (self.programmes,))]


class PolicyTimeline:
    """The terms of the policy by its revisions so far.

    `in_force`: the last revision effective by an instant, whatever it changes. `minimum_max`: no greater minimum was
    ever known, voided ones included.
    """

    def __init__(self, parameters: Parameters) -> None:
        self.window_days = Term(parameters.window_days)
        self.reminder_days = Term(parameters.reminder_days)
        self.programmes = Term(parameters.programmes)
        self.minimum: dict[Kind, Term[int]] = {kind: Term(least) for kind, least in parameters.minimum.items()}
        self.in_force = Term(None)
        self.minimum_max = max(parameters.minimum.values())

    def add(self, fact: Fact, revision: PolicyRevised) -> Difference:
        """Takes in a revision."""
        policy_id = revision.policy_id
        self.in_force.put(fact, policy_id, None)
        days: list[Changed | None] = []
        programmes = None
        if revision.window_days is not None:
            days.append(self.window_days.put(fact, policy_id, revision.window_days))
        if revision.reminder_days is not None:
            days.append(self.reminder_days.put(fact, policy_id, revision.reminder_days))
        if revision.programmes is not None:
            programmes = self.programmes.put(fact, policy_id, revision.programmes)
        named = minimum_of(revision)
        self.minimum_max = max(self.minimum_max, *named.values(), 0)
        minimum = {kind: self.minimum[kind].put(fact, policy_id, least) for kind, least in named.items()}
        return _difference(days, minimum, programmes)

    def remove(self, fact: Fact) -> Difference:
        """Takes a voided revision out again (R33)."""
        self.in_force.remove(fact)
        days = [self.window_days.remove(fact), self.reminder_days.remove(fact)]
        minimum = {kind: term.remove(fact) for kind, term in self.minimum.items()}
        return _difference(days, minimum, self.programmes.remove(fact))

    def enrolment_starts(self, since: datetime) -> Iterator[datetime]:
        """The instants from `since` on, in order, at which a minimum or the programmes are set."""
        terms: tuple[Term[Any], ...] = (self.programmes, *self.minimum.values())
        revised = [term.starts(since) for term in terms if term.revised]
        return (instant for instant, _ in groupby(merge(*revised))) if revised else iter(())


def policy_known(facts: Iterable[Fact], parameters: Parameters) -> PolicyTimeline:
    """The policy by its revisions among the facts, in log order, without those that are voided (R33)."""
    policy = PolicyTimeline(parameters)
    revisions: dict[str, Fact] = {}
    for fact in facts:
        match fact.data:
            case PolicyRevised():
                revisions[fact.fact_id] = fact
                policy.add(fact, fact.data)
            case FactVoided(fact_id) if fact_id in revisions:
                policy.remove(revisions.pop(fact_id))
            case _:
                pass
    return policy


def minimum_of(revision: PolicyRevised) -> dict[Kind, int]:
    """The minimum of each kind that the revision names."""
    if revision.minimum is None:
        return {}
    named: dict[Kind, int | None] = {"VAR": revision.minimum.var, "DEVELOPER": revision.minimum.developer}
    return {kind: least for kind, least in named.items() if least is not None}


def _difference(
    days: Iterable[Changed | None], minimum: Mapping[Kind, Changed | None], programmes: Changed | None
) -> Difference:
    return Difference(
        [changed for changed in days if changed is not None],
        {kind: changed for kind, changed in minimum.items() if changed is not None},
        programmes,
    )
