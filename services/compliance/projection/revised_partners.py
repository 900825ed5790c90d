"""The partners that a revision of the policy changes, from the log and the windows of the read model (R39)."""

from collections.abc import Collection
from itertools import groupby

from services.compliance.database import Connection
from services.compliance.policy.parameters import Parameters
from services.compliance.policy.revised_partners import Revision
from services.compliance.read_model.backlog import Group
from services.compliance.read_model.revision_candidates import (
    facts_of_enrolment,
    partners_to_revise,
    partners_with_windows,
)
from services.compliance.read_model.routing import revisions


async def candidates_after(
    connection: Connection, group: Group, parameters: Parameters, after: str, partners_max: int
) -> list[str]:
    """The first partners after `after` that the revision may change, in order."""
    revision = await _revision(connection, group, parameters)
    return await partners_to_revise(
        connection, after, group.append_position, revision.kinds, revision.kept_programmes, revision.days, partners_max
    )


async def revised_partners(
    connection: Connection, group: Group, parameters: Parameters, candidates: Collection[str]
) -> set[str]:
    """The candidates of whom the revision changes a window, known or foreseen, the minimum or the enrolment."""
    revision = await _revision(connection, group, parameters)
    found = await partners_with_windows(connection, sorted(candidates), revision.days)
    if revision.kinds or revision.kept_programmes is not None:
        others = sorted(set(candidates) - found)
        facts = await facts_of_enrolment(connection, others, group.append_position)
        for partner_id, about in groupby(facts, key=lambda logged: logged[0]):
            if revision.changes_enrolment(fact for _, fact in about):
                found.add(partner_id)
    return found


async def _revision(connection: Connection, group: Group, parameters: Parameters) -> Revision:
    return Revision(await revisions(connection, group.append_position), parameters)
