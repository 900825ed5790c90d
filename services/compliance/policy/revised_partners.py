"""Which partners a revision of the policy, or its void, can change: the others are not derived again."""

from collections.abc import Iterable, Sequence
from typing import Final

from services.compliance.policy.counting_partner import Changed
from services.compliance.policy.enrolment import EnrolmentTimeline
from services.compliance.policy.parameters import Parameters
from services.compliance.policy.policy_timeline import Difference, PolicyTimeline, policy_known
from shared.events.envelope import Fact
from shared.events.facts import FactVoided, Kind, PartnersMerged, PolicyRevised

_NOTHING: Final = Difference([], {}, None)


class Revision:
    """The policy before and after one fact about it, the last of `facts`, which are in log order."""

    def __init__(self, facts: Sequence[Fact], parameters: Parameters) -> None:
        self.before = policy_known(facts[:-1], parameters)
        self.after = policy_known(facts, parameters)
        self._difference = _difference(facts, parameters)

    @property
    def days(self) -> Sequence[Changed]:
        """From when to when windows that open have other days or reminders."""
        return self._difference.days

    @property
    def kinds(self) -> Sequence[Kind]:
        """The kinds of partners with another minimum at some instant."""
        return tuple(self._difference.minimum)

    @property
    def kept_programmes(self) -> Sequence[str] | None:
        """The programmes that stay eligible, if any begins or ceases to be: who is in one of them stays as it is."""
        changed = self._difference.programmes
        if changed is None:
            return None
        before, after = (policy.programmes.at(changed.since).value for policy in (self.before, self.after))
        return [programme for programme in before if programme in after]

    def changes_enrolment(self, facts: Iterable[Fact]) -> bool:
        """Whether minimum or enrolment of a partner differ at some instant. `facts`: those about it as such (R39)."""
        known = list(facts)
        if any(isinstance(fact.data, PartnersMerged) for fact in known):
            return True  # Whether it came about depends on the mergers of others (R35).
        return _enrolments(known, self.before) != _enrolments(known, self.after)


def _difference(facts: Sequence[Fact], parameters: Parameters) -> Difference:
    policy, fact = policy_known(facts[:-1], parameters), facts[-1]
    match fact.data:
        case PolicyRevised():
            return policy.add(fact, fact.data)
        case FactVoided(fact_id):
            voided = next((earlier for earlier in facts if earlier.fact_id == fact_id), None)
            return _NOTHING if voided is None else policy.remove(voided)
        case _:
            return _NOTHING


def _enrolments(facts: Iterable[Fact], policy: PolicyTimeline) -> list[object]:
    timeline = EnrolmentTimeline(policy)
    standing: dict[str, Fact] = {}
    for fact in facts:
        if isinstance(fact.data, FactVoided):
            standing.pop(fact.data.fact_id, None)
        else:
            standing[fact.fact_id] = fact
    for fact in standing.values():
        timeline.add(fact)
    timeline.refresh()
    return list(timeline.enrolments)
