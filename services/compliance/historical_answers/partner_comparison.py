"""A partner at another moment, beside what is known of it now: the two clocks side by side."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from services.compliance.database import Connection
from services.compliance.historical_answers.as_of import AsOf, partner_as_of
from services.compliance.historical_answers.partner_changes import StandingSummary, summaries
from services.compliance.historical_answers.partners import EveryProductAnswer, every_product_known, never_mentioned
from services.compliance.historical_answers.questions import AsOfMembers, PartnerComparison
from services.compliance.historical_answers.timeline import entries_between
from services.compliance.policy.learned_changes import KnownStandings
from services.compliance.policy.parameters import Parameters
from services.compliance.read_model.names import partner_name
from services.compliance.refusals import NeverMentioned
from shared.events.envelope import Fact


class ComparedStandings(msgspec.Struct, frozen=True):
    """How the partner stands at `at` for each product, judged from the facts up to `position`."""

    at: datetime
    known_at: datetime
    position: int
    products: tuple[StandingSummary, ...]


class PartnerComparisonAnswer(msgspec.Struct, frozen=True):
    """Three answers about a partner.

    `then`: the whole answer for the moment that was asked for; null: no fact known by then mentions the partner.
    `hindsight`: the same instant, as known now. `now`: the present. `happened`: as many entries of the timeline as were
    asked for, after the instant and up to now, in order; `happened_more`: there are others.
    """

    partner_id: str
    name: str | None
    then: EveryProductAnswer | None
    hindsight: ComparedStandings
    now: ComparedStandings
    happened: tuple[dict[str, Any], ...]
    happened_more: bool


async def partner_comparison(connection: Connection, question: PartnerComparison, parameters: Parameters) -> bytes:
    """The answers. Raises `NeverMentioned` if no fact that is known now mentions the partner."""
    partner_id = question.partner_id
    moment, known_then = await partner_as_of(connection, partner_id, question.moment, parameters)
    present, facts = await partner_as_of(connection, partner_id, AsOfMembers(), parameters)
    try:
        then = await every_product_known(connection, known_then, partner_id, moment, parameters)
    except NeverMentioned:
        then = b"null"
    happened = await _happened(connection, question, moment.at, present, facts, parameters)
    answer = PartnerComparisonAnswer(
        partner_id=partner_id,
        name=await partner_name(connection, partner_id),
        then=msgspec.Raw(then),  # type: ignore[arg-type]  # it is encoded already
        hindsight=_standings(partner_id, moment.at, present, facts, parameters),
        now=_standings(partner_id, present.at, present, facts, parameters),
        happened=tuple(happened[: question.happened]),
        happened_more=len(happened) > question.happened,
    )
    return msgspec.json.encode(answer)


def _standings(
    partner_id: str, at: datetime, present: AsOf, facts: Sequence[Fact], parameters: Parameters
) -> ComparedStandings:
    """How the partner stands at the instant, by all facts that are known now."""
    known = KnownStandings(partner_id, at, parameters)
    known.add(facts)
    standings = known.standings()
    if not standings:
        raise never_mentioned(partner_id)
    return ComparedStandings(at, present.known_at, present.position, summaries(standings))


async def _happened(
    connection: Connection,
    question: PartnerComparison,
    since: datetime,
    present: AsOf,
    facts: Sequence[Fact],
    parameters: Parameters,
) -> list[dict[str, Any]]:
    """One entry of the timeline more than are asked for, if there are so many."""
    if not question.happened or since >= present.at:
        return []
    limits = since, present.at, present.position
    return await entries_between(connection, facts, question.partner_id, *limits, parameters, question.happened + 1)
