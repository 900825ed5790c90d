"""The policy in force at an instant, by its revisions (R39).

`facts`: the facts in force, in log order.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from tests.oracle.rules.facts import Fact, PolicyRevised
from tests.oracle.rules.once import once

FIRST_POLICY: Final = "2021-08"


@dataclass(frozen=True)
class Policy:
    """What holds; without a revision, the requirements of August 2021.

    `policy`: the last revision, whatever it changes. `days_set_by`: the last one that sets `window_days`.
    """

    policy: str = FIRST_POLICY
    window_days: int = 30
    days_set_by: str = FIRST_POLICY
    minimum: Mapping[str, int] = field(default_factory=lambda: {"VAR": 2, "DEVELOPER": 1})
    programmes: Sequence[str] = ("PARTNER_SUCCESS", "PARTNER_SUCCESS_PLUS")
    reminder_days: Sequence[int] = (7, 1)


@once
def policy_at(facts: Sequence[Fact], at: datetime) -> Policy:
    """Every revision effective by now changes what it names; of one instant, the later recorded comes later."""
    revisions = [fact for fact in facts if isinstance(fact, PolicyRevised) and fact.effective_at <= at]
    policy = Policy()
    for revision in sorted(revisions, key=lambda fact: fact.effective_at):  # within an instant, log order stays
        policy = revised(policy, revision)
    return policy


def revised(policy: Policy, revision: PolicyRevised) -> Policy:
    """The policy after one revision: what it does not name stays."""
    policy = replace(policy, policy=revision.policy)
    if revision.window_days is not None:
        policy = replace(policy, window_days=revision.window_days, days_set_by=revision.policy)
    if revision.minimum is not None:
        policy = replace(policy, minimum={**policy.minimum, **revision.minimum})
    if revision.programmes is not None:
        policy = replace(policy, programmes=revision.programmes)
    if revision.reminder_days is not None:
        policy = replace(policy, reminder_days=revision.reminder_days)
    return policy
