"""Lists of the standings of partners, of suspensions and of windows, in pages, right by the clock.

The present comes from the read model, any other moment from the processes that replay history.
"""

from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from services.compliance.api.openapi import LIST_PROBLEMS, question_docs
from services.compliance.api.query_params import question_of
from services.compliance.api.service import service_of
from services.compliance.historical_answers.lists import (
    PartnerItem,
    PartnersAnswer,
    SuspensionsAnswer,
    WindowItem,
    WindowsAnswer,
    partner_item,
    partners_page,
    suspensions_page,
    window_place,
    windows_page,
)
from services.compliance.historical_answers.questions import PartnersList, SuspensionsList, WindowsList
from services.compliance.read_model.list_queries import present_partners, present_suspensions, present_windows
from services.web.lists_as_csv import list_of
from services.web.scopes import Scope, requires

router: Final = APIRouter(tags=["lists"])

JSON: Final = "application/json"
_EVERYBODY: Final = ""
"""The queue key of lists: questions with one key take turns."""


@router.get("/compliance/v1/partners", **question_docs(PartnersList, PartnersAnswer, problems=LIST_PROBLEMS))
@requires(Scope.READ)
@list_of("partners", PartnerItem, live=True)
async def partners(request: Request) -> Response:
    """Partners and products in order of their ids. Send `next` as `after` for the next page; null: there is none."""
    question = question_of(request, PartnersList)
    service = service_of(request)
    if not question.live:
        return await service.derive(request, question, _EVERYBODY)
    async with service.page(request, question) as (connection, at):
        moment, rows = await present_partners(
            connection,
            at,
            question.after,
            question.limit,
            statuses=tuple(dict.fromkeys(question.status)),
            product=question.product,
            q=question.q,
        )
    items = [partner_item(*row) for row in rows]
    last = (items[-1].partner_id, items[-1].product) if len(items) == question.limit else None
    return Response(partners_page(moment, items, last), media_type=JSON)


@router.get("/compliance/v1/suspensions", **question_docs(SuspensionsList, SuspensionsAnswer, problems=LIST_PROBLEMS))
@requires(Scope.READ)
@list_of("suspensions", PartnerItem, live=True)
async def suspensions(request: Request) -> Response:
    """Who is suspended now, the latest suspension first. Send `next` as `after` for the next page; null: there is none.

    For another moment, ask `/compliance/v1/partners` with `status=suspended`, which is in order of ids.
    """
    question = question_of(request, SuspensionsList)
    async with service_of(request).page(request, question) as (connection, at):
        moment, rows = await present_suspensions(
            connection, at, question.after, question.limit, product=question.product
        )
    items = [partner_item(*row) for row in rows]
    return Response(suspensions_page(moment, items, more=len(items) == question.limit), media_type=JSON)


@router.get("/compliance/v1/windows", **question_docs(WindowsList, WindowsAnswer, problems=LIST_PROBLEMS))
@requires(Scope.READ)
@list_of("windows", WindowItem, live=True)
async def windows(request: Request) -> Response:
    """Replacement windows, soonest deadline first. Send `next` as `after` for the next page; null: there is none."""
    question = question_of(request, WindowsList)
    service = service_of(request)
    if not question.live:
        return await service.derive(request, question, _EVERYBODY)
    async with service.page(request, question) as (connection, at):
        moment, rows = await present_windows(
            connection,
            at,
            question.after,
            question.limit,
            outcome=question.status,
            product=question.product,
            due_before=question.due_before,
        )
    items = [WindowItem(*row) for row in rows]
    last = window_place(items[-1]) if len(items) == question.limit else None
    return Response(windows_page(moment, items, last), media_type=JSON)
