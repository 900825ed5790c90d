"""Lists of people: who is certified, what the others lack, and the maintenance that is owed. In pages.

The processes that replay history answer, the present from the read model: a page needs its people's courses and scores.
"""

from datetime import date, datetime, timedelta
from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from services.compliance.api.openapi import LIST_PROBLEMS, query_parameters, response_docs
from services.compliance.api.query_params import (
    ConsultantsQuestion,
    FreshQuery,
    Id,
    MaintenanceQuestion,
    PartnerConsultantsQuestion,
    question_of,
)
from services.compliance.api.service import service_of
from services.compliance.historical_answers.consultant_lists import ConsultantItem, ConsultantsAnswer
from services.compliance.historical_answers.maintenance_list import MaintenanceAnswer, MaintenanceItem
from services.compliance.historical_answers.queries import ConsultantsList, HistoryQuery, MaintenanceList
from services.compliance.policy.calendar import london_day
from services.compliance.read_model.current_standings import present_moment
from services.compliance.refusals import InvalidQuery
from services.web.list_tables import list_of
from services.web.products import require_sold
from services.web.scopes import Scope, requires

router: Final = APIRouter(tags=["lists"])

_PEOPLE: Final = "people"
"""What lists of all people are about, where questions take turns by what they are about."""
_MICROSECOND: Final = timedelta(microseconds=1)


@router.get(
    "/compliance/v1/consultants",
    openapi_extra=query_parameters(ConsultantsQuestion),
    responses=response_docs(ConsultantsAnswer, problems=LIST_PROBLEMS),
)
@requires(Scope.READ)
@list_of("consultants", ConsultantItem)
async def consultants(request: Request) -> Response:
    """Everybody who was ever linked to a partner, by product: certified since when, or what is missing for it.

    In order of the ids of people and products. `next` is null on the last page; go on with it as `after`.
    """
    question = question_of(request, ConsultantsQuestion)
    return await _consultants(request, question, question.partner_id, of_path=False, q=question.q)


@router.get(
    "/compliance/v1/partners/{partner_id}/consultants",
    openapi_extra=query_parameters(PartnerConsultantsQuestion),
    responses=response_docs(ConsultantsAnswer),
)
@requires(Scope.READ)
@list_of("consultants", ConsultantItem)
async def consultants_of_partner(request: Request, partner_id: Id) -> Response:
    """Everybody who is linked to the partner, by product: certified since when, or what is missing for it.

    A person who is linked elsewhere, too, counts for one partner only (R23): `partner_id` says for which.
    """
    question = question_of(request, PartnerConsultantsQuestion)
    return await _consultants(request, question, partner_id, of_path=True, q=None)


async def _consultants(
    request: Request, question: PartnerConsultantsQuestion, partner_id: str | None, *, of_path: bool, q: str | None
) -> Response:
    require_sold(() if question.product is None else (question.product,), service_of(request).parameters.products)
    person, _, product = (question.after or "~").partition("~")
    derived = ConsultantsList(
        moment=question.moment,
        after=(person, product),
        limit=question.limit,
        partner_id=partner_id,
        of_path=of_path,
        product=question.product,
        certified=None if question.certified is None else question.certified == "true",
        q=q,
    )
    return await _answered(request, question, question.live, partner_id or _PEOPLE, derived)


@router.get(
    "/compliance/v1/maintenance",
    openapi_extra=query_parameters(MaintenanceQuestion),
    responses=response_docs(MaintenanceAnswer, problems=LIST_PROBLEMS),
)
@requires(Scope.READ)
@list_of("maintenance", MaintenanceItem)
async def maintenance(request: Request) -> Response:
    """The maintenance that people owe (R25): announced, not complete, and nothing newer makes them free of it.

    By due day, portal change, person and product. What is overdue has cost the certification (R26), and finishing it
    restores it. `next` is null on the last page; go on with it as `after`.
    """
    question = question_of(request, MaintenanceQuestion)
    require_sold(() if question.product is None else (question.product,), service_of(request).parameters.products)
    derived = MaintenanceList(
        moment=question.moment,
        after=_duty_after(question.after),
        limit=question.limit,
        partner_id=question.partner_id,
        portal_change_id=question.portal_change_id,
        product=question.product,
        due_before=None if question.due_before is None else _day_bound(question.due_before),
    )
    return await _answered(request, question, question.live, question.partner_id or _PEOPLE, derived)


async def _answered(request: Request, question: FreshQuery, live: bool, about: str, derived: HistoryQuery) -> Response:
    """The present needs the projection, any other moment only the log, up to the question's `min_position`."""
    service = service_of(request)
    if live and question.min_position:
        await service.wait_for_position(question, present_moment)
        question = FreshQuery()
    return await service.derive(request, question, about, derived)


def _day_bound(instant: datetime) -> date:
    """The first day whose end does not lie before the instant."""
    return london_day(instant - _MICROSECOND)


def _duty_after(text: str | None) -> tuple[date, str, str, str]:
    if text is None:
        return date.min, "", "", ""
    due_on, portal_change_id, person, product = text.split("~", 3)
    try:
        return date.fromisoformat(due_on), portal_change_id, person, product
    except ValueError:
        raise InvalidQuery("after is the `next` of a page of this list.", "after") from None
