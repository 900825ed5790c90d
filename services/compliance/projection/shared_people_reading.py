"""Reading what the shared people of a batch need: all about those who are new, else what the groups bring."""

from collections.abc import Sequence, Set
from typing import NamedTuple

from services.compliance.database import Connection
from services.compliance.policy.parameters import Parameters
from services.compliance.projection.affected_partners import Pause, facts_of
from services.compliance.projection.shared_people import SharedPeople, SharedPerson
from services.compliance.read_model.backlog import Backlog
from services.compliance.read_model.routing import LoggedFact, endings_of
from shared.events.facts import FactVoided, PartnerClosed, PartnersMerged


class Followed(NamedTuple):
    """The backlog, its groups with the partners that they concern; and whether any people were not shared before."""

    backlog: Backlog
    any_new: bool


async def follow_shared(
    connection: Connection, shared: SharedPeople, backlog: Backlog, parameters: Parameters, pause: Pause
) -> Followed:
    """The shared people take in the groups of the backlog. `pause`: called between two parts of the work."""
    if not backlog.shared:
        return Followed(backlog, any_new=False)
    through = backlog.groups[-1].append_position
    facts = _of_people(backlog.shared, backlog.facts(through))
    to_read = {*backlog.shared - shared.ids, *await _ended(connection, shared, facts, through)}
    for consultant_id in sorted(backlog.shared):
        if consultant_id in to_read:
            person = SharedPerson(consultant_id, parameters)
            person.begin(await facts_of(connection, [consultant_id], through), backlog.progress.position)
            shared.put(consultant_id, person)
        else:
            shared.take_in(consultant_id, facts[consultant_id])
        await pause()
    shared.make_room(backlog.shared)
    groups = [group.concerning(shared.concerned_by(group.append_position)) for group in backlog.groups]
    return Followed(backlog._replace(groups=groups), bool(to_read))


def _of_people(people: Set[str], facts: Sequence[LoggedFact]) -> dict[str, list[LoggedFact]]:
    """The facts about each of the people, and for all of them the endings of partners, in log order."""
    found: dict[str, list[LoggedFact]] = {consultant_id: [] for consultant_id in people}
    endings = [
        logged
        for logged in facts
        if logged.consultant_id is None
        and logged.partner_id is not None
        and isinstance(logged.fact.data, FactVoided | PartnerClosed | PartnersMerged)
    ]
    for logged in facts:
        if logged.consultant_id in found:
            found[logged.consultant_id].append(logged)
    if endings:
        for about in found.values():
            about += endings
            about.sort(key=_position)
    return found


def _position(logged: LoggedFact) -> int:
    return logged.fact.position


async def _ended(
    connection: Connection, shared: SharedPeople, facts: dict[str, list[LoggedFact]], through: int
) -> set[str]:
    """The people who newly reach a partner that ended before: its endings are not among what is taken in."""
    reached: dict[str, set[str]] = {}
    for consultant_id in facts.keys() & shared.ids:
        for partner_id in shared.newly_reached(consultant_id, facts[consultant_id]):
            reached.setdefault(partner_id, set()).add(consultant_id)
    if not reached:
        return set()
    endings = await endings_of(connection, sorted(reached), through)
    return {consultant_id for ending in endings for consultant_id in reached[ending.partner_id or ""]}
