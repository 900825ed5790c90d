"""The policy as it is known at a position of the log."""

from collections import OrderedDict
from collections.abc import Iterable
from typing import Final

from services.compliance.database import Connection
from services.compliance.policy.parameters import PARAMETERS
from services.compliance.policy.policy_timeline import PolicyTimeline, policy_known
from services.compliance.read_model.routing import policy_facts
from services.compliance.read_model.rows import RevisionRow
from services.web.statements import statements
from shared.events.envelope import Fact
from shared.events.facts import FIRST_POLICY_ID, FactVoided, PolicyRevised

KEPT_MAX: Final = 64

IN_FORCE: Final = statements(__file__, first_policy_id=FIRST_POLICY_ID)["in_force"]
"""Behind `known (at, position)`: the policy then, and when the next comes into force. It reads no log."""

_kept: Final[OrderedDict[str | None, PolicyTimeline]] = OrderedDict({None: PolicyTimeline(PARAMETERS)})
"""Policies by the last fact about the policy, from which the earlier ones follow. They are never changed."""


async def policy_through(connection: Connection, fact_id: str | None) -> PolicyTimeline:
    """The policy by the facts up to the one that `POLICY_KNOWN` found (None: before any). Do not change it."""
    policy = _kept.get(fact_id)
    if policy is None:
        assert fact_id is not None, "the first policy is always kept"
        policy = _kept[fact_id] = policy_known(await policy_facts(connection, fact_id), PARAMETERS)
        if len(_kept) > KEPT_MAX:
            del _kept[next(key for key in _kept if key is not None)]
    return policy


def revision_rows(facts: Iterable[Fact]) -> list[RevisionRow]:
    """The rows of the revisions among the facts about the policy, in log order."""
    rows: dict[str, RevisionRow] = {}
    for fact in facts:
        match fact.data:
            case PolicyRevised(policy_id):
                rows[fact.fact_id] = RevisionRow(fact.position, fact.fact_id, policy_id, fact.effective_at, None)
            case FactVoided(fact_id) if fact_id in rows:
                rows[fact_id] = rows[fact_id]._replace(voided_position=fact.position)
            case _:
                pass
    return list(rows.values())
