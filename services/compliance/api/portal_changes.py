"""To whom a portal change is communicated (R27)."""

from datetime import datetime
from typing import Final

import msgspec
from fastapi import APIRouter, Request
from starlette.responses import Response

from services.compliance.api.documented import answers_with, asks
from services.compliance.api.moment import Answer, moment_of
from services.compliance.api.problems import NeverMentioned
from services.compliance.api.question import Id, Question, question_of
from services.compliance.api.service import service_of
from services.compliance.policy.answers import declaration_in_force, notified_partners
from services.compliance.read_model.fact_log import contradictory_endings, declaration, facts_about_partners

router: Final = APIRouter(tags=["portal changes"])


class NotificationsAnswer(Answer, frozen=True, kw_only=True):
    """To whom the portal change is communicated; nobody before its announcement."""

    portal_change_id: str
    notified: tuple[str, ...]
    next_change_at: datetime | None


@router.get(
    "/compliance/v1/portal-changes/{portal_change_id}/notifications",
    openapi_extra=asks(Question),
    responses=answers_with(NotificationsAnswer),
)
async def notifications(request: Request, portal_change_id: Id) -> Response:
    """The partners to whom the portal change is communicated: those enrolled at its announcement (R27).

    Nobody for a minor change (R25), nor while its declaration is voided and not recorded again (R33).
    """
    question = question_of(request, Question)
    service = service_of(request)
    moment = await service.look(question, lambda connection: moment_of(connection, question))
    async with service.pool.acquire() as connection:
        declared = await declaration(connection, portal_change_id, moment.position)
        nobody = notified_partners(declared, portal_change_id, moment.at, service.parameters)
        if nobody is None:
            detail = f"No fact known by then mentions the portal change {portal_change_id}."
            raise NeverMentioned(detail, "portal_change_id")
        notified: list[str] = []
        in_force = declaration_in_force(declared, portal_change_id)
        announced_at = in_force.announced_at if in_force is not None and in_force.change.significant else None
        if announced_at is not None and announced_at <= moment.at:
            declared += await contradictory_endings(connection, moment.position)
            async for facts in facts_about_partners(connection, moment.position):
                notified += notified_partners(declared + facts, portal_change_id, moment.at, service.parameters) or []
    answer = NotificationsAnswer(
        **moment._asdict(),
        portal_change_id=portal_change_id,
        notified=tuple(notified),
        next_change_at=announced_at if announced_at is not None and announced_at > moment.at else None,
    )
    return Response(msgspec.json.encode(answer), media_type="application/json")
