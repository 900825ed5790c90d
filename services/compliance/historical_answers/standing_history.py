"""How one partner stood over time, within bounds: the data of its picture."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Final

import msgspec

from services.compliance.database import Connection
from services.compliance.historical_answers.as_of import Answer, partner_as_of
from services.compliance.historical_answers.partners import never_mentioned
from services.compliance.historical_answers.questions import PartnerStandings
from services.compliance.policy.parameters import Parameters
from services.compliance.policy.policy_timeline import policy_known
from services.compliance.policy.standing_history import PersonSpan, StandingSpan, standing_history
from services.compliance.read_model.names import consultant_names, partner_name
from services.compliance.read_model.routing import revisions

PEOPLE_MAX: Final = 100
"""People whose spans an answer has."""
_BEFORE_ALL: Final = datetime(1970, 1, 1, tzinfo=UTC)


class PersonAtPartner(msgspec.Struct, frozen=True):
    """A person is linked to the partner (`product` null), or counts there for the product, from `from` until `to`.

    `name`: null if it is unknown or erased.
    """

    consultant_id: str
    name: str | None
    product: str | None
    start: datetime = msgspec.field(name="from")
    to: datetime | None


class PolicyStart(msgspec.Struct, frozen=True):
    """A revision of the policy, and from when on it is in force (R39)."""

    policy_id: str
    fact_id: str
    start: datetime = msgspec.field(name="from")


class StandingsAnswer(Answer, frozen=True, kw_only=True):
    """The spans of each product in order, and those of people, by id.

    Spans that begin after `at` follow if no fact comes. Of each product the latest `limit` are there, and of people a
    hundred: those who are linked or count now, the longest first, then those who did until latest. The members ending
    in `_omitted` say how many more there are. `policies`: the latest `limit` revisions of the policy, in the order of
    their instants.
    """

    partner_id: str
    name: str | None
    standings: tuple[StandingSpan, ...]
    standings_omitted: int
    people: tuple[PersonAtPartner, ...]
    people_omitted: int
    policies: tuple[PolicyStart, ...]


async def partner_standings(connection: Connection, question: PartnerStandings, parameters: Parameters) -> bytes:
    """The spans. Raises `NeverMentioned`."""
    moment, facts = await partner_as_of(connection, question.partner_id, question.moment, parameters)
    history = standing_history(facts, question.partner_id, parameters)
    if history is None:
        raise never_mentioned(question.partner_id)
    spans, people = history
    shown = [span for product in parameters.products for span in _of(spans, product)[-question.limit :]]
    shown_people, omitted = _latest(people)
    names = await consultant_names(connection, sorted({span.consultant_id for span in shown_people}))
    answer = StandingsAnswer(
        **moment.members,
        partner_id=question.partner_id,
        name=await partner_name(connection, question.partner_id),
        standings=tuple(shown),
        standings_omitted=len(spans) - len(shown),
        people=tuple(
            PersonAtPartner(span.consultant_id, names.get(span.consultant_id), span.product, span.start, span.to)
            for span in shown_people
        ),
        people_omitted=omitted,
        policies=tuple(await _policies(connection, moment.position, parameters))[-question.limit :],
    )
    return msgspec.json.encode(answer)


async def _policies(connection: Connection, position: int, parameters: Parameters) -> Iterator[PolicyStart]:
    """Every revision of the policy that is known at the position, in the order of their instants."""
    in_force = policy_known(await revisions(connection, position), parameters).in_force
    settings = map(in_force.at, dict.fromkeys(in_force.starts(_BEFORE_ALL)))
    return (PolicyStart(term.policy_id, term.fact_id, term.since) for term in settings if term.fact_id and term.since)


def _of(spans: Sequence[StandingSpan], product: str) -> list[StandingSpan]:
    return [span for span in spans if span.product == product]


def _latest(people: Sequence[PersonSpan]) -> tuple[list[PersonSpan], int]:
    """The spans of those who stay, the longest first, then of those who left last; and how many people have others."""
    last: dict[str, tuple[bool, float]] = {}
    for span in people:
        end = (True, -span.start.timestamp()) if span.to is None else (False, span.to.timestamp())
        last[span.consultant_id] = max(last.get(span.consultant_id, end), end)
    ids = sorted(last, key=lambda consultant_id: last[consultant_id], reverse=True)[:PEOPLE_MAX]
    kept = set(ids)
    return [span for span in people if span.consultant_id in kept], len(last) - len(kept)
