"""The log of facts as it is read: its structure, checked entry by entry, and where each partner and person occurs.

Entries are kept in a temporary file; in memory is only where they lie, and whom they are about.
"""

import mmap
import tempfile
from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import partial
from typing import IO, Any, Final, NamedTuple

from sagecert_verify.derive.consultant_at_partner import GRANTED, MAINTAINED
from sagecert_verify.derive.facts_of_partner import VOIDED
from sagecert_verify.derive.linking import CLOSED, LEFT, LINKED, MERGED
from sagecert_verify.derive.logged_fact import PREFIX, VERSION, LoggedFact, UnreadableFactError, read_fact
from sagecert_verify.engines_and_rotations import SystemFacts
from sagecert_verify.rows import FACT_COLUMNS, WrongEntryError, read_row

REGISTERED: Final = f"{PREFIX}exam-registered{VERSION}"
REGISTRATION_STREAM: Final = "exam_registration-"
FOR_PARTNERS: Final = tuple(f"{PREFIX}{kind}{VERSION}" for kind in (LINKED, LEFT, *GRANTED, MAINTAINED, VOIDED))
"""Of the facts about a person, those that a partner's history depends on."""
EVERYBODYS: Final = tuple(
    f"{PREFIX}{kind}{VERSION}" for kind in ("portal-change-declared", "portal-change-corrected", "policy-revised")
)


class Spool:
    """Entries in a temporary file, by position. After `flush` this process and those forked from it may read them."""

    def __init__(self) -> None:
        self._file: IO[bytes] = tempfile.TemporaryFile(prefix="sagecert-verify-")  # noqa: SIM115  # until `close`
        self._ends = array("Q", [0])
        self._map: mmap.mmap | None = None

    def append(self, entry: bytes) -> None:
        """One more entry."""
        self._file.write(entry)
        self._ends.append(self._ends[-1] + len(entry))

    def flush(self) -> None:
        """Everything can be read from now on."""
        self._file.flush()
        if self._ends[-1]:
            self._map = mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ)

    def read(self, position: int) -> bytes:
        """The entry at a position, from 1."""
        assert self._map is not None
        return self._map[self._ends[position - 1] : self._ends[position]]

    def close(self) -> None:
        """The file is gone."""
        if self._map is not None:
            self._map.close()
        self._file.close()

    def __len__(self) -> int:
        return len(self._ends) - 1


def positions_by_name() -> "Positions":
    """Nothing yet."""
    return defaultdict(partial(array, "L"))


Positions = defaultdict[str, "array[int]"]
"""Positions by whom or what they are about, in order; an array, because there are millions."""


class Group(NamedTuple):
    """Facts of one append: the last of their positions, and their stamp."""

    last: int
    recorded_at: str


