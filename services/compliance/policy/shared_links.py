"""The links of a person at very many partners, followed once and read by the histories of all of these (R23).

What a partner makes of them depends on what was known when. So the links are kept as they were known after each of the
last groups of facts, and each partner reads them as of the group that it is at.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence, Set
from datetime import datetime
from itertools import pairwise
from operator import attrgetter
from typing import Final, NamedTuple, Protocol

from services.compliance.policy.link_changes import Employment, LinkChange, LinkLog, Outcome, Outcomes, last_before
from services.compliance.policy.link_history import LinkHistory
from shared.events.envelope import Fact
from shared.rules.active_links import Link


class _Before(NamedTuple):
    """What a change replaced; None: it replaced no employments, no `several`, or there was no link to the partner."""

    logs: dict[str, LinkLog | None]
    employments: list[Employment] | None
    several: list[tuple[datetime, bool]] | None


class _Version(NamedTuple):
    """A change by the group of facts at a position."""

    position: int
    change: LinkChange
    before: _Before


class _Index:
    """By their numbers, the changes that replaced something, and those that concern each partner."""

    def __init__(self) -> None:
        self.logs: dict[str, list[int]] = {}
        self.employments: list[int] = []
        self.several: list[int] = []
        self.concerning: dict[str, list[int]] = {}

    def add(self, number: int, before: _Before) -> None:
        """The next change replaced that."""
        for partner_id in before.logs:
            self.logs.setdefault(partner_id, []).append(number)
        if before.employments is not None:
            self.employments.append(number)
        if before.several is not None:
            self.several.append(number)


class RecordedLinks(LinkHistory):
    """The links of one person, with what was known before each of the last groups of facts that changed them.

    `position`: of the group that is taken in; None: its outcome alone is kept.
    """

    _keeps_versions = True

    def __init__(self) -> None:
        super().__init__()
        self.position: int | None = None
        self._versions: list[_Version] = []
        self._forgotten = 0
        self._replaced = _Before({}, None, None)
        self._index = _Index()

    def refresh(self) -> LinkChange | None:
        """Brings the links up to the facts, and keeps what was before."""
        change = super().refresh()
        if change is not None and self.position is not None:
            self._index.add(self._forgotten + len(self._versions), self._replaced)
            self._versions.append(_Version(self.position, change, self._replaced))
        return change

    def concern(self, partner_ids: Iterable[str]) -> None:
        """Notes for whom the group that was taken in matters (see `AffectedPartners`); the others need not see it."""
        if self._versions and self._versions[-1].position == self.position:
            for partner_id in partner_ids:
                self._index.concerning.setdefault(partner_id, []).append(self._forgotten + len(self._versions) - 1)

    def _will_change(self, partner_ids: Iterable[str], *, employments: bool, several: bool) -> None:
        if self.position is None:
            return
        logs = {partner_id: self._log.get(partner_id) for partner_id in partner_ids}
        self._replaced = _Before(
            {partner_id: None if log is None else log.copy() for partner_id, log in logs.items()},
            self.employments.copy() if employments else None,
            self._several.copy() if several else None,
        )

    def forget(self, position: int) -> None:
        """Forgets what was known before the group at the position."""
        number = self.place(position)
        del self._versions[:number]
        self._forgotten += number
        if not self._versions:
            self._index = _Index()

    def place(self, position: int) -> int:
        """How many of the last changes are known at the position."""
        return bisect_right(self._versions, position, key=_position)

    def change(self, place: int) -> LinkChange:
        """The change that comes after so many."""
        return self._versions[place].change

    def places_for(self, partner_id: str, place: int, end: int) -> list[int]:
        """After how many of the last changes one comes that matters to the partner, from `place` to before `end`."""
        numbers = self._index.concerning.get(partner_id, [])
        first, last = (bisect_left(numbers, self._forgotten + known) for known in (place, end))
        return [number - self._forgotten for number in numbers[first:last]]

    def _replaced_after(self, place: int, numbers: Sequence[int]) -> _Before | None:
        """What the first of these changes replaced that comes after so many; None: there is none."""
        index = bisect_left(numbers, self._forgotten + place)
        return self._versions[numbers[index] - self._forgotten].before if index < len(numbers) else None

    def log_at(self, place: int, partner_id: str) -> LinkLog | None:
        """The link to the partner over time, as known after so many of the last changes."""
        replaced = self._replaced_after(place, self._index.logs.get(partner_id, ()))
        return self._log.get(partner_id) if replaced is None else replaced.logs[partner_id]

    def employments_at(self, place: int) -> Sequence[Employment]:
        """Where the person counts over time, as known then."""
        replaced = self._replaced_after(place, self._index.employments)
        return self.employments if replaced is None or replaced.employments is None else replaced.employments

    def several_at(self, place: int) -> Sequence[tuple[datetime, bool]]:
        """From when to when the person is linked to more than one partner, as known then."""
        replaced = self._replaced_after(place, self._index.several)
        return self._several if replaced is None or replaced.several is None else replaced.several

    def all_at(self, place: int, partner_id: str) -> LinkChange | None:
        """All that is known then and concerns the partner, as a change; None: the person was never linked to it."""
        log = self.log_at(place, partner_id)
        if log is None or not log.instants:
            return None
        links = dict(zip(log.instants, log.links, strict=True))
        employments = _of_partner(self.employments_at(place), partner_id)
        several = dict(self.several_at(place))
        after: Outcomes = []
        for instant in sorted({*links, *employments, *several}):
            of_partner: dict[str, Link | None] = {partner_id: links[instant]} if instant in links else {}
            after.append((instant, Outcome(of_partner, employments.get(instant), several.get(instant))))
        return LinkChange(after[0][0], None, [], after)


def _of_partner(employments: Sequence[Employment], partner_id: str) -> dict[datetime, Employment]:
    """Those at the partner, and those that end them, by their starts."""
    found = {employments[0].start: employments[0]} if employments and employments[0].counts_for == partner_id else {}
    for before, employment in pairwise(employments):
        if partner_id in (before.counts_for, employment.counts_for):
            found[employment.start] = employment
    return found


class LinksSource(Protocol):
    """Where a partner's history reads the links of shared people. `position`: of the group that it is at."""

    @property
    def position(self) -> int: ...
    def recorded(self, consultant_id: str) -> RecordedLinks | None:
        """The links of the person; None: nothing about them changes meanwhile."""


