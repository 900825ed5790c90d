"""Portal changes, and to whom one is communicated (R27)."""

from datetime import datetime
from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from services.compliance.api.openapi import LIST_PROBLEMS, query_parameters, response_docs
from services.compliance.api.query_params import AsOfQuery, Id, PortalChangesQuestion, question_of
from services.compliance.api.service import service_of
from services.compliance.historical_answers.portal_changes import (
    NotificationsAnswer,
    PortalChangeItem,
    PortalChangesAnswer,
)
from services.compliance.historical_answers.queries import PortalChangeNotifications, PortalChangesList
from services.compliance.refusals import InvalidQuery
from services.web.input_parsing import parse_any_instant
from services.web.list_tables import list_of
from services.web.scopes import Scope, requires

router: Final = APIRouter(tags=["portal changes"])

_PORTAL_CHANGES: Final = "portal changes"
"""What the list is about, where questions take turns by what they are about."""


@router.get(
    "/compliance/v1/portal-changes",
    openapi_extra=query_parameters(PortalChangesQuestion),
    responses=response_docs(PortalChangesAnswer, problems=LIST_PROBLEMS),
)
@requires(Scope.READ)
@list_of("portal_changes", PortalChangeItem)
async def portal_changes(request: Request) -> Response:
    """The portal changes that are declared, with the terms in force (R38): latest announced first.

    `next` is null on the last page; go on with it as `after`.
    """
    question = question_of(request, PortalChangesQuestion)
    derived = PortalChangesList(moment=question.moment, after=_place(question.after), limit=question.limit)
    return await service_of(request).derive(request, question, _PORTAL_CHANGES, derived)


def _place(after: str | None) -> tuple[datetime, str] | None:
    if after is None:
        return None
    announced_at, portal_change_id = after.split("~")
    try:
        return parse_any_instant(announced_at), portal_change_id
    except ValueError:
        raise InvalidQuery("after is the `next` of a page of this list.", "after") from None


@router.get(
    "/compliance/v1/portal-changes/{portal_change_id}/notifications",
    openapi_extra=query_parameters(AsOfQuery),
    responses=response_docs(NotificationsAnswer),
)
@requires(Scope.READ)
@list_of("notified", ("partner_id",), pages=False)
async def notifications(request: Request, portal_change_id: Id) -> Response:
    """The partners to whom the portal change is communicated: those enrolled at its announcement (R27).

    Nobody for a minor change (R25), nor while its declaration is voided and not recorded again (R33).
    """
    question = question_of(request, AsOfQuery)
    service = service_of(request)
    derived = PortalChangeNotifications(moment=question.moment, portal_change_id=portal_change_id)
    return await service.derive(request, question, portal_change_id, derived)
