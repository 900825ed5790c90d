"""What was claimed about a partner, each claim with a verdict."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final, Literal

import asyncpg
import msgspec

from services.compliance.database import Connection
from services.compliance.historical_answers.as_of import partner_as_of
from services.compliance.historical_answers.partners import never_mentioned
from services.compliance.historical_answers.questions import AsOfMembers, PartnerClaims
from services.compliance.policy.answers_from_facts import partner_segment
from services.compliance.policy.claim_verdict import Verdict, standings_at, verdict
from services.compliance.policy.parameters import Parameters
from services.web.statements import statements
from shared.events.compliance_events import Standing
from shared.events.envelope import Fact

_SQL: Final = statements(__file__)

_Moment = tuple[str, datetime]
"""A product and an instant."""


class ClaimItem(msgspec.Struct, frozen=True):
    """An authorisation answer that was given, and the verdict.

    `allowed` was answered for `at`, by the facts up to `position`, to the caller `actor`. `now_allowed`: what the facts
    known now say; `then_allowed`: what those known then say, where the claim is not correct. Null: they do not mention
    the partner.
    """

    number: int
    product: str
    customer: Literal["new", "existing"]
    allowed: bool
    at: datetime
    position: int
    policy_id: str
    engine: str
    actor: str
    recorded_at: datetime
    verdict: Verdict
    now_allowed: bool | None
    then_allowed: bool | None


class ClaimsAnswer(msgspec.Struct, frozen=True):
    """A page of claims in the order in which they were recorded, judged by the facts up to `position`.

    `next`: the `after` of the next page; null: there is none.
    """

    partner_id: str
    position: int
    claims: tuple[ClaimItem, ...]
    next: int | None


async def claims(connection: Connection, question: PartnerClaims, parameters: Parameters) -> bytes:
    """The claims about the partner after a number. Raises `NeverMentioned`."""
    moment, facts = await partner_as_of(connection, question.partner_id, AsOfMembers(), parameters)
    rows = await connection.fetch(_SQL["page"], question.partner_id, question.after, question.limit)
    if not rows and partner_segment(facts, question.partner_id, parameters.products[0], moment.at, parameters) is None:
        raise never_mentioned(question.partner_id)
    now = _standings(facts, question.partner_id, rows, parameters)
    items = tuple(_judged(row, facts, now, parameters) for row in rows)
    following = items[-1].number if len(items) == question.limit else None
    return msgspec.json.encode(ClaimsAnswer(question.partner_id, moment.position, items, following))


def _judged(
    row: asyncpg.Record, facts: Sequence[Fact], now: dict[_Moment, Standing | None], parameters: Parameters
) -> ClaimItem:
    """The claim, judged. What was known then is derived only if it decides."""
    claimed, customer = row["allowed"], row["customer"]
    now_allowed = then_allowed = _allowed(now[row["product"], row["at"]], customer)
    if claimed != now_allowed:
        known_then = [fact for fact in facts if fact.position <= row["position"]]
        then = _standings(known_then, row["partner_id"], [row], parameters)
        then_allowed = _allowed(then[row["product"], row["at"]], customer)
    members = {name: value for name, value in row.items() if name in ClaimItem.__struct_fields__}
    return ClaimItem(
        **members,
        verdict=verdict(claimed=claimed, now=now_allowed, then=then_allowed),
        now_allowed=now_allowed,
        then_allowed=then_allowed,
    )


def _standings(
    facts: Sequence[Fact], partner_id: str, rows: Iterable[asyncpg.Record], parameters: Parameters
) -> dict[_Moment, Standing | None]:
    """How the partner stood, by these facts, at the instants that the claims are about."""
    instants: dict[str, list[datetime]] = {}
    for row in rows:
        instants.setdefault(row["product"], []).append(row["at"])
    return {
        (product, instant): standing
        for product, asked in instants.items()
        for instant, standing in standings_at(facts, partner_id, product, asked, parameters)
    }


def _allowed(standing: Standing | None, customer: str) -> bool | None:
    if standing is None:
        return None
    return standing.sell_new if customer == "new" else standing.maintain_existing
