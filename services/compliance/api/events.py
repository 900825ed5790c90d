"""The log of compliance events, to be followed by its sequence."""

import asyncio
from datetime import datetime
from typing import Final

import asyncpg
import msgspec
from fastapi import APIRouter, Request
from starlette.responses import Response

from services.compliance.api.documented import answers_with, asks
from services.compliance.api.moment import Moment, moment_of, present_moment
from services.compliance.api.question import EventsQuestion, question_of
from services.compliance.api.service import Service, service_of

router: Final = APIRouter(tags=["events"])

MEDIA_TYPE: Final = "application/cloudevents-batch+json"

_AFTER: Final = """
    SELECT e.sequence, e.event_id, e.type, e.partner_id, e.effective_at, e.recorded_at, e.subject, e.data
    FROM compliance_event e
    WHERE e.sequence > $1 AND ($2::timestamptz IS NULL OR e.effective_at <= $2)
        AND ($3::timestamptz IS NULL OR e.recorded_at <= $3)
        AND ($4::bigint IS NULL OR e.position <= $4)
    ORDER BY e.sequence LIMIT $5
"""


class CloudEventsResponse(Response):
    """A CloudEvents batch."""

    media_type = MEDIA_TYPE


class CloudEvent(msgspec.Struct, frozen=True, omit_defaults=True):
    """A compliance event as a CloudEvent. `subject` is the partner; `time` is when it was true.

    Extensions: `sequence`, its number in the log, a decimal; `recordedtime`, when it was derived;
    `about`, what it is about within the partner, where it is about one thing.
    """

    id: str
    type: str
    subject: str
    time: datetime
    sequence: str
    recordedtime: datetime
    specversion: str
    source: str
    datacontenttype: str
    data: msgspec.Raw
    about: str = ""


@router.get(
    "/compliance/v1/events",
    response_class=CloudEventsResponse,
    openapi_extra=asks(EventsQuestion),
    responses=answers_with(list[CloudEvent], MEDIA_TYPE),
)
async def events(request: Request) -> Response:
    """The events after a sequence, in order; waits up to `timeout` seconds while there are none.

    With `at` only those effective by then; with `known_at` or `known_position` only those derived from
    what was known then.
    """
    question = question_of(request, EventsQuestion)
    service = service_of(request)
    moment = None
    if question.min_position is not None:
        await service.look(question, present_moment)
    if not question.live:
        moment = await service.look(question, lambda connection: moment_of(connection, question))
    loop = asyncio.get_running_loop()
    deadline = loop.time() + question.timeout
    while True:
        ring = service.doorbell.next_ring()
        rows = await _rows(service, question, moment)
        left = deadline - loop.time()
        if rows or left <= 0 or await request.is_disconnected():
            return CloudEventsResponse(msgspec.json.encode([_cloud_event(row) for row in rows]))
        await service.doorbell.wait(ring, left)


async def _rows(service: Service, question: EventsQuestion, moment: Moment | None) -> list[asyncpg.Record]:
    """A timer's event has no position: what was known at a position are the timers due by its recording."""
    asks_what_was_known = question.known_at is not None or question.known_position is not None
    known_at, position = moment[1:] if moment and asks_what_was_known else (None, None)
    return await service.pool.fetch(_AFTER, question.after, question.at, known_at, position, question.limit)


def _cloud_event(row: asyncpg.Record) -> CloudEvent:
    sequence, event_id, kind, partner_id, effective_at, recorded_at, about, data = row
    return CloudEvent(
        id=event_id,
        type=kind,
        subject=partner_id,
        time=effective_at,
        sequence=str(sequence),
        recordedtime=recorded_at,
        specversion="1.0",
        source="/compliance/v1",
        datacontenttype="application/json",
        data=msgspec.Raw(data),
        about=about,
    )
