"""The days by which something is to be done, as a calendar (RFC 5545) and as a feed (RFC 4287)."""

from collections.abc import Mapping
from typing import Any, Final, Literal

from fastapi import APIRouter, Request
from starlette.responses import Response

from services.compliance.api.openapi import LIST_PROBLEMS, QUESTION_PROBLEMS, query_parameters
from services.compliance.api.query_params import Id, question_of
from services.compliance.api.service import service_of
from services.compliance.historical_answers.questions import DueDays
from services.web.icalendar_and_atom import ATOM, CALENDAR
from services.web.scopes import Scope, requires

router: Final = APIRouter(tags=["lists"])

_MEDIA_TYPE: Final = {"calendar": CALENDAR, "feed": ATOM}


def _declared(media_type: str, problems: Mapping[int, str]) -> dict[str, Any]:
    """How a route that answers in this media type is declared."""
    answered = {"description": "The soonest thousand days.", "content": {media_type: {"schema": {"type": "string"}}}}
    responses = {200: answered, **{status: {"description": what} for status, what in problems.items()}}
    return {"openapi_extra": query_parameters(DueDays), "responses": responses, "response_class": Response}


@router.get("/compliance/v1/due-days.ics", **_declared(CALENDAR, LIST_PROBLEMS))
@requires(Scope.CALENDARS)
async def calendar(request: Request) -> Response:
    """Deadlines of open replacement windows, and days by which maintenance is due, of every partner: a calendar.

    At present, as known now; without what is overdue.
    """
    return await _due_days(request, None, "calendar")


@router.get("/compliance/v1/due-days.atom", **_declared(ATOM, LIST_PROBLEMS))
@requires(Scope.CALENDARS)
async def feed(request: Request) -> Response:
    """The same as an Atom feed: an entry for each day, as long as it lies ahead."""
    return await _due_days(request, None, "feed")


@router.get("/compliance/v1/partners/{partner_id}/due-days.ics", **_declared(CALENDAR, QUESTION_PROBLEMS))
@requires(Scope.CALENDARS)
async def calendar_of_partner(request: Request, partner_id: Id) -> Response:
    """Deadlines of the partner's open replacement windows, and days by which maintenance is due: a calendar."""
    return await _due_days(request, partner_id, "calendar")


@router.get("/compliance/v1/partners/{partner_id}/due-days.atom", **_declared(ATOM, QUESTION_PROBLEMS))
@requires(Scope.CALENDARS)
async def feed_of_partner(request: Request, partner_id: Id) -> Response:
    """The same as an Atom feed."""
    return await _due_days(request, partner_id, "feed")


async def _due_days(request: Request, partner_id: str | None, form: Literal["calendar", "feed"]) -> Response:
    question = question_of(request, DueDays, partner_id=partner_id, form=form, path=request.scope["path"])
    service = service_of(request)
    await service.applied(question)
    response = await service.derive(request, question, partner_id or "due-days")
    response.headers["content-type"] = f"{_MEDIA_TYPE[form]}; charset=utf-8"
    return response
