"""Portal changes with the terms in force, and to whom one is communicated (R27), from the log."""

from collections.abc import AsyncIterator
from datetime import date, datetime
from typing import Final

import msgspec

from services.compliance.database import Connection
from services.compliance.historical_answers.as_of import Answer, moment_of
from services.compliance.historical_answers.questions import (
    PortalChangeNotifications,
    PortalChangesList,
    PortalChangeTerms,
)
from services.compliance.policy.answers_from_facts import notified_partners
from services.compliance.policy.parameters import Parameters
from services.compliance.policy.portal_change_terms import PortalChange, portal_change_in_force, portal_changes_in_force
from services.compliance.read_model.routing import (
    contradictory_endings,
    declaration,
    declarations,
    facts_about_partners,
    revisions,
)
from services.compliance.refusals import NeverMentioned
from shared.events.envelope import Fact
from shared.events.wire import instant_text

TOGETHER: Final = 2000
"""Facts about partners that are judged together."""


class PortalChangeItem(msgspec.Struct, frozen=True):
    """A portal change with the terms in force. `fact_id`: of its declaration.

    `corrected_by`: the corrections to which its terms owe a difference from the declaration (R38).
    """

    portal_change_id: str
    products: tuple[str, ...]
    significant: bool
    announced_at: datetime
    due_on: date
    summary: str
    fact_id: str
    corrected_by: tuple[str, ...]


class PortalChangesAnswer(Answer, frozen=True, kw_only=True):
    """A page of portal changes, latest announced first. `next`: the `after` of the next page; null: there is none."""

    portal_changes: tuple[PortalChangeItem, ...]
    next: str | None


PortalChangeAnswer: Final = msgspec.defstruct(
    "PortalChangeAnswer",
    [(field.name, field.type) for field in msgspec.structs.fields(PortalChangeItem)],
    bases=(Answer,),
    namespace={"__doc__": "One portal change with the terms in force; its members are those of `PortalChangeItem`."},
    frozen=True,
    kw_only=True,
)


class NotificationsAnswer(Answer, frozen=True, kw_only=True):
    """The partners to whom the portal change is communicated; none before its announcement."""

    portal_change_id: str
    notified: tuple[str, ...]
    next_change_at: datetime | None


async def portal_changes(connection: Connection, question: PortalChangesList, parameters: Parameters) -> bytes:
    """The portal changes that are declared, those to be announced later included."""
    _, moment = await moment_of(connection, question.moment, parameters)
    known = reversed(portal_changes_in_force(await declarations(connection, moment.position)))
    rest = [change for change in known if question.after is None or _place(change) < question.after]
    page = rest[: question.limit]
    following = "~".join((instant_text(page[-1].announced_at), page[-1].portal_change_id)) if page else None
    answer = PortalChangesAnswer(
        **moment.members, portal_changes=tuple(map(_item, page)), next=following if len(rest) > len(page) else None
    )
    return msgspec.json.encode(answer)


def _place(change: PortalChange) -> tuple[datetime, str]:
    return change.announced_at, change.portal_change_id


def _item(change: PortalChange) -> PortalChangeItem:
    return PortalChangeItem(
        portal_change_id=change.portal_change_id,
        products=change.products,
        significant=change.significant,
        announced_at=change.announced_at,
        due_on=change.due_on,
        summary=change.declared.summary,
        fact_id=change.fact_id,
        corrected_by=tuple(dict.fromkeys(fact_id for _, fact_id in change.corrected_by)),
    )


async def portal_change(connection: Connection, question: PortalChangeTerms, parameters: Parameters) -> bytes:
    """The terms of one portal change. Raises `NeverMentioned` if none of this id is declared."""
    _, moment = await moment_of(connection, question.moment, parameters)
    declared = await declaration(connection, question.portal_change_id, moment.position)
    in_force = portal_change_in_force(declared, question.portal_change_id)
    if in_force is None:
        raise NeverMentioned(
            f"No portal change {question.portal_change_id} is declared, as known then.", "portal_change_id"
        )
    terms = msgspec.structs.asdict(_item(in_force))
    return msgspec.json.encode(PortalChangeAnswer(**moment.members, **terms))


async def notifications(connection: Connection, question: PortalChangeNotifications, parameters: Parameters) -> bytes:
    """The partners to whom the portal change is communicated: those enrolled at its announcement."""
    portal_change_id = question.portal_change_id
    _, moment = await moment_of(connection, question.moment, parameters)
    declared = await declaration(connection, portal_change_id, moment.position)
    nobody = notified_partners(declared, portal_change_id, moment.at, parameters)
    if nobody is None:
        raise NeverMentioned(
            f"No fact known by then mentions the portal change {portal_change_id}.", "portal_change_id"
        )
    notified: list[str] = []
    in_force = portal_change_in_force(declared, portal_change_id)
    announced_at = in_force.announced_at if in_force is not None and in_force.significant else None
    if announced_at is not None and announced_at <= moment.at:
        declared += await contradictory_endings(connection, moment.position)
        declared += await revisions(connection, moment.position)
        async for facts in _of_many(facts_about_partners(connection, moment.position)):
            notified += notified_partners(declared + facts, portal_change_id, moment.at, parameters) or []
    answer = NotificationsAnswer(
        **moment.members,
        portal_change_id=portal_change_id,
        notified=tuple(notified),
        next_change_at=moment.next_change(announced_at if announced_at and announced_at > moment.at else None),
    )
    return msgspec.json.encode(answer)


async def _of_many(each: AsyncIterator[list[Fact]]) -> AsyncIterator[list[Fact]]:
    """The facts about the partners, many partners together, so that what they share is seldom judged twice."""
    together: list[Fact] = []
    async for facts in each:
        together += facts
        if len(together) >= TOGETHER:
            yield together
            together = []
    if together:
        yield together
