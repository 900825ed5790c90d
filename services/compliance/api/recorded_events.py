"""The compliance events that were recorded last: what changed since, for people who look."""

from typing import Final

import msgspec
from fastapi import APIRouter, Request
from starlette.responses import Response

from services.compliance.api.openapi import query_parameters, response_docs
from services.compliance.api.query_params import RECORDED_EVENTS_FILTER, RecordedEventsQuestion, question_of
from services.compliance.api.service import service_of
from services.compliance.cloud_event import CloudEvent, cloud_event
from services.compliance.read_model.current_standings import present_moment
from services.compliance.read_model.event_log import read_recorded_events
from services.web.event_feed import full_types
from services.web.list_tables import list_of
from services.web.scopes import Scope, requires
from shared.events.compliance_events import TYPE_OF

router: Final = APIRouter(tags=["events"])


class RecordedEventsAnswer(msgspec.Struct, frozen=True):
    """A page of events, newest first. `next`: the `after` of the next page, which has older ones; null: the last."""

    events: tuple[CloudEvent, ...]
    next: int | None


@router.get(
    "/compliance/v1/recorded-events",
    openapi_extra=query_parameters(RecordedEventsQuestion),
    responses=response_docs(RecordedEventsAnswer),
)
@requires(Scope.READ)
@list_of("events", ("position", "recordedtime", "time", "type", "subject", "about", "id"), rest="data")
async def recorded_events(request: Request) -> Response:
    """The events recorded since an instant, newest first. To miss none, follow the feed `/compliance/v1/events`."""
    question = question_of(request, RecordedEventsQuestion, RECORDED_EVENTS_FILTER)
    service = service_of(request)
    types = full_types(question.type, list(TYPE_OF.values()))
    if question.min_position is not None:
        await service.wait_for_position(question, present_moment)
    async with service.connection() as connection:
        found = await read_recorded_events(
            connection,
            question.recorded_from,
            question.after,
            types or None,
            question.partner_id or None,
            question.limit,
        )
    following = found[-1].position if len(found) == question.limit else None
    answer = RecordedEventsAnswer(tuple(map(cloud_event, found)), following)
    return Response(msgspec.json.encode(answer), media_type="application/json")
