"""To whom a portal change is communicated (R27), from the log."""

from datetime import datetime

import msgspec

from services.compliance.database import Connection
from services.compliance.historical_answers.as_of import Answer, moment_of
from services.compliance.historical_answers.queries import PortalChangeNotifications
from services.compliance.policy.answers_from_facts import notified_partners
from services.compliance.policy.parameters import Parameters
from services.compliance.policy.portal_changes import portal_change_in_force
from services.compliance.read_model.routing import contradictory_endings, declaration, facts_about_partners, revisions
from services.compliance.refusals import NeverMentioned


class NotificationsAnswer(Answer, frozen=True, kw_only=True):
    """To whom the portal change is communicated; nobody before its announcement."""

    portal_change_id: str
    notified: tuple[str, ...]
    next_change_at: datetime | None


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
