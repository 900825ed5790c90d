"""To whom a portal change is communicated (R27)."""

from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from services.compliance.api.openapi import query_parameters, response_docs
from services.compliance.api.query_params import AsOfQuery, Id, question_of
from services.compliance.api.service import service_of
from services.compliance.historical_answers.portal_changes import NotificationsAnswer
from services.compliance.historical_answers.queries import PortalChangeNotifications
from services.web.list_tables import list_of
from services.web.scopes import Scope, requires

router: Final = APIRouter(tags=["portal changes"])


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
