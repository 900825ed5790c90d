"""What a partner is over time: its kind, its minimum, whether it is enrolled (R10, R11, R22, R28, R39)."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final, get_args

import msgspec
from msgspec.structs import replace

from services.compliance.policy.counting_partner import Changed
from services.compliance.policy.first_difference import first_difference
from services.compliance.policy.policy_timeline import NO_CHANGE_AFTER, PolicyTimeline, Setting
from shared.events.envelope import Fact
from shared.events.facts import (
    EnrolmentFact,
    Kind,
    PartnerClosed,
    PartnerEnrolled,
    PartnerKindChanged,
    PartnerProgrammeChanged,
    PartnersMerged,
)


class Enrolment(msgspec.Struct, frozen=True):
    """From `start` until the next: kind and programme, the minimum by the policy, and the facts that say so.

    `kind` and `least` are None until a fact gives the kind; they stay when the programme is left (R10). `eligible`: the
    programmes, where the partner is in none of them; None otherwise, so that a revision changes nothing for those who
    stay.
    """

    start: datetime
    kind: Kind | None
    programme: str | None
    least: Setting[int] | None
    eligible: Setting[tuple[str, ...]] | None
    enrolled: bool
    kind_facts: tuple[str, ...]
    programme_facts: tuple[str, ...]

    @property
    def minimum(self) -> int | None:
        """How many counted consultants the partner must keep (R10)."""
        return None if self.least is None else self.least.value

    def revised_by(self, instant: datetime) -> tuple[str, ...]:
        """The revision that set the minimum at this very instant."""
        return self.least.fact_ids if self.least is not None and self.least.since == instant else ()


CLOSED = "closed"
MERGED = "merged away"


class EnrolmentTimeline:
    """The enrolments of one partner over time, one per instant with a fact about it or a revision that changes them.

    Add and remove its facts, then `refresh`: what follows a changed fact is derived again, up to where it is as before.
    Where facts of one instant contradict each other, the later recorded wins (R35).
    """

    def __init__(self, policy: PolicyTimeline) -> None:
        self.starts: list[datetime] = []
        self.enrolments: list[Enrolment] = []
        self._policy = policy
        self._keys: list[tuple[datetime, int]] = []
        self._facts: list[Fact] = []
        self._stale_from: datetime | None = None
        self._stale_through: datetime | None = None

    def add(self, fact: Fact) -> None:
        """Takes in a fact about the partner itself; of other facts nothing follows."""
        if isinstance(fact.data, _OF_ENROLMENT):
            key = (fact.effective_at, fact.position)
            index = bisect_left(self._keys, key)
            self._keys.insert(index, key)
            self._facts.insert(index, fact)
            self._note(fact.effective_at)

    def remove(self, fact: Fact) -> None:
        """Takes a fact out again that was added."""
        if isinstance(fact.data, _OF_ENROLMENT):
            index = bisect_left(self._keys, (fact.effective_at, fact.position))
            del self._keys[index], self._facts[index]
            self._note(fact.effective_at)

    def policy_changed(self, changed: Changed) -> None:
        """Takes note that the policy has another minimum or other programmes (R39)."""
        if self._facts:
            self._note(changed.since)
            self._note(changed.through or NO_CHANGE_AFTER)

    @property
    def stale(self) -> bool:
        """Whether `refresh` can find a difference."""
        return self._stale_from is not None

    def _note(self, instant: datetime) -> None:
        if self._stale_from is None or self._stale_through is None:
            self._stale_from = self._stale_through = instant
        self._stale_from = min(self._stale_from, instant)
        self._stale_through = max(self._stale_through, instant)

    def refresh(self) -> tuple[datetime, datetime | None] | None:
        """Brings the enrolments up to the facts.

        Returns the first instant at which they differ from before, and the last (None: they differ ever after). None
        where they are the same.
        """
        since, through = self._stale_from, self._stale_through
        if since is None or through is None:
            return None
        self._stale_from = self._stale_through = None
        start = bisect_left(self.starts, since)
        last = self.enrolments[start - 1] if start else None
        found: list[Enrolment] = []
        end, met = len(self.starts), None
        for instant, simultaneous in self._moments(since):
            following = self._next(last, instant, simultaneous)
            if not simultaneous and (last is None or _same(last, following)):
                continue
            last = following
            found.append(last)
            if last.start >= through:
                known = bisect_right(self.starts, last.start)
                if known and _same(self.enrolments[known - 1], last):
                    end, met = known, last.start
                    break
        old = self.enrolments[start:end]
        self.enrolments[start:end] = found
        self.starts[start:end] = [enrolment.start for enrolment in found]
        differs = first_difference(old, found)
        return None if differs is None else (differs, met)

    def _moments(self, since: datetime) -> Iterator[tuple[datetime, list[Fact]]]:
        """The instants with facts about the partner or revisions of the policy, in order, with the facts of each."""
        index = bisect_left(self._keys, (since, _NO_POSITION))
        revised = self._policy.enrolment_starts(since)
        next_revised = next(revised, None)
        while index < len(self._facts) or next_revised is not None:
            at = self._facts[index].effective_at if index < len(self._facts) else None
            if next_revised is not None and (at is None or next_revised < at):
                yield next_revised, []
            else:
                assert at is not None
                end = bisect_right(self._keys, (at, _LAST_POSITION), lo=index)
                yield at, self._facts[index:end]
                index = end
            if next_revised is not None and (at is None or next_revised <= at):
                next_revised = next(revised, None)

    def _next(self, last: Enrolment | None, start: datetime, facts: Iterable[Fact]) -> Enrolment:
        """The enrolment that the facts of the instant `start` make of the last one."""
        kind = None if last is None else last.kind
        programme = None if last is None else last.programme
        kind_facts: tuple[str, ...] = () if last is None else last.kind_facts
        programme_facts: tuple[str, ...] = () if last is None else last.programme_facts
        for fact in facts:
            match fact.data:
                case PartnerEnrolled():
                    kind, kind_facts = fact.data.kind, (fact.fact_id,)
                    programme, programme_facts = fact.data.programme, (fact.fact_id,)
                case PartnerKindChanged():
                    kind, kind_facts = fact.data.kind, (fact.fact_id,)
                case PartnerProgrammeChanged():
                    programme, programme_facts = fact.data.programme, (fact.fact_id,)
                case PartnerClosed():
                    programme, programme_facts = CLOSED, (fact.fact_id,)
                case PartnersMerged():
                    programme, programme_facts = MERGED, (fact.fact_id,)
        least = None if kind is None else self._policy.minimum[kind].at(start)
        programmes = self._policy.programmes.at(start)
        enrolled = kind is not None and programme in programmes.value
        eligible = None if enrolled or kind is None or programme in (CLOSED, MERGED) else programmes
        return Enrolment(start, kind, programme, least, eligible, enrolled, kind_facts, programme_facts)

    def at(self, instant: datetime) -> Enrolment | None:
        """The enrolment in force at the instant (every fact of that instant applied), or None before the first."""
        known = bisect_right(self.starts, instant)
        return self.enrolments[known - 1] if known else None

    def starts_at(self, instant: datetime) -> bool:
        """Whether an enrolment starts at the instant."""
        known = bisect_left(self.starts, instant)
        return known < len(self.starts) and self.starts[known] == instant

    def next_start(self, after: datetime | None) -> datetime | None:
        """The first instant after `after` at which an enrolment starts."""
        known = 0 if after is None else bisect_right(self.starts, after)
        return self.starts[known] if known < len(self.starts) else None


_OF_ENROLMENT: Final = get_args(EnrolmentFact)
_NO_POSITION: Final = -1
_LAST_POSITION: Final = 2**63


def _same(one: Enrolment, other: Enrolment) -> bool:
    return one == other or replace(one, start=other.start) == other
