"""Facts that changed nothing, and why, in pages along the log."""

from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, Final

import asyncpg
import msgspec

from services.compliance.database import Connection
from services.compliance.historical_answers.as_of import (
    CURSOR_INSTANT,
    POSITION_MAX,
    Answer,
    AsOf,
    moment_of,
    resumed_moment,
)
from services.compliance.historical_answers.partners import never_mentioned
from services.compliance.historical_answers.questions import AsOfMembers, FactsWithoutEffect
from services.compliance.policy.no_effect.facts_without_effect import FactWithoutEffect, facts_without_effect
from services.compliance.policy.parameters import Parameters
from services.compliance.read_model.routing import revisions, topics
from services.compliance.refusals import InvalidQuery, NeverMentioned
from services.web.statements import statements
from shared.events.envelope import Fact
from shared.events.facts import (
    REGISTRATION,
    REPORTED,
    TOPIC_OF,
    ConsultantLeft,
    ConsultantLinked,
    ExamRegistered,
    FactVoided,
    PartnerClosed,
    PartnersMerged,
    PortalChangeCorrected,
    PortalChangeDeclared,
)
from shared.events.wire import decode, instant_text
from shared.rules.no_effect_reasons import EXPLANATIONS, NoEffect

JUDGED_MAX: Final = 4_000
"""A page ends after this number of facts is judged, however few of them it lists."""
_AT_ONCE: Final = 250
"""Facts judged together: what they share is read once."""
_ENDING_WEIGHT: Final = 200
"""As how many facts a closure or merger counts: it is judged with everybody who was linked to the partner."""
CURSOR_PATTERN: Final = rf"{CURSOR_INSTANT}~[0-9]{{1,19}}~[0-9]{{1,19}}"
"""`at` and position of the list, then the last position of the page before."""

_TOPICS: Final = {
    "reported": topics(*sorted(REPORTED - {FactVoided}, key=lambda fact: fact.topic)),
    "registered": topics(ExamRegistered),
    "linked": topics(ConsultantLinked),
    "of_links": topics(ConsultantLinked, ConsultantLeft, FactVoided),
    "declared": topics(PortalChangeDeclared, PortalChangeCorrected, FactVoided),
}
_SQL: Final = statements(__file__, direction="", **_TOPICS)
_NEWEST_FIRST: Final = statements(__file__, direction="DESC", **_TOPICS)


class FactItem(msgspec.Struct, frozen=True):
    """A fact that changed nothing: as recorded, the `reason`, the rule behind it, and a sentence."""

    fact_id: str
    position: int
    type: str
    effective_at: datetime
    recorded_at: datetime
    reason: NoEffect
    rule: str
    text: str
    data: dict[str, Any]


class FactsWithoutEffectAnswer(Answer, frozen=True, kw_only=True):
    """A page of facts in the order asked for. `next`: the `after` of the next page of the list; null: there is none.

    A page with a `next` can list fewer facts than asked for, or none, because it judges a bounded number.
    """

    facts: tuple[FactItem, ...]
    next: str | None


async def without_effect(connection: Connection, question: FactsWithoutEffect, parameters: Parameters) -> bytes:
    """The facts that changed nothing by `at`. Raises `NeverMentioned` for the id of a filter, and `InvalidQuery`."""
    members, last = question.moment, None
    if question.after is not None:
        members, last = _resumed(question.after, members)
    _, moment = await moment_of(connection, members, parameters)
    await _require_mentioned(connection, question, moment.position)
    listed: list[FactWithoutEffect] = []
    judged = 0
    context = _Context(connection, moment.position)
    async for rows in _candidates(connection, question, last, moment.position):
        if judged >= JUDGED_MAX or len(listed) > question.limit:
            return _page(moment, listed, question.limit, last)
        judged_here, known = await context.known(rows)
        found = facts_without_effect(known, moment.at, parameters)
        wanted = [item for item in found if item.fact.position in judged_here and _wanted(item, question)]
        listed += reversed(wanted) if question.order == "newest" else wanted
        judged += len(rows) + _ENDING_WEIGHT * _ends(rows)
        last = rows[-1]["notification_id"]
    return _page(moment, listed, question.limit, None)


def _wanted(item: FactWithoutEffect, question: FactsWithoutEffect) -> bool:
    return question.reason in (None, item.reason) and (
        question.partner_id is None or question.partner_id in _named(item.fact)
    )


def _page(moment: AsOf, listed: Sequence[FactWithoutEffect], limit: int, scanned: int | None) -> bytes:
    """`scanned`: the last position judged; None: all were."""
    shown = listed[:limit]
    last = shown[-1].fact.position if len(listed) > limit else scanned
    following = None if last is None else "~".join((instant_text(moment.at), str(moment.position), str(last)))
    answer = FactsWithoutEffectAnswer(**moment.members, facts=tuple(map(_item, shown)), next=following)
    return msgspec.json.encode(answer)


def _item(found: FactWithoutEffect) -> FactItem:
    fact, explanation = found.fact, EXPLANATIONS[found.reason]
    return FactItem(
        fact_id=fact.fact_id,
        position=fact.position,
        type=TOPIC_OF[type(fact.data)],
        effective_at=fact.effective_at,
        recorded_at=fact.recorded_at,
        reason=found.reason,
        rule=explanation.rule,
        text=explanation.text,
        data=msgspec.to_builtins(fact.data),
    )


