"""How many compliance events were recorded since some instants, by type."""

from datetime import datetime
from typing import Annotated, Final

import msgspec
from fastapi import APIRouter, Request
from starlette.responses import Response

from services.compliance.api.openapi import LIST_PROBLEMS, question_docs
from services.compliance.api.query_params import question_of
from services.compliance.api.service import service_of
from services.compliance.cloud_event import CloudEvent, cloud_event
from services.compliance.historical_answers.questions import TYPES, FreshQuestion, QueryParameter, whole_number
from services.compliance.read_model.event_log import count_recorded_events, read_newest_events
from services.compliance.read_model.shared_snapshot import one_moment
from services.web.event_feed import full_types
from services.web.scopes import Scope, requires
from shared.events.compliance_events import TYPE_OF

router: Final = APIRouter(tags=["events"])

COUNTED_MAX: Final = 10_000
"""At most so many events of each type are counted."""
INSTANTS_MAX: Final = 4
NEWEST_MAX: Final = 50


class EventCountsQuestion(FreshQuestion, frozen=True, kw_only=True):
    """Which events are counted."""

    recorded_from: Annotated[
        tuple[datetime, ...],
        QueryParameter(
            "Those recorded at or after each of these instants, or the midnight that begins each of these days in "
            "London; without one, all.",
            "beginning",
            most=INSTANTS_MAX,
        ),
    ] = ()
    type: Annotated[tuple[str, ...], TYPES] = ()
    newest: Annotated[int, whole_number("How many of the newest are shown, too.", 0, NEWEST_MAX)] = 0


class EventCount(msgspec.Struct, frozen=True):
    """How many events of one type there are. `more`: there are others, which are not counted."""

    type: str
    count: int
    more: bool


class EventCounts(msgspec.Struct, frozen=True):
    """The events recorded from an instant on (null: ever), by type, the most frequent first; none is left out."""

    recorded_from: datetime | None
    types: tuple[EventCount, ...]


class EventCountsAnswer(msgspec.Struct, frozen=True):
    """The counts in the order of the instants, and the newest events since the earliest of them, newest first."""

    counts: tuple[EventCounts, ...]
    newest: tuple[CloudEvent, ...]


@router.get(
    "/compliance/v1/recorded-events/counts",
    **question_docs(EventCountsQuestion, EventCountsAnswer, problems=LIST_PROBLEMS),
)
@requires(Scope.READ)
async def event_counts(request: Request) -> Response:
    """How many events were recorded since some instants, by type, each up to ten thousand; and the newest of them."""
    question = question_of(request, EventCountsQuestion)
    service = service_of(request)
    every_type = list(TYPE_OF.values())
    types = full_types(question.type, every_type) or every_type
    instants: tuple[datetime | None, ...] = question.recorded_from or (None,)
    await service.applied(question)
    async with service.list_connection() as connection, one_moment(connection):
        counted = await count_recorded_events(connection, instants, types, COUNTED_MAX + 1)
        newest = (
            await read_newest_events(connection, min(question.recorded_from, default=None), types, question.newest)
            if question.newest
            else []
        )
    counts = tuple(
        EventCounts(
            instant,
            tuple(
                EventCount(count.type, min(count.found, COUNTED_MAX), count.found > COUNTED_MAX)
                for count in counted
                if count.number == number
            ),
        )
        for number, instant in enumerate(instants, 1)
    )
    answer = EventCountsAnswer(counts, tuple(map(cloud_event, newest)))
    return Response(msgspec.json.encode(answer), media_type="application/json")
