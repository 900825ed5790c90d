"""Resuming the kept histories of the partners that a batch touches."""

from collections.abc import AsyncIterator, Container, Iterable, Sequence
from itertools import groupby

from services.compliance.database import Connection
from services.compliance.policy.partner_history import PublicationUnknown
from services.compliance.policy.step_position import StepPosition
from services.compliance.projection.affected_partners import Pause
from services.compliance.projection.history_cache import (
    CannotResume,
    HistoryCache,
    routed_groups,
    unknown_people,
    unreached_partners,
)
from services.compliance.projection.plan import Plan
from services.compliance.projection.replay import resume
from services.compliance.projection.shared_people import SharedPeople
from services.compliance.read_model.backlog import Backlog
from services.compliance.read_model.routing import LoggedFact, endings_of, facts_about_people
from services.compliance.read_model.rows import PartnerRows
from shared.events.facts import PartnersMerged

Facts = Sequence[LoggedFact]


class Resumption:
    """The new facts of each partner, and the earlier facts that they route to it, read from the log.

    `not_further`: partners whose kept history cannot take them in.
    """

    def __init__(self, folded: HistoryCache, shared: SharedPeople, groups: dict[str, list[Facts]]) -> None:
        self.not_further: set[str] = set()
        self._folded = folded
        self._shared = shared
        self._groups = groups
        self._people: dict[str, set[str]] = {}
        self._of_people: dict[str, Facts] = {}
        self._partners: dict[str, set[str]] = {}
        self._endings: dict[str, Facts] = {}

    @classmethod
    async def prepare(
        cls,
        connection: Connection,
        folded: HistoryCache,
        shared: SharedPeople,
        partner_ids: Sequence[str],
        plan: Plan,
        backlog: Backlog,
        through: int,
    ) -> "Resumption":
        """Finds the facts that these histories need to reach the end of the plan; the backlog has most of them."""
        resumption = cls(folded, shared, _groups_of(partner_ids, backlog.facts(through), plan, backlog))
        await resumption._read_people(connection, backlog, through)
        await resumption._read_endings(connection, through)
        return resumption

    async def _read_people(self, connection: Connection, backlog: Backlog, through: int) -> None:
        for partner_id, groups in self._groups.items():
            folded = self._folded.get(partner_id)
            try:
                if folded is None:
                    raise CannotResume
                self._people[partner_id] = unknown_people(folded, groups, self._shared)
            except CannotResume:
                self.not_further.add(partner_id)
        unknown = set[str]().union(*self._people.values())
        self._of_people.update(self._shared.statements(unknown, through))
        self._of_people.update(backlog.facts_about_people(unknown.difference(self._of_people), through))
        unread = sorted(unknown.difference(self._of_people))
        if unread:
            facts = sorted(await facts_about_people(connection, unread, through), key=_consultant_id)
            self._of_people.update((key, list(found)) for key, found in groupby(facts, key=_consultant_id))

    async def _read_endings(self, connection: Connection, through: int) -> None:
        for partner_id, people in self._people.items():
            folded = self._folded.get(partner_id)
            if folded is not None:
                known = [logged for group in self._groups[partner_id] for logged in group]
                known += [logged for person in people for logged in self._of_people.get(person, ())]
                self._partners[partner_id] = unreached_partners(folded, people, known, self._shared.ids)
        unreached = sorted(set[str]().union(*self._partners.values()))
        if unreached:
            facts = sorted(await endings_of(connection, unreached, through), key=_partner_id)
            self._endings = {key: list(found) for key, found in groupby(facts, key=_partner_id)}
        for partner_id, partners in self._partners.items():
            endings = (ending for reached in partners for ending in self._endings.get(reached, ()))
            if any(isinstance(ending.fact.data, PartnersMerged) for ending in endings):
                self.not_further.add(partner_id)

    async def derived(self, until: StepPosition, concerned: Container[str], pause: Pause) -> AsyncIterator[PartnerRows]:
        """The rows of each partner that changes; `not_further` is complete afterwards.

        `concerned`: the partners that can have a step; the histories of the others take their facts in.
        `pause`: called before each history.
        """
        for partner_id, groups in self._groups.items():
            folded = self._folded.get(partner_id)
            if folded is None or partner_id in self.not_further:
                continue
            await pause()
            endings = [ending for reached in self._partners[partner_id] for ending in self._endings.get(reached, ())]
            endings.sort(key=_position)
            routed = routed_groups(folded, groups, self._of_people, endings, self._shared)
            if partner_id in concerned:
                try:
                    found = resume(folded.history, routed, until)
                except PublicationUnknown:
                    self.not_further.add(partner_id)
                    continue
                if found is not None:
                    yield folded.changed_rows(found)
            else:
                for group in routed:
                    folded.history.add_without_effect((*group.earlier, *group.facts))
            self._folded.keep(partner_id, folded)


def _groups_of(partner_ids: Iterable[str], facts: Facts, plan: Plan, backlog: Backlog) -> dict[str, list[Facts]]:
    """For each partner the groups that touch it, up to the end of the plan, and that it has not recorded yet."""
    found: dict[str, list[Facts]] = {partner_id: [] for partner_id in partner_ids}
    logged = {position: list(group) for position, group in groupby(facts, key=_append_position)}
    cursor = backlog.progress.cursor
    for group in backlog.groups:
        of_group = logged.get(group.append_position)
        if of_group is None or (plan.last is None or group.append_position > plan.last.append_position):
            continue
        key = StepPosition(group.recorded_at, group.append_position, "")
        touched = found.keys() if group.broadcast or group.revision else found.keys() & group.partner_ids
        for partner_id in touched:
            if cursor < key._replace(partner_id=partner_id) <= plan.end:
                found[partner_id].append(of_group)
    return found


def _append_position(logged: LoggedFact) -> int:
    return logged.fact.append_position


def _position(logged: LoggedFact) -> int:
    return logged.fact.position


def _consultant_id(logged: LoggedFact) -> str:
    return logged.consultant_id or ""


def _partner_id(logged: LoggedFact) -> str:
    return logged.partner_id or ""
