"""Which of the partners that a batch touches can change.

A fact about a person touches every partner that the person was ever linked to, and changes few of them. If very many
are touched, the links of the person are followed once for all of them.
"""

from bisect import bisect_right
from collections.abc import Awaitable, Callable, Iterable, Sequence
from itertools import groupby
from typing import Final

from services.compliance.database import Connection
from services.compliance.policy.affected_partners import AffectedPartners
from services.compliance.policy.parameters import Parameters
from services.compliance.policy.step_position import StepPosition
from services.compliance.projection.plan import Plan
from services.compliance.projection.revised_partners import revised_partners
from services.compliance.read_model.backlog import Backlog
from services.compliance.read_model.routing import LoggedFact, endings_of, facts_about_people, feeders, people_linked_to
from shared.events.facts import ConsultantLinked, FactVoided, PartnerClosed, PartnersMerged

Pause = Callable[[], Awaitable[None]]
_FACTS_AT_ONCE: Final = 1_000


async def concerned_partners(
    connection: Connection, plan: Plan, backlog: Backlog, parameters: Parameters, unnamed_max: int, pause: Pause
) -> set[str]:
    """Those of the plan's partners that can have a step in the batch; the others stay as they are.

    A portal change concerns every partner, a revision of the policy those whom it changes. `unnamed_max`: up to so many
    partners that no fact names are not worth the test. `pause`: called between two parts of the work. Of people who are
    shared the groups say themselves whom they concern.
    """
    if plan.last is None or plan.broadcast:
        return plan.partner_ids
    if plan.revision:
        due = {partner_id for due_at, partner_id in backlog.timers if StepPosition(due_at, 0, partner_id) <= plan.end}
        candidates = plan.partner_ids - due
        return due & plan.partner_ids | await revised_partners(connection, plan.last, parameters, candidates)
    through = plan.last.append_position
    unnamed = plan.partner_ids.difference(
        partner_id for due_at, partner_id in backlog.timers if due_at <= plan.end.instant
    )
    if len(unnamed) <= unnamed_max:
        return plan.partner_ids
    facts = backlog.facts(through)
    unnamed.difference_update(*(group.concerned for group in backlog.groups))
    ending = await feeders(connection, sorted(_ended(facts)))
    unnamed.difference_update(ending, *((logged.partner_id, logged.into_partner_id) for logged in facts))
    if len(unnamed) <= unnamed_max:
        return plan.partner_ids
    people = {logged.consultant_id for logged in facts if logged.consultant_id is not None}
    people.update(await people_linked_to(connection, ending, through))
    known = await facts_of(connection, sorted(people - backlog.shared), through)
    return plan.partner_ids - (unnamed - await _concerned(known, backlog.progress.position, parameters, pause))


def _ended(facts: Iterable[LoggedFact]) -> set[str]:
    """The partners that are closed or merged, or, by a void, no longer."""
    return {
        logged.partner_id
        for logged in facts
        if logged.partner_id is not None
        and logged.consultant_id is None
        and isinstance(logged.fact.data, FactVoided | PartnerClosed | PartnersMerged)
    }


async def _concerned(known: Sequence[LoggedFact], position: int, parameters: Parameters, pause: Pause) -> set[str]:
    """The partners for which the facts after `position` change links of people."""
    concern = AffectedPartners(parameters)
    first_later = bisect_right(known, position, key=lambda logged: logged.fact.position)
    for first in range(0, first_later, _FACTS_AT_ONCE):
        concern.add(logged.fact for logged in known[first : min(first + _FACTS_AT_ONCE, first_later)])
        await pause()
    for _ in concern.follow():
        await pause()
    found: set[str] = set()
    later = (logged.fact for logged in known[first_later:])
    for _, group in groupby(later, key=lambda fact: fact.append_position):
        found |= concern.concerned(list(group))
        await pause()
    return found


async def facts_of(connection: Connection, people: Sequence[str], through: int) -> list[LoggedFact]:
    """Every fact about the people, and the endings of all partners that they were ever linked or taken to."""
    facts = {logged.fact.position: logged for logged in await facts_about_people(connection, people, through)}
    links = (logged.fact.data for logged in facts.values())
    coming = {link.partner_id for link in links if isinstance(link, ConsultantLinked)}
    reached: set[str] = set()
    while coming:
        reached |= coming
        endings = await endings_of(connection, sorted(coming), through)
        facts.update((logged.fact.position, logged) for logged in endings)
        coming = {logged.into_partner_id for logged in endings if logged.into_partner_id is not None} - reached
    return [facts[position] for position in sorted(facts)]
