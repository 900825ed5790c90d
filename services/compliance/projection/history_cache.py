"""Partner histories kept between batches, so that a batch continues where the last one ended.

A pure cache: a dropped history is derived again from the first fact, to the same byte. It holds what follows from one
version of the progress; any other version empties it.
"""

from collections import OrderedDict
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from typing import Final

from services.compliance.policy.partner_history import PartnerHistory
from services.compliance.projection.replay import Group
from services.compliance.projection.shared_people import SharedPeople
from services.compliance.read_model.routing import LoggedFact
from services.compliance.read_model.rows import PartnerRows, WindowRow
from shared.events.facts import ConsultantLinked, PartnersMerged

FACTS_KEPT_MAX: Final = 150_000
"""Facts that the kept histories hold together, at some 2 KB each."""


class CannotResume(Exception):
    """A kept history cannot take in the facts that this group routes to the partner: replay it from the first fact."""


class KeptHistory:
    """One partner's history, with its windows as last written."""

    def __init__(self, history: PartnerHistory, written: PartnerRows) -> None:
        self.history = history
        self._windows = _by_product(written.windows)

    def changed_rows(self, derived: PartnerRows) -> PartnerRows:
        """The same rows without the windows that are already written."""
        if not derived.standings:
            return derived
        before, self._windows = self._windows, _by_product(derived.windows)
        changed = [row for product, rows in self._windows.items() for row in _changed(before.get(product, ()), rows)]
        return derived._replace(windows=changed)


def _by_product(rows: Iterable[WindowRow]) -> dict[str, list[WindowRow]]:
    found: dict[str, list[WindowRow]] = {}
    for row in rows:
        found.setdefault(row.product, []).append(row)
    return found


def _changed(before: Sequence[WindowRow], after: Sequence[WindowRow]) -> Iterator[WindowRow]:
    for index, row in enumerate(after):
        if index >= len(before) or before[index] != row:
            yield row


class HistoryCache:
    """Drops the least recently used history first. `version`: of the progress that the histories follow from.

    A history that a batch uses is not dropped for another partner of the same batch: if there is not room for all, the
    same ones stay from batch to batch.
    """

    def __init__(self, facts_max: int = FACTS_KEPT_MAX) -> None:
        self.version: int | None = None
        self._facts_max = facts_max
        self._facts_held = 0
        self._kept: OrderedDict[str, tuple[KeptHistory, int]] = OrderedDict()
        self._used: set[str] = set()

    def begin_batch(self) -> None:
        """Starts a batch, which uses no history yet."""
        self._used = set()

    def get(self, partner_id: str) -> KeptHistory | None:
        """The kept history of the partner."""
        kept = self._kept.get(partner_id)
        if kept is None:
            return None
        self._kept.move_to_end(partner_id)
        self._used.add(partner_id)
        return kept[0]

    def peek(self, partner_id: str) -> KeptHistory | None:
        """The kept history of the partner; this does not count as a use."""
        kept = self._kept.get(partner_id)
        return None if kept is None else kept[0]

    @property
    def ids(self) -> Sequence[str]:
        """The partners whose histories are kept."""
        return tuple(self._kept)

    def kept(self, partner_ids: Iterable[str] | None) -> list[str]:
        """Those of these partners (None: of all) whose histories are kept, in order."""
        some = tuple(self._kept) if partner_ids is None else partner_ids
        return sorted(partner_id for partner_id in some if self.get(partner_id) is not None)

    def keep(self, partner_id: str, folded: KeptHistory) -> None:
        """Keeps the history if there is room."""
        self.drop(partner_id)
        held = folded.history.partner_facts.facts_held
        while self._facts_held + held > self._facts_max:
            oldest = next(iter(self._kept), None)
            if oldest is None or oldest in self._used:
                return
            self.drop(oldest)
        self._kept[partner_id] = (folded, held)
        self._facts_held += held
        self._used.add(partner_id)

    def drop(self, partner_id: str) -> None:
        """Drops one partner."""
        kept = self._kept.pop(partner_id, None)
        if kept is not None:
            self._facts_held -= kept[1]

    def clear(self) -> None:
        """Drops everything."""
        self._kept.clear()
        self._facts_held, self.version = 0, None


