"""Why a partner stands as it does, with the facts behind it."""

from collections.abc import Sequence
from datetime import datetime
from operator import attrgetter
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

WITHOUT_PROOFS: Final = "Asked for without proofs. Each fact has its proof at its address."

_SQL: Final = statements(__file__)
_by_position: Final = attrgetter("position")


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
    named = await _named(connection, grounds.fact_ids(), facts)
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
        unproved=(WITHOUT_PROOFS,) if question.proofs == "none" else (),
        next_change_at=moment.next_change(segment.next_change_at),
    )
    return msgspec.json.encode(answer)


async def _named(connection: Connection, fact_ids: Sequence[str], routed: Sequence[Fact]) -> list[Fact]:
    """The facts of these ids, in log order. Those that are routed to the partner are here already."""
    here = {fact.fact_id: fact for fact in routed}
    missing = [fact_id for fact_id in fact_ids if fact_id not in here]
    rows = await connection.fetch(_SQL["named"], missing) if missing else ()
    here |= {fact.fact_id: fact for fact in (decode(*row) for row in rows)}
    return sorted((here[fact_id] for fact_id in fact_ids if fact_id in here), key=_by_position)


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
