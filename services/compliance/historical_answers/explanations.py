"""Why a partner stands as it does, with the facts behind it."""

from datetime import datetime
from typing import Any, Final

import msgspec

from services.compliance.database import Connection
from services.compliance.historical_answers.as_of import Answer, partner_as_of
from services.compliance.historical_answers.partners import never_mentioned
from services.compliance.historical_answers.questions import PartnerExplanation
from services.compliance.policy.answers_from_facts import partner_grounds
from services.compliance.policy.explanation import CountedConsultant, LostConsultant, Remedy, RunningWindow, explanation
from services.compliance.policy.parameters import Parameters
from services.compliance.policy.policy_timeline import policy_known
from services.compliance.policy.reason import Reason
from services.web.statements import statements
from shared.events.compliance_events import Status
from shared.events.envelope import Fact
from shared.events.facts import TOPIC_OF
from shared.events.wire import decode

_SQL: Final = statements(__file__)


class NamedFact(msgspec.Struct, frozen=True):
    """A fact that an answer names, as recorded. `proof`: where its proof of inclusion in the log is."""

    fact_id: str
    position: int
    type: str
    effective_at: datetime
    recorded_at: datetime
    actor: str
    data: dict[str, Any]
    proof: str


class ProvedFact(NamedFact, frozen=True):
    """A fact with its proof.

    `entry`: the exact text that is sealed of it. `tlog_proof`: that this text is in the log (C2SP tlog-proof). Both are
    null where the fact is not proved here; the member `unproved` of the explanation says why.
    """

    entry: str | None = None
    tlog_proof: str | None = None


class ExplanationAnswer(Answer, frozen=True, kw_only=True):
    """The standing, the argument for it in `steps`, who counts, who was lost, what is missing, what would mend it.

    `linked_only`: who is linked to the partner and does not count. The members ending in `_omitted` say how many more
    there are. `facts`: those named, in log order. `unproved`: why some of them carry no proof, in sentences.
    """

    partner_id: str
    product: str
    status: Status
    sell_new: bool
    maintain_existing: bool
    headcount: int
    minimum: int | None
    shortfall: int | None
    steps: tuple[Reason, ...]
    counted: tuple[CountedConsultant, ...]
    counted_omitted: int
    lost: tuple[LostConsultant, ...]
    lost_omitted: int
    windows: tuple[RunningWindow, ...]
    linked_only: tuple[str, ...]
    linked_only_omitted: int
    remedies: tuple[Remedy, ...]
    facts: tuple[ProvedFact, ...]
    unproved: tuple[str, ...]
    next_change_at: datetime | None


async def partner_explanation(connection: Connection, question: PartnerExplanation, parameters: Parameters) -> bytes:
    """The explanation, without the proofs of its facts. Raises `NeverMentioned`."""
    moment, facts = await partner_as_of(connection, question.partner_id, question.moment, parameters)
    found = partner_grounds(facts, question.partner_id, question.product, moment.at, parameters)
    if found is None:
        raise never_mentioned(question.partner_id)
    grounds, segment = found
    rows = await connection.fetch(_SQL["named"], grounds.fact_ids())
    named = [decode(*row) for row in rows]
    programmes = policy_known(facts, parameters).programmes.at(moment.at).value
    explained = explanation(grounds, question.partner_id, programmes, {fact.fact_id: fact for fact in named})
    standing = segment.standing
    answer = ExplanationAnswer(
        **moment.members,
        partner_id=question.partner_id,
        product=question.product,
        status=standing.status,
        sell_new=standing.sell_new,
        maintain_existing=standing.maintain_existing,
        headcount=standing.headcount,
        minimum=standing.minimum,
        shortfall=standing.shortfall,
        **msgspec.structs.asdict(explained),
        facts=tuple(ProvedFact(**msgspec.structs.asdict(named_fact(fact))) for fact in named),
        unproved=(),
        next_change_at=moment.next_change(segment.next_change_at),
    )
    return msgspec.json.encode(answer)


def named_fact(fact: Fact) -> NamedFact:
    """The fact as recorded, with the place of its proof."""
    return NamedFact(
        fact_id=fact.fact_id,
        position=fact.position,
        type=TOPIC_OF[type(fact.data)],
        effective_at=fact.effective_at,
        recorded_at=fact.recorded_at,
        actor=fact.actor,
        data=msgspec.to_builtins(fact.data),
        proof=f"/certification/v1/facts/{fact.fact_id}/proof",
    )
