"""The compliance events that were recorded last, for people who look, and those that followed from a fact."""

from datetime import datetime
from typing import Annotated, Final

import msgspec
from fastapi import APIRouter, Request
from starlette.responses import Response

from services.compliance.api.openapi import question_docs
from services.compliance.api.query_params import Id, question_of
from services.compliance.api.service import service_of
from services.compliance.cloud_event import CloudEvent, cloud_event
from services.compliance.database import Connection
from services.compliance.historical_answers.questions import (
    ABOUT_PARTNERS,
    AFTER,
    LIMIT,
    TYPES,
    FreshQuestion,
    QueryParameter,
)
from services.compliance.read_model.event_log import EventsOfFact, read_events_of_fact, read_recorded_events
from services.compliance.refusals import NeverMentioned
from services.web.event_feed import full_types
from services.web.feed_events import LIMIT_DEFAULT
from services.web.lists_as_csv import list_of
from services.web.scopes import Scope, requires
from shared.events.compliance_events import TYPE_OF

router: Final = APIRouter(tags=["events"])


class RecordedEventsQuestion(FreshQuestion, frozen=True, kw_only=True):
    """Which events, newest first."""

    recorded_from: Annotated[
        datetime | None,
        QueryParameter(
            "Recorded at or after this instant, or the midnight that begins this day in London.", "beginning"
        ),
    ] = None
    type: Annotated[tuple[str, ...], TYPES] = ()
    partner_id: Annotated[tuple[str, ...], ABOUT_PARTNERS] = ()
    limit: Annotated[int, LIMIT] = LIMIT_DEFAULT
    after: Annotated[int | None, AFTER] = None


class RecordedEventsAnswer(msgspec.Struct, frozen=True):
    """A page of events, newest first. `next`: the `after` of the next page, with older events; null: there is none."""

    events: tuple[CloudEvent, ...]
    next: int | None


@router.get("/compliance/v1/recorded-events", **question_docs(RecordedEventsQuestion, RecordedEventsAnswer))
@requires(Scope.READ)
@list_of("events", ("position", "recordedtime", "time", "type", "subject", "about", "id"), rest="data")
async def recorded_events(request: Request) -> Response:
    """The events recorded since an instant, newest first. To miss none, follow the feed `/compliance/v1/events`."""
    question = question_of(request, RecordedEventsQuestion)
    service = service_of(request)
    types = full_types(question.type, list(TYPE_OF.values()))
    await service.applied(question)
    async with service.list_connection() as connection:
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


class EventsOfFactQuestion(FreshQuestion, frozen=True, kw_only=True):
    """Which of the events that a fact led to."""

    after: Annotated[int, AFTER] = 0
    limit: Annotated[int, LIMIT] = LIMIT_DEFAULT


class EventsOfFactAnswer(msgspec.Struct, frozen=True):
    """A page of the events that a fact led to, together with the facts appended with it.

    `applied`: whether the fact is applied for every partner; until then more may come. `next`: the `after` of the next
    page; null: there is none.
    """

    fact_id: str
    append_position: int
    applied: bool
    events: tuple[CloudEvent, ...]
    next: int | None


@router.get("/compliance/v1/facts/{fact_id}/events", **question_docs(EventsOfFactQuestion, EventsOfFactAnswer))
@requires(Scope.READ)
@list_of("events", ("position", "recordedtime", "time", "type", "subject", "about", "id"), rest="data")
async def events_of_fact(request: Request, fact_id: Id) -> Response:
    """The events derived from the fact and those appended with it, in order; none where it changed nothing.

    What time alone brought about later, such as the suspension at the end of a window, has no fact of its own.
    """
    question = question_of(request, EventsOfFactQuestion)

    async def read(connection: Connection) -> tuple[int, tuple[int, EventsOfFact | None]]:
        found = await read_events_of_fact(connection, fact_id, question.after, question.limit)
        return found[0], found

    applied_through, found = await service_of(request).wait_for_position(question, read)
    if found is None:
        raise NeverMentioned(f"No fact {fact_id} was ever recorded.")
    following = found.events[-1].position if len(found.events) == question.limit else None
    answer = EventsOfFactAnswer(
        fact_id,
        found.append_position,
        applied_through >= found.append_position,
        tuple(map(cloud_event, found.events)),
        following,
    )
    return Response(msgspec.json.encode(answer), media_type="application/json")
