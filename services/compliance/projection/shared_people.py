"""People at very many partners: their links are followed once for all of these, and kept between batches.

A pure cache: a dropped person is read and followed again from the first fact. Each is known up to the last fact read,
which can lie ahead of the partners: these read the links as of the group that they are at.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence, Set
from datetime import datetime
from itertools import groupby
from typing import Final

from services.compliance.policy.affected_partners import AffectedPartners
from services.compliance.policy.parameters import Parameters
from services.compliance.policy.shared_links import RecordedLinks, SeenLinks
from services.compliance.policy.step_position import StepPosition
from services.compliance.read_model.projection_progress import ProjectionProgress
from services.compliance.read_model.routing import LoggedFact
from shared.events.envelope import Fact
from shared.events.facts import ConsultantLinked, PartnersMerged

FACTS_KEPT_MAX: Final = 150_000
"""Facts that the shared people hold together."""


class SharedPerson:
    """One of them. `links`: see `RecordedLinks`.

    `statements`: its facts that name no partner. `latest`: those of the last groups, with the closures and mergers by
    which its links end or move. `concerned`: by position, the partners for which a group changes something.
    """

    def __init__(self, consultant_id: str, parameters: Parameters) -> None:
        self.links = RecordedLinks()
        self.statements: list[LoggedFact] = []
        self.latest: dict[int, list[LoggedFact]] = {}
        self.concerned: dict[int, set[str]] = {}
        self._concerning: dict[str, list[int]] = {}
        self._consultant_id = consultant_id
        self._affected = AffectedPartners(parameters, _Itself(self.links))
        self._through = 0

    @property
    def facts_held(self) -> int:
        """The number of facts taken in."""
        return self._affected.facts_held

    def reaches(self, partner_id: str | None) -> bool:
        """Whether the person was ever linked to the partner, or taken there by a merger."""
        return partner_id is not None and self._affected.reaches(partner_id)

    def begin(self, facts: Sequence[LoggedFact], position: int) -> None:
        """Takes in all facts about the person, and the endings of all partners that it ever reaches.

        `position`: the last groups begin after it.
        """
        behind = bisect_right(facts, position, key=_position)
        self._affected.add(logged.fact for logged in facts[:behind])
        for _ in self._affected.follow():
            pass
        self.statements += self._naming_no_partner(facts[:behind])
        self._through = position
        self._follow(facts[behind:])

    def newly_reached(self, facts: Iterable[LoggedFact]) -> set[str]:
        """The partners that the person newly reaches by these facts, about it or partners, as far as not taken in."""
        found: set[str] = set()
        for logged in facts:
            data = logged.fact.data
            if logged.fact.position <= self._through:
                continue
            if isinstance(data, ConsultantLinked):
                found.add(data.partner_id)
            elif isinstance(data, PartnersMerged) and (data.partner_id in found or self.reaches(data.partner_id)):
                found.add(data.into)
        return {partner_id for partner_id in found if not self.reaches(partner_id)}

    def take_in(self, facts: Iterable[LoggedFact]) -> None:
        """Takes in the next facts of the log about the person, and the endings of partners that it reaches.

        Other endings it leaves aside.
        """
        later = [
            logged
            for logged in facts
            if logged.fact.position > self._through
            and (logged.consultant_id is not None or self.reaches(logged.partner_id))
        ]
        self._follow(later)

    def _follow(self, facts: Iterable[LoggedFact]) -> None:
        for position, coming in groupby(facts, key=_append_position):
            group = list(coming)
            self.links.position = position
            concerned = self._affected.concerned([logged.fact for logged in group])
            self.links.concern(concerned)
            if concerned:
                self.concerned[position] = concerned
            for partner_id in concerned:
                self._concerning.setdefault(partner_id, []).append(position)
            self.latest[position] = group
            self.statements += self._naming_no_partner(group)
            self._through = group[-1].fact.position

    def stated(self, after: int, through: int) -> Iterator[Fact]:
        """The statements after a position, up to another."""
        for logged in self.statements[bisect_right(self.statements, after, key=_position) :]:
            if logged.fact.position > through:
                return
            yield logged.fact

    def _naming_no_partner(self, facts: Iterable[LoggedFact]) -> list[LoggedFact]:
        return [logged for logged in facts if logged.consultant_id == self._consultant_id and logged.partner_id is None]

    def forget(self, position: int) -> None:
        """Forgets what groups up to the position changed."""
        self.links.forget(position)
        for group in [group for group in self.latest if group <= position]:
            del self.latest[group]
            for partner_id in self.concerned.pop(group, ()):
                self._concerning[partner_id].remove(group)
                if not self._concerning[partner_id]:
                    del self._concerning[partner_id]

    def for_partner(self, partner_id: str, groups: Set[int]) -> Iterator[LoggedFact]:
        """What a partner needs: the statements, and the latest facts of these groups and of those that concern it."""
        yield from self.statements
        for group in groups & self.latest.keys() | set(self._concerning.get(partner_id, ())):
            yield from self.latest[group]


class _Itself:
    """The person whose links are recorded is the only one."""

    def __init__(self, links: RecordedLinks) -> None:
        self.ids: Set[str] = frozenset()
        self.known_position = 0
        self._links = links

    def come_to(self, position: int) -> Iterable[str]:  # noqa: ARG002  # nobody else's links change
        return ()

    def statements(self, consultant_id: str, after: int) -> Iterable[Fact]:
        raise AssertionError(consultant_id, after)

    def links(self, consultant_id: str) -> RecordedLinks:  # noqa: ARG002  # there is nobody else
        return self._links

    def known_links(self, consultant_id: str, times: tuple[datetime, ...]) -> SeenLinks:
        raise AssertionError(consultant_id, times)


class SharedPeople:
    """The shared people that are kept, by id. It drops the least recently used first."""

    def __init__(self, facts_max: int = FACTS_KEPT_MAX) -> None:
        self._facts_max = facts_max
        self._people: dict[str, SharedPerson] = {}
        self._changed: dict[int, set[str]] = {}
        self._recent: set[str] = set()
        self._position = 0
        self._cursor: StepPosition | None = None

    @property
    def ids(self) -> Set[str]:
        """The people who are kept."""
        return self._people.keys()

    def get(self, consultant_id: str) -> SharedPerson | None:
        """The person, if it is kept."""
        return self._people.get(consultant_id)

    def begin_batch(self, progress: ProjectionProgress) -> None:
        """Forgets what lies behind the place from which the partners go on."""
        self._position, self._cursor = progress.position, progress.cursor
        for consultant_id in self._recent & self._people.keys():
            self._people[consultant_id].forget(progress.position)
        self._recent = {person for person in self._recent & self._people.keys() if self._people[person].latest}
        self._changed = {position: ids for position, ids in self._changed.items() if position > progress.position}

    def known_position(self, partner_id: str) -> int:
        """The last group of facts that the partner has taken in when the batch begins."""
        cursor = self._cursor
        if cursor is None or cursor.timer or cursor.complete or partner_id > cursor.partner_id:
            return self._position
        return max(self._position, cursor.position)

    def put(self, consultant_id: str, person: SharedPerson) -> None:
        """Keeps the person, in the place of what was kept of it."""
        self._people.pop(consultant_id, None)
        self._people[consultant_id] = person
        for changed in self._changed.values():
            changed.discard(consultant_id)
        self._note(consultant_id)

    def newly_reached(self, consultant_id: str, facts: Iterable[LoggedFact]) -> set[str]:
        """The partners that the person, who is kept, reaches by the next facts."""
        return self._people[consultant_id].newly_reached(facts)

    def take_in(self, consultant_id: str, facts: Iterable[LoggedFact]) -> None:
        """The person, who is kept, takes in the next facts of the log."""
        person = self._people.pop(consultant_id)
        self._people[consultant_id] = person
        person.take_in(facts)
        self._note(consultant_id)

    def _note(self, consultant_id: str) -> None:
        self._recent.add(consultant_id)
        for position in self._people[consultant_id].concerned:
            self._changed.setdefault(position, set()).add(consultant_id)

    def changed_at(self, position: int) -> Iterable[str]:
        """The people for whose partners the group at the position changes something."""
        return self._changed.get(position, ())

    def who_reach(self, partner_id: str) -> Iterable[str]:
        """The people who were ever linked to the partner, or taken there, and about whom the batch says something."""
        return (person for person in self._recent if self._people[person].reaches(partner_id))

    def who_concern(self, position: int, partner_id: str) -> Iterable[str]:
        """The people about whom the group at the position changes something for the partner."""
        return (
            person for person in self.changed_at(position) if partner_id in self._people[person].concerned[position]
        )

    def concerned_by(self, position: int) -> set[str]:
        """The partners for which the group at the position changes something about these people."""
        found: set[str] = set()
        for consultant_id in self.changed_at(position):
            found |= self._people[consultant_id].concerned[position]
        return found

    def statements(self, people: Iterable[str], through: int) -> dict[str, list[LoggedFact]]:
        """Of those people who are shared, the facts up to the position that name no partner."""
        return {
            consultant_id: [logged for logged in self._people[consultant_id].statements if _position(logged) <= through]
            for consultant_id in people
            if consultant_id in self._people
        }

    def facts_for(self, partner_id: str, facts: Sequence[Fact], through: int) -> list[Fact]:
        """These facts of a partner, to which those about shared people are routed only as far as they name it, with
        what it needs of them: what names no partner, and what the last groups say. In log order, up to the position.
        """
        links = (fact.data for fact in facts)
        people = {link.consultant_id for link in links if isinstance(link, ConsultantLinked)} & self._people.keys()
        if not people:
            return list(facts)
        found = {fact.position: fact for fact in facts}
        groups = {fact.append_position for fact in facts}
        for consultant_id in people:
            for logged in self._people[consultant_id].for_partner(partner_id, groups):
                if logged.fact.position <= through:
                    found[logged.fact.position] = logged.fact
        return [found[position] for position in sorted(found)]

    def make_room(self, used: Set[str]) -> None:
        """Drops people until the rest is not too many; not those who are used."""
        held = sum(person.facts_held for person in self._people.values())
        for consultant_id in list(self._people):
            if held <= self._facts_max:
                return
            if consultant_id not in used and consultant_id not in self._recent:
                held -= self._people.pop(consultant_id).facts_held

    def clear(self) -> None:
        """Drops everybody."""
        self._people.clear()
        self._changed.clear()
        self._recent.clear()


class PeopleSeen:
    """What one partner's history reads of the shared people. `position`: of the group that it is at."""

    def __init__(self, shared: SharedPeople, partner_id: str) -> None:
        self.position = 0
        self._shared = shared
        self._partner_id = partner_id

    @property
    def ids(self) -> Set[str]:
        """The shared people, whether or not they are the partner's."""
        return self._shared.ids

    def come_to(self, position: int) -> Iterable[str]:
        """The partner takes in facts of the group at the position."""
        self.position = position
        return self._shared.changed_at(position)

    @property
    def known_position(self) -> int:
        """The last group of facts that the partner has taken in when the batch begins."""
        return self._shared.known_position(self._partner_id)

    def statements(self, consultant_id: str, after: int) -> Iterable[Fact]:
        """The facts about the person that name no partner, after the position and up to where the partner is."""
        person = self._shared.get(consultant_id)
        return () if person is None else person.stated(after, self.position)

    def links(self, consultant_id: str) -> SeenLinks | None:
        """The links of the person from where the partner is when the batch begins."""
        if consultant_id not in self._shared.ids:
            return None
        return SeenLinks(self, consultant_id, self._partner_id, self.known_position)

    def known_links(self, consultant_id: str, times: tuple[datetime, ...]) -> SeenLinks:
        """The same, after what the partner has followed so far."""
        return SeenLinks(self, consultant_id, self._partner_id, self.known_position, times)

    def recorded(self, consultant_id: str) -> RecordedLinks | None:
        """The links of the person; None: it is not kept, since nothing changes about it."""
        person = self._shared.get(consultant_id)
        return None if person is None else person.links


def _position(logged: LoggedFact) -> int:
    return logged.fact.position


def _append_position(logged: LoggedFact) -> int:
    return logged.fact.append_position
