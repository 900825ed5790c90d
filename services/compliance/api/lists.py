"""Questions across partners: who stands how, which windows run. In pages, right by the clock.

The present comes from the read model, any other moment from the processes that replay history.
"""

from datetime import datetime
from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from services.compliance.api.openapi import LIST_PROBLEMS, query_parameters, response_docs
from services.compliance.api.query_params import PARTNERS_FILTER, PartnersQuestion, WindowsQuestion, question_of
from services.compliance.api.service import service_of
from services.compliance.historical_answers.lists import (
    BEFORE_ALL,
    PartnerItem,
    PartnersAnswer,
    WindowItem,
    WindowsAnswer,
    partner_item,
    partners_page,
    window_place,
    windows_page,
)
from services.compliance.historical_answers.queries import PartnersList, WindowsList
from services.compliance.read_model.current_standings import present_moment
from services.compliance.read_model.list_queries import present_partners, present_windows
from services.compliance.refusals import InvalidQuery
from services.web.input_parsing import parse_any_instant
from services.web.list_tables import list_of
from services.web.products import require_sold
from services.web.scopes import Scope, requires

router: Final = APIRouter(tags=["lists"])

JSON: Final = "application/json"
_EVERYBODY: Final = ""
"""What lists are about, where questions take turns by what they are about."""


@router.get(
    "/compliance/v1/partners",
    openapi_extra=query_parameters(PartnersQuestion),
    responses=response_docs(PartnersAnswer, problems=LIST_PROBLEMS),
)
@requires(Scope.READ)
@list_of("partners", PartnerItem)
async def partners(request: Request) -> Response:
    """Partners and products in order of their ids. `next` is null on the last page; go on with it as `after`."""
    question = question_of(request, PartnersQuestion, PARTNERS_FILTER)
    service = service_of(request)
    require_sold(() if question.product is None else (question.product,), service.parameters.products)
    after = _partner_after(question.after)
    limit, statuses, product, q = question.limit, tuple(dict.fromkeys(question.status)), question.product, question.q
    if not question.live:
        derived = PartnersList(
            moment=question.moment, after=after, limit=limit, statuses=statuses, product=product, q=q
        )
        return await service.derive(request, question, _EVERYBODY, derived)
    moment = await service.wait_for_position(question, present_moment)
    async with service.connection() as connection:
        rows = await present_partners(connection, moment.at, after, limit, statuses=statuses, product=product, q=q)
    items = [partner_item(*row) for row in rows]
    last = (items[-1].partner_id, items[-1].product) if len(items) == limit else None
    return Response(partners_page(moment, items, last), media_type=JSON)


@router.get(
    "/compliance/v1/windows",
    openapi_extra=query_parameters(WindowsQuestion),
    responses=response_docs(WindowsAnswer, problems=LIST_PROBLEMS),
)
@requires(Scope.READ)
@list_of("windows", WindowItem)
async def windows(request: Request) -> Response:
    """Replacement windows, soonest deadline first. `next` is null on the last page; go on with it as `after`."""
    question = question_of(request, WindowsQuestion)
    service = service_of(request)
    require_sold(() if question.product is None else (question.product,), service.parameters.products)
    after = _window_after(question.after)
    limit, status, product, due_before = question.limit, question.status, question.product, question.due_before
    if not question.live:
        derived = WindowsList(
            moment=question.moment, after=after, limit=limit, status=status, product=product, due_before=due_before
        )
        return await service.derive(request, question, _EVERYBODY, derived)
    moment = await service.wait_for_position(question, present_moment)
    async with service.connection() as connection:
        rows = await present_windows(
            connection, moment.at, after, limit, outcome=status, product=product, due_before=due_before
        )
    items = [WindowItem(*row) for row in rows]
    last = window_place(items[-1]) if len(items) == limit else None
    return Response(windows_page(moment, items, last), media_type=JSON)


def _partner_after(text: str | None) -> tuple[str, str]:
    partner_id, _, product = (text or "~").partition("~")
    return partner_id, product


def _window_after(text: str | None) -> tuple[datetime, str, str, int]:
    if text is None:
        return BEFORE_ALL
    instant, partner_id, rest = text.split("~", 2)
    product, _, number = rest.rpartition("~")
    try:
        return parse_any_instant(instant), partner_id, product, int(number)
    except ValueError:
        raise InvalidQuery("after is the `next` of a page of this list.", "after") from None