class IndexedFactLog:
    """Takes the entries of the log of facts. `system`: those about the system itself."""

    def __init__(self) -> None:
        self.spool = Spool()
        self.system = SystemFacts()
        self.by_partner = positions_by_name()
        self.by_consultant = positions_by_name()
        self.for_partners = positions_by_name()
        self.by_stream = positions_by_name()
        self.registrations: dict[str, set[str]] = {}
        self.linked: dict[str, set[str]] = {}
        self.links_of: dict[str, set[str]] = {}
        self.survivors: dict[str, set[str]] = {}
        self.merged_from: dict[str, set[str]] = {}
        self.endings: dict[str, list[int]] = {}
        self.everybodys: list[int] = []
        self._appends = array("Q", [0])
        self._topic_of = array("L", [0])
        self._topics: list[str] = []
        self._topic_numbers: dict[str, int] = {}
        self._group = Group(0, "")
        self._versions: dict[str, int] = {}
        self._ids: set[str] = set()
        self._endings_by_id: dict[str, str] = {}
        self._everybodys_ids: set[str] = set()

    def take(self, position: int, entry: bytes) -> None:
        """Raises `WrongEntryError`."""
        columns, body = read_row(entry, FACT_COLUMNS)
        self._check(position, columns)
        self.system.take(position, columns, body)
        self.spool.append(entry)
        self._appends.append(columns["append_position"])
        self._topic_of.append(self._topic_number(columns["topic"]))
        self._index(position, columns)

    def _topic_number(self, topic: str) -> int:
        number = self._topic_numbers.setdefault(topic, len(self._topics))
        if number == len(self._topics):
            self._topics.append(topic)
        return number

    def _check(self, position: int, columns: dict[str, Any]) -> None:
        if columns["notification_id"] != position:
            raise WrongEntryError(f"it says that it is at {columns['notification_id']}: the positions have a gap")
        stamp, last = columns["recorded_at"], columns["append_position"]
        if position > self._group.last:
            if stamp < self._group.recorded_at:
                raise WrongEntryError("its stamp is earlier than the one before it")
            if last < position:
                raise WrongEntryError("it lies after the end of its append")
            self._group = Group(last, stamp)
        elif (last, stamp) != self._group:
            raise WrongEntryError("facts of one append have one stamp and one end")
        stream, version = columns["originator_id"], columns["originator_version"]
        expected = self._versions.get(stream, 0) + 1
        if version != expected:
            raise WrongEntryError(f"the stream {stream} has a gap: version {version} comes where {expected} should")
        self._versions[stream] = version
        if columns["fact_id"] in self._ids:
            raise WrongEntryError(f"there is another fact {columns['fact_id']}")
        self._ids.add(columns["fact_id"])

    def _index(self, position: int, columns: dict[str, Any]) -> None:
        """Whom the fact is about. A void is about what it voids: its columns say so, and it lies in the same stream."""
        topic, stream, consultant = columns["topic"], columns["originator_id"], columns["consultant_id"]
        if not topic.startswith(PREFIX):
            return
        if consultant is not None:
            self.by_consultant[consultant].append(position)
            if topic in FOR_PARTNERS:
                self.for_partners[consultant].append(position)
            if topic == REGISTERED:
                self.registrations.setdefault(consultant, set()).add(stream)
        if stream.startswith(REGISTRATION_STREAM):
            self.by_stream[stream].append(position)
        for named in (columns["partner_id"], columns["into_partner_id"]):
            if named is not None:
                self.by_partner[named].append(position)
        self._index_reach(position, columns)

    def _index_reach(self, position: int, columns: dict[str, Any]) -> None:
        """Links, and what reaches beyond the partners that it names: endings, portal changes, policies."""
        partner, into, consultant = columns["partner_id"], columns["into_partner_id"], columns["consultant_id"]
        topic, voided = columns["topic"], columns["voided_fact_id"]
        kind = topic[len(PREFIX) : -len(VERSION)]
        if kind in (LINKED, CLOSED, MERGED) and None in (partner, consultant if kind == LINKED else partner):
            raise WrongEntryError("its columns do not say whom it is about")
        if kind == LINKED:
            self.linked.setdefault(partner, set()).add(consultant)
            self.links_of.setdefault(consultant, set()).add(partner)
        if kind in (CLOSED, MERGED):
            self.endings.setdefault(partner, []).append(position)
            self._endings_by_id[columns["fact_id"]] = partner
        elif voided in self._endings_by_id:
            self.endings[self._endings_by_id[voided]].append(position)
        if kind == MERGED and into is not None:
            self.survivors.setdefault(partner, set()).add(into)
            self.merged_from.setdefault(into, set()).add(partner)
        if topic in EVERYBODYS:
            self._everybodys_ids.add(columns["fact_id"])
        if topic in EVERYBODYS or voided in self._everybodys_ids:
            self.everybodys.append(position)

    # Whom a derivation needs ------------------------------------------------------------------------

    def about_consultant(self, consultant: str) -> list[int]:
        """The positions of everything about a person, and of their registrations whole."""
        found = set(self.by_consultant.get(consultant, ()))
        for stream in self.registrations.get(consultant, ()):
            found.update(self.by_stream.get(stream, ()))
        return sorted(found)

    def about_partner(self, partner: str) -> list[int]:
        """The positions of everything that can concern a partner.

        What names it; everything about everybody linked to it or to a partner merged into it; what became of the
        partners to whom these people are linked, and of those that these were merged into; portal changes, policies.
        """
        found = {*self.by_partner.get(partner, ()), *self.everybodys}
        people = {person for source in _reach({partner}, self.merged_from) for person in self.linked.get(source, ())}
        employers = {employer for person in people for employer in self.links_of[person]}
        for employer in _reach(employers, self.survivors):
            found.update(self.endings.get(employer, ()))
        for person in people:
            found.update(self.for_partners.get(person, ()))
        return sorted(found)

    def has(self, fact_id: str) -> bool:
        """Whether there is a fact of this id."""
        return fact_id in self._ids

    def facts(self, positions: Iterable[int]) -> Iterator[LoggedFact]:
        """The facts at these positions. Raises `UnreadableFactError`."""
        for position in positions:
            _, _, state = self.spool.read(position).partition(b"\n")
            try:
                fact = read_fact(position, self._appends[position], self._topics[self._topic_of[position]], state)
            except (KeyError, ValueError, TypeError, AttributeError, RecursionError) as problem:
                raise UnreadableFactError(f"the fact at position {position} cannot be read: {problem}") from None
            if fact is not None:
                yield fact


def _reach(start: Iterable[str], edges: dict[str, set[str]]) -> set[str]:
    reached: set[str] = set()
    ahead = list(start)
    while ahead:
        partner = ahead.pop()
        if partner not in reached:
            reached.add(partner)
            ahead.extend(edges.get(partner, ()))
    return reached
