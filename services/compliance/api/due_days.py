"""The days by which something is to be done, as a calendar (RFC 5545) and as a feed (RFC 4287)."""

from typing import Any, Final, Literal

from fastapi import APIRouter, Request
from starlette.responses import Response

from services.compliance.api.openapi import LIST_PROBLEMS, QUESTION_PROBLEMS, query_parameters
from services.compliance.api.query_params import FreshQuery, Id, question_of
from services.compliance.api.service import service_of
from services.compliance.historical_answers.queries import DueDays
from services.compliance.read_model.current_standings import present_moment
from services.web.dated_entries import ATOM, CALENDAR
from services.web.scopes import Scope, requires

router: Final = APIRouter(tags=["lists"])

_EVERYBODY: Final = "due-days"
"""What the days of all partners are about, where questions take turns by what they are about."""
_MEDIA_TYPE: Final = {"calendar": CALENDAR, "feed": ATOM}


def _responses(media_type: str, problems: Any) -> dict[int | str, dict[str, Any]]:
    answered = {"description": "The soonest thousand days.", "content": {media_type: {"schema": {"type": "string"}}}}
    return {200: answered, **{status: {"description": what} for status, what in problems.items()}}


_FRESH: Final = query_parameters(FreshQuery)


@router.get(
    "/compliance/v1/due-days.ics",
    openapi_extra=_FRESH,
    responses=_responses(CALENDAR, LIST_PROBLEMS),
    response_class=Response,
)
@requires(Scope.READ)
async def calendar(request: Request) -> Response:
    """Deadlines of open replacement windows, and days by which maintenance is due, of every partner: a calendar.

    At present, as known now; without what is overdue.
    """
    return await _due_days(request, None, "calendar")


@router.get(
    "/compliance/v1/due-days.atom",
    openapi_extra=_FRESH,
    responses=_responses(ATOM, LIST_PROBLEMS),
    response_class=Response,
)
@requires(Scope.READ)
async def feed(request: Request) -> Response:
    """The same as an Atom feed: an entry for each day, as long as it lies ahead."""
    return await _due_days(request, None, "feed")


@router.get(
    "/compliance/v1/partners/{partner_id}/due-days.ics",
    openapi_extra=_FRESH,
    responses=_responses(CALENDAR, QUESTION_PROBLEMS),
    response_class=Response,
)
@requires(Scope.READ)
async def calendar_of_partner(request: Request, partner_id: Id) -> Response:
    """Deadlines of the partner's open replacement windows, and days by which maintenance is due: a calendar."""
    return await _due_days(request, partner_id, "calendar")


@router.get(
    "/compliance/v1/partners/{partner_id}/due-days.atom",
    openapi_extra=_FRESH,
    responses=_responses(ATOM, QUESTION_PROBLEMS),
    response_class=Response,
)
@requires(Scope.READ)
async def feed_of_partner(request: Request, partner_id: Id) -> Response:
    """The same as an Atom feed."""
    return await _due_days(request, partner_id, "feed")


async def _due_days(request: Request, partner_id: str | None, form: Literal["calendar", "feed"]) -> Response:
    question = question_of(request, FreshQuery)
    service = service_of(request)
    if question.min_position:
        await service.wait_for_position(question, present_moment)
    derived = DueDays(partner_id=partner_id, form=form, path=request.scope["path"])
    response = await service.derive(request, FreshQuery(), partner_id or _EVERYBODY, derived)
    response.headers["content-type"] = f"{_MEDIA_TYPE[form]}; charset=utf-8"
    return response
