"""The compliance events that followed from a fact."""

from typing import Annotated, Final

import msgspec
from fastapi import APIRouter, Request
from starlette.responses import Response

from services.compliance.api.openapi import question_docs
from services.compliance.api.query_params import Id, question_of
from services.compliance.api.service import service_of
from services.compliance.cloud_event import CloudEvent, cloud_event
from services.compliance.database import Connection
from services.compliance.historical_answers.queries import AFTER, LIMIT, FreshQuestion
from services.compliance.read_model.event_log import EventsOfFact, read_events_of_fact
from services.compliance.refusals import NeverMentioned
from services.web.feed_events import LIMIT_DEFAULT
from services.web.lists_as_csv import list_of
from services.web.scopes import Scope, requires

router: Final = APIRouter(tags=["events"])


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
