"""A revision of the policy: recorded once, and again after a void (R33, R34, R39)."""

from datetime import datetime
from typing import Final

import msgspec
from msgspec.structs import replace

from services.certification.domain.fact_report import FactReport, Recorded, Repeated
from services.certification.domain.refusals import OtherContentRecorded, RevisedBeforeRecording
from shared.events.envelope import Fact
from shared.events.facts import FIRST_POLICY_ID, FactVoided, PolicyRevised
from shared.events.wire import instant_text


class PolicyRevision(msgspec.Struct, frozen=True):
    """The revision under one policy id that is recorded and not voided: a void leaves the id free (R33, R34)."""

    recorded: Fact | None = None


NO_REVISION: Final = PolicyRevision()


def decide(revision: PolicyRevision, report: FactReport, data: PolicyRevised, now: datetime) -> Recorded | Repeated:
    """Records a new revision, recognises one recorded before, whatever its reason.

    Raises `OtherContentRecorded`, also for the id of the first policy (R34), and `RevisedBeforeRecording` (R39).
    """
    if data.policy_id == FIRST_POLICY_ID:
        raise OtherContentRecorded(
            f"{FIRST_POLICY_ID} is the policy before the first revision: give another policy_id."
        )
    if revision.recorded is not None:
        if _repeats(report, data, revision.recorded):
            return Repeated(revision.recorded)
        detail = f"Policy {data.policy_id} is already recorded with other content: give another policy_id."
        raise OtherContentRecorded(detail, recorded=revision.recorded)
    if report.effective_at is not None and report.effective_at < now:
        raise RevisedBeforeRecording(
            f"A revision takes effect when it is recorded ({instant_text(now)}) or later, not at "
            f"{instant_text(report.effective_at)}: what was answered before stays. Leave effective_at out for now."
        )
    return Recorded(report.fact(now))


def evolve(revision: PolicyRevision, fact: Fact) -> PolicyRevision:
    """The revision after a fact of its stream."""
    match fact.data:
        case PolicyRevised():
            return PolicyRevision(fact)
        case FactVoided(fact_id) if revision.recorded is not None and revision.recorded.fact_id == fact_id:
            return NO_REVISION
        case _:
            return revision


def _repeats(report: FactReport, data: PolicyRevised, fact: Fact) -> bool:
    """Whether the report says the same. Its reason counts for nothing: the hash of one is salted."""
    assert isinstance(fact.data, PolicyRevised)
    same = replace(report, data=replace(data, reason_hash=fact.data.reason_hash))
    return same.repeats(fact)