def unknown_people(folded: KeptHistory, groups: Iterable[Sequence[LoggedFact]], shared: SharedPeople) -> set[str]:
    """People whom these groups link to the partner and whose facts its history lacks.

    Raises `CannotResume` if the groups can route other people to the partner too.
    """
    partner_facts, partner_id = folded.history.partner_facts, folded.history.partner_id
    people: set[str] = set()
    for group in groups:
        for logged in group:
            data = logged.fact.data
            if isinstance(data, PartnersMerged) and not partner_facts.knows_merger(data):
                raise CannotResume
            if isinstance(data, ConsultantLinked) and not partner_facts.knows_person(data.consultant_id):
                if data.partner_id == partner_id:
                    people.add(data.consultant_id)
                elif partner_facts.merged:
                    raise CannotResume
        for consultant_id in shared.who_concern(group[0].fact.append_position, partner_id):
            if consultant_id not in people and not partner_facts.knows_person(consultant_id):
                raise CannotResume
    return people


def unreached_partners(
    folded: KeptHistory, people: Container[str], facts: Iterable[LoggedFact], shared: Container[str]
) -> set[str]:
    """The partners that these facts newly link this partner's people to.

    `people`: who joins it. Those who are `shared` are left aside.
    """
    partner_facts = folded.history.partner_facts
    return {
        data.partner_id
        for data in (logged.fact.data for logged in facts)
        if isinstance(data, ConsultantLinked)
        and data.consultant_id not in shared
        and (data.consultant_id in people or partner_facts.knows_person(data.consultant_id))
        and not partner_facts.reaches(data.partner_id)
    }


def routed_groups(
    folded: KeptHistory,
    groups: Iterable[Sequence[LoggedFact]],
    of_people: Mapping[str, Sequence[LoggedFact]],
    endings: Sequence[LoggedFact],
    shared: SharedPeople,
) -> Iterator[Group]:
    """The part of each group that is routed to the partner, with the earlier facts that it routes there as well.

    `of_people`: all facts about the people that the groups newly link to it; of shared ones, what names no partner.
    `endings`: closures and mergers of the partners that it newly reaches, in log order. Record each group before taking
    the next.
    """
    partner_facts, partner_id = folded.history.partner_facts, folded.history.partner_id
    first_ending = 0
    for group in groups:
        before = group[0].fact.append_position
        joining = {data.consultant_id for data in _links(group) if data.partner_id == partner_id}
        earlier = [
            logged.fact
            for consultant_id in sorted(joining)
            if not partner_facts.knows_person(consultant_id)
            for logged in of_people.get(consultant_id, ())
            if logged.fact.append_position < before and not partner_facts.holds(logged.fact)
        ]
        reached = {
            data.partner_id
            for data in _links(group)
            if data.consultant_id in joining or partner_facts.knows_person(data.consultant_id)
        }
        own = [
            logged.fact
            for logged in group
            if logged.broadcast
            or partner_id in (logged.partner_id, logged.into_partner_id)
            or (
                logged.partner_id is not None
                and (
                    logged.partner_id in reached
                    or partner_facts.reaches(logged.partner_id)
                    or any(partner_facts.knows_person(person) for person in shared.who_reach(logged.partner_id))
                )
                if logged.consultant_id is None
                else logged.consultant_id in joining or partner_facts.knows_person(logged.consultant_id)
            )
        ]
        if not own:
            continue
        while first_ending < len(endings) and endings[first_ending].fact.append_position < before:
            ending = endings[first_ending].fact
            if not partner_facts.holds(ending):
                earlier.append(ending)
            first_ending += 1
        yield Group(own, earlier)


def _links(group: Iterable[LoggedFact]) -> Iterator[ConsultantLinked]:
    for logged in group:
        if isinstance(logged.fact.data, ConsultantLinked):
            yield logged.fact.data