def _resumed(cursor: str, members: AsOfMembers) -> tuple[AsOfMembers, int]:
    """The moment of the list and the position to continue from. The question's own moment takes precedence."""
    at, position, after = cursor.split("~")
    try:
        if int(after) > POSITION_MAX:
            raise ValueError(after)
        return resumed_moment(at, position, members), int(after)
    except ValueError:
        raise InvalidQuery("after must be the `next` of a page of this list.", "after") from None


async def _require_mentioned(connection: Connection, question: FactsWithoutEffect, position: int) -> None:
    partner_id, consultant_id = question.partner_id, question.consultant_id
    if partner_id is not None and not await connection.fetchval(_SQL["partner_mentioned"], partner_id, position):
        raise never_mentioned(partner_id)
    if consultant_id is not None and not await connection.fetchval(
        _SQL["consultant_mentioned"], consultant_id, position
    ):
        raise NeverMentioned(f"No fact known by then mentions the consultant {consultant_id}.", "consultant_id")


# What is judged ------------------------------------------------------------------------------


async def _candidates(
    connection: Connection, question: FactsWithoutEffect, last: int | None, through: int
) -> AsyncIterator[list[asyncpg.Record]]:
    """The facts to judge, up to a position, in the order asked for and in parts; those up to `last` were judged.

    A closure or merger is the last of its part.
    """
    known = _NEWEST_FIRST if question.order == "newest" else _SQL
    statement, subject = known["candidates"], tuple[str, ...]()
    if question.consultant_id is not None:
        statement, subject = known["candidates_of_consultant"], (question.consultant_id,)
    elif question.partner_id is not None:
        statement, subject = known["candidates_of_partner"], (question.partner_id,)
    while rows := await connection.fetch(statement, *_rest(question, last, through), _AT_ONCE, *subject):
        last = rows[-1]["notification_id"]
        part: list[asyncpg.Record] = []
        for row in rows:
            part.append(row)
            if _ends(part[-1:]):
                yield part
                part = []
        if part:
            yield part


def _rest(question: FactsWithoutEffect, last: int | None, through: int) -> tuple[int, int]:
    """After which position, and up to which, the facts lie that are still to be judged."""
    if last is None:
        return 0, through
    return (0, min(last - 1, through)) if question.order == "newest" else (last, through)


def _ends(rows: Sequence[asyncpg.Record]) -> bool:
    return rows[-1]["topic"] in _TOPICS_OF_ENDINGS


_ENDINGS: Final = (PartnerClosed, PartnersMerged)
_TOPICS_OF_ENDINGS: Final = frozenset(TOPIC_OF[ending] for ending in _ENDINGS)


class _Context:
    """Reads what tells whether facts changed something: up to a position, each partner once."""

    def __init__(self, connection: Connection, through: int) -> None:
        self._connection = connection
        self._through = through
        self._partners: set[str] = set()
        self._shared: dict[int, Fact] = {}

    async def known(self, rows: Sequence[asyncpg.Record]) -> tuple[set[int], list[Fact]]:
        """The positions of the facts in these rows, and all facts that say what became of them, in log order."""
        if not self._shared:
            await self._read(self._shared, "portal_changes")
            self._shared |= {fact.position: fact for fact in await revisions(self._connection, self._through)}
        facts = {row["notification_id"]: decode(*row[:4]) for row in rows}
        judged = set(facts)
        people = {row["consultant_id"] for row in rows if row["consultant_id"] is not None}
        streams = {row["originator_id"] for row in rows if row["originator_id"].startswith(REGISTRATION.prefix)}
        ended = {fact.data.partner_id for fact in facts.values() if isinstance(fact.data, _ENDINGS)}
        if people or streams:
            await self._read(facts, "of_people", sorted(people), sorted(streams))
        if ended:
            await self._read(facts, "of_colleagues", sorted(ended))
        await self._read_partners(facts.values())
        known = self._shared | facts
        return judged, [known[position] for position in sorted(known)]

    async def _read_partners(self, facts: Iterable[Fact]) -> None:
        """What became of every partner that the facts name, and of those that mergers lead to."""
        missing = {partner_id for fact in facts for partner_id in _named(fact)} - self._partners
        while missing:
            self._partners |= missing
            found: dict[int, Fact] = {}
            await self._read(found, "of_partners", sorted(missing))
            self._shared |= found
            missing = {partner_id for fact in found.values() for partner_id in _named(fact)} - self._partners

    async def _read(self, facts: dict[int, Fact], statement: str, *arguments: list[str]) -> None:
        for row in await self._connection.fetch(_SQL[statement], *arguments, self._through):
            if row["notification_id"] not in facts:
                facts[row["notification_id"]] = decode(*row)


def _named(fact: Fact) -> Iterator[str]:
    """The partners that the fact names."""
    for field in ("partner_id", "into"):
        partner_id: str | None = getattr(fact.data, field, None)
        if partner_id is not None:
            yield partner_id
