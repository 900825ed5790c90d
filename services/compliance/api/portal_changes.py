"""Portal changes, and to whom one is communicated (R27)."""

from typing import Final

import msgspec
from fastapi import APIRouter, Request
from starlette.responses import Response

from services.compliance.api.openapi import LIST_PROBLEMS, question_docs
from services.compliance.api.query_params import Id, derived, question_of
from services.compliance.api.service import service_of
from services.compliance.historical_answers.as_of import Answer
from services.compliance.historical_answers.portal_changes import (
    NotificationsAnswer,
    PortalChangeAnswer,
    PortalChangeItem,
    PortalChangesAnswer,
)
from services.compliance.historical_answers.questions import (
    PortalChangeNotifications,
    PortalChangeProgress,
    PortalChangesList,
    PortalChangeTerms,
)
from services.compliance.read_model.portal_change_progress import progress_of_partners
from services.web.lists_as_csv import list_of
from services.web.scopes import Scope, requires

router: Final = APIRouter(tags=["portal changes"])


@router.get(
    "/compliance/v1/portal-changes", **question_docs(PortalChangesList, PortalChangesAnswer, problems=LIST_PROBLEMS)
)
@requires(Scope.READ)
@list_of("portal_changes", PortalChangeItem)
async def portal_changes(request: Request) -> Response:
    """The portal changes that are declared, with the terms in force (R38): latest announced first.

    Send `next` as `after` for the next page; null: there is none.
    """
    return await derived(request, PortalChangesList, "portal changes")


@router.get("/compliance/v1/portal-changes/{portal_change_id}", **question_docs(PortalChangeTerms, PortalChangeAnswer))
@requires(Scope.READ)
async def portal_change(request: Request, portal_change_id: Id) -> Response:
    """One portal change, with the terms in force (R38); 404 while none of this id is declared."""
    return await derived(request, PortalChangeTerms, portal_change_id, portal_change_id=portal_change_id)


@router.get(
    "/compliance/v1/portal-changes/{portal_change_id}/notifications",
    **question_docs(PortalChangeNotifications, NotificationsAnswer),
)
@requires(Scope.READ)
@list_of("notified", ("partner_id",), pages=False)
async def notifications(request: Request, portal_change_id: Id) -> Response:
    """The partners to whom the portal change is communicated: those enrolled at its announcement (R27).

    Nobody for a minor change (R25), nor while its declaration is voided and not recorded again (R33).
    """
    return await derived(request, PortalChangeNotifications, portal_change_id, portal_change_id=portal_change_id)


class PartnerProgress(msgspec.Struct, frozen=True):
    """One partner. `asked`: of the people who count for it, by product; `owed`: what of it they still owe."""

    partner_id: str
    asked: int
    owed: int


class ProgressAnswer(Answer, frozen=True, kw_only=True):
    """The partners of whose people something was asked, by id."""

    portal_change_id: str
    partners: tuple[PartnerProgress, ...]


@router.get(
    "/compliance/v1/portal-changes/{portal_change_id}/progress", **question_docs(PortalChangeProgress, ProgressAnswer)
)
@requires(Scope.READ)
async def progress(request: Request, portal_change_id: Id) -> Response:
    """How far partners are now: how much maintenance the portal change asked of their people, and how much they owe.

    Maintenance is no longer owed once it is completed, or once a newer grant makes it needless (R25). A partner is left
    out if nothing was asked of its people.
    """
    question = question_of(request, PortalChangeProgress, portal_change_id=portal_change_id)
    async with service_of(request).present(request, question) as (connection, moment):
        found = await progress_of_partners(connection, question.partner_id, portal_change_id, moment.at)
    partners = tuple(PartnerProgress(*row) for row in found)
    answer = ProgressAnswer(**moment.members, portal_change_id=portal_change_id, partners=partners)
    return Response(msgspec.json.encode(answer), media_type="application/json")
