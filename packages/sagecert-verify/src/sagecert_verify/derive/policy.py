"""The policy in force, from instant to instant (R39)."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from sagecert_verify.derive.logged_fact import LoggedFact

FIRST_POLICY_ID: Final = "2021-08"
REVISED: Final = "policy-revised"
WINDOW_DAYS_MAX: Final = 366
MINIMUM_MAX: Final = 99


class Policy(NamedTuple):
    """The numbers and lists in force (R10, R11, R15). `days_by`: the revision that set the days of a window."""

    policy_id: str
    days_by: str
    window_days: int
    minimum: Mapping[str, int]
    programmes: Sequence[str]
    reminder_days: Sequence[int]


FIRST: Final = Policy(
    policy_id=FIRST_POLICY_ID,
    days_by=FIRST_POLICY_ID,
    window_days=30,
    minimum={"VAR": 2, "DEVELOPER": 1},
    programmes=("PARTNER_SUCCESS", "PARTNER_SUCCESS_PLUS"),
    reminder_days=(7, 1),
)
"""Of August 2021: what holds before the first revision."""


class Policies:
    """What is in force at each instant, as known now. `starts`: the instants at which that changes, in order."""

    def __init__(self, revisions: Iterable[LoggedFact] = ()) -> None:
        self.starts: list[datetime] = []
        self._policies = [FIRST]
        for revision in sorted(revisions, key=lambda fact: (fact.effective_at, fact.position)):
            revised = _revised(self._policies[-1], revision)
            if self.starts and self.starts[-1] == revision.effective_at:
                self._policies[-1] = revised
            else:
                self.starts.append(revision.effective_at)
                self._policies.append(revised)

    def at(self, instant: datetime) -> Policy:
        """The policy in force at the instant."""
        return self._policies[bisect_right(self.starts, instant)]


def _revised(policy: Policy, revision: LoggedFact) -> Policy:
    """A revision names only what it changes; of one instant the later recorded wins, term by term."""
    said = revision.data
    minimum, days = said.get("minimum", {}), said.get("window_days", policy.window_days)
    if not 1 <= days <= WINDOW_DAYS_MAX or not all(1 <= number <= MINIMUM_MAX for number in minimum.values()):
        raise ValueError(f"the revision {said['policy_id']} is outside the bounds of R39")
    return policy._replace(
        policy_id=said["policy_id"],
        days_by=said["policy_id"] if "window_days" in said else policy.days_by,
        window_days=days,
        minimum={**policy.minimum, **minimum},
        programmes=said.get("programmes", policy.programmes),
        reminder_days=said.get("reminder_days", policy.reminder_days),
    )
