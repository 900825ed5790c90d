"""Portal changes with the terms in force, and to whom one is communicated (R27), from the log."""

from datetime import date, datetime

import msgspec

from services.compliance.database import Connection
from services.compliance.historical_answers.as_of import Answer, moment_of
from services.compliance.historical_answers.queries import PortalChangeNotifications, PortalChangesList
from services.compliance.policy.answers_from_facts import notified_partners
from services.compliance.policy.parameters import Parameters
from services.compliance.policy.portal_changes import PortalChange, portal_change_in_force, portal_changes_in_force
from services.compliance.read_model.routing import (
    contradictory_endings,
    declaration,
    declarations,
    facts_about_partners,
    revisions,
)
from services.compliance.refusals import NeverMentioned
from shared.events.wire import instant_text


class PortalChangeItem(msgspec.Struct, frozen=True):
    """A portal change with the terms in force. `fact_id`: of its declaration.

    `corrected_by`: the facts that made one of its terms another than declared (R38).
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
    """A page of portal changes, latest announced first. `next`: the `after` of the next page; null: it is the last."""

    portal_changes: tuple[PortalChangeItem, ...]
    next: str | None


class NotificationsAnswer(Answer, frozen=True, kw_only=True):
    """To whom the portal change is communicated; nobody before its announcement."""

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
        **moment.members,
        portal_changes=tuple(map(_item, page)),
        next=following if len(rest) > len(page) else None,
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
        async for facts in facts_about_partners(connection, moment.position):
            notified += notified_partners(declared + facts, portal_change_id, moment.at, parameters) or []
    answer = NotificationsAnswer(
        **moment.members,
        portal_change_id=portal_change_id,
        notified=tuple(notified),
        next_change_at=moment.next_change(announced_at if announced_at and announced_at > moment.at else None),
    )
    return msgspec.json.encode(answer)
