"""Which of the partners that a batch touches can change.

A fact about a person touches every partner that the person was ever linked to, and changes few of them. If very many
are touched, the links of the person are followed once for all of them.
"""

from collections.abc import Iterable, Sequence
from itertools import groupby

from services.compliance.database import Connection
from services.compliance.policy.affected_partners import AffectedPartners
from services.compliance.policy.parameters import Parameters
from services.compliance.policy.step_position import StepPosition
from services.compliance.projection.plan import Plan
from services.compliance.projection.revised_partners import revised_partners
from services.compliance.read_model.backlog import Backlog
from services.compliance.read_model.routing import (
    LoggedFact,
    endings_of,
    facts_about_people,
    newer_facts,
    people_linked_to,
    survivors,
)
from shared.events.facts import ConsultantLinked


async def concerned_partners(
    connection: Connection, plan: Plan, backlog: Backlog, parameters: Parameters, unnamed_max: int
) -> set[str]:
    """Those of the plan's partners that can have a step in the batch; the others stay as they are.

    A portal change or a merger concerns every partner that it touches, a revision of the policy those whom it changes.
    `unnamed_max`: up to so many partners that no fact names are not worth the test.
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
    facts: list[LoggedFact] = []
    if len(unnamed) > unnamed_max:
        facts = await newer_facts(connection, backlog.checkpoint.position, through)
        unnamed -= await _touched_as_such(connection, facts, backlog)
    if len(unnamed) <= unnamed_max:
        return plan.partner_ids
    unnamed -= await _concerned(connection, facts, backlog.checkpoint.position, through, parameters)
    return plan.partner_ids - unnamed


async def _touched_as_such(connection: Connection, facts: Iterable[LoggedFact], backlog: Backlog) -> set[str]:
    """The partners that the facts name, and those that a merger, or the end of a survivor, touches."""
    named: set[str] = set()
    ended: dict[str, set[int]] = {}
    whole: set[int] = set()
    for logged in facts:
        if logged.partner_id is not None:
            named.add(logged.partner_id)
            if logged.consultant_id is None:
                ended.setdefault(logged.partner_id, set()).add(logged.fact.append_position)
        if logged.into_partner_id is not None:
            whole.add(logged.fact.append_position)
    for survivor in await survivors(connection, sorted(ended)):
        whole |= ended[survivor]
    return named.union(*(group.partner_ids for group in backlog.groups if group.append_position in whole))


async def _concerned(
    connection: Connection, newer: Sequence[LoggedFact], position: int, through: int, parameters: Parameters
) -> set[str]:
    """The partners for which the facts after `position` change links of people."""
    ended = {logged.partner_id for logged in newer if logged.partner_id is not None and logged.consultant_id is None}
    people = {logged.consultant_id for logged in newer if logged.consultant_id is not None}
    people.update(await people_linked_to(connection, sorted(ended), through))
    known = await _facts_of(connection, sorted(people), through)
    concern = AffectedPartners(parameters)
    concern.add(logged.fact for logged in known if logged.fact.position <= position)
    found: set[str] = set()
    later = [logged.fact for logged in known if logged.fact.position > position]
    for _, group in groupby(later, key=lambda fact: fact.append_position):
        found |= concern.concerned(list(group))
    return found


async def _facts_of(connection: Connection, people: Sequence[str], through: int) -> list[LoggedFact]:
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