class SeenLinks:
    """The links of a person as one partner sees them, read from a `RecordedLinks`: facts change nothing here.

    `seen`: the position up to which the partner knows them. `times`: None: it has read nothing yet. Changes that do
    not concern the partner (see `AffectedPartners`) it need not see.
    """

    def __init__(
        self, source: LinksSource, consultant_id: str, home: str, seen: int, times: tuple[datetime, ...] | None = None
    ) -> None:
        self._source = source
        self._consultant_id = consultant_id
        self._home = home
        self._seen = seen
        self._begun = times is not None
        self._times = times or ()
        self._log: LinkLog | None = None
        self._several: Sequence[tuple[datetime, bool]] = ()

    def add(self, fact: Fact) -> None:
        """A fact that was recorded for all partners."""

    def remove(self, fact: Fact) -> None:
        """Likewise."""

    @property
    def stale(self) -> bool:
        """Whether there can be changes to be seen."""
        recorded = self._source.recorded(self._consultant_id)
        if recorded is None:
            return False
        return not self._begun or recorded.place(self._seen) < recorded.place(self._source.position)

    def changes(self) -> Iterator[LinkChange]:
        """What changed up to the group that the partner is at. Take each in before the next."""
        recorded = self._source.recorded(self._consultant_id)
        if recorded is None:
            return
        place, end = recorded.place(self._seen), recorded.place(self._source.position)
        if not self._begun:
            self._begun = True
            known = recorded.all_at(place, self._home)
            if known is not None:
                self._read(recorded, place)
                yield known
        for later in recorded.places_for(self._home, place, end):
            self._read(recorded, later + 1)
            yield recorded.change(later)
        self._seen = max(self._seen, self._source.position)
        self._log, self._several = None, ()

    def _read(self, recorded: RecordedLinks, place: int) -> None:
        self._log, self._several = recorded.log_at(place, self._home), recorded.several_at(place)
        self._times = () if self._log is None else self._log.times

    def linked_before(self, partner_id: str, instant: datetime) -> bool:
        """Whether the person is linked to the partner just before the instant, as of the change last seen."""
        assert partner_id == self._home
        return self._log is not None and self._log.before(instant) is not None

    def several_before(self, instant: datetime) -> bool:
        """Whether it is linked to more than one partner just before the instant, as of the change last seen."""
        return last_before(self._several, instant)

    def linked_times(self, partner_id: str) -> tuple[datetime, ...]:
        """The instants at which the link to the partner begins and ends, in turn."""
        assert partner_id == self._home
        return self._times

    def ever_linked_to(self, partner_id: str) -> bool:
        """Whether the person is or was linked to the partner."""
        assert partner_id == self._home
        return bool(self._times)


class PeopleElsewhere(Protocol):
    """The people whose links are not followed by the partner itself.

    `ids`: all of them, whether or not they are the partner's. `known_position`: of the last group of facts that the
    partner has taken in when a batch begins.
    """

    @property
    def ids(self) -> Set[str]: ...
    @property
    def known_position(self) -> int: ...
    def come_to(self, position: int) -> Iterable[str]:
        """The partner takes in facts of the group at the position. Returns those whose links that group changes."""

    def statements(self, consultant_id: str, after: int) -> Iterable[Fact]:
        """The facts about the person that name no partner, after the position and up to where the partner is."""

    def links(self, consultant_id: str) -> LinkHistory | SeenLinks | None:
        """Where the links of the person are read, from where the partner is; None: it is none of them."""

    def known_links(self, consultant_id: str, times: tuple[datetime, ...]) -> SeenLinks:
        """The same where the partner has followed the links so far. `times`: of the link to it."""


_position: Final = attrgetter("position")
