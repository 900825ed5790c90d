"""The log as a feed: CloudEvents in batches, in the order of positions."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Final

import msgspec
from fastapi import APIRouter, Query, Response
from starlette.concurrency import run_in_threadpool

from services.certification.api.calls import REFUSALS, TheService
from services.certification.event_store.store import LogEntry
from shared.events.facts import TOPIC_OF, FactData

MEDIA_TYPE: Final = "application/cloudevents-batch+json"
SOURCE: Final = "/certification/v1"
LIMIT_MAX: Final = 1000
TIMEOUT_SECONDS_MAX: Final = 60
POSITION_MAX: Final = 2**63 - 1

router = APIRouter(prefix="/certification/v1/events", tags=["Facts"])


class CloudEvent(msgspec.Struct, frozen=True):
    """A fact as a CloudEvent 1.0. `time` is when it was true, `recordedtime` when it became known."""

    id: str
    type: str
    subject: str
    time: datetime
    recordedtime: datetime
    position: int
    correlationid: str
    data: FactData
    causationid: str | msgspec.UnsetType
    specversion: str = "1.0"
    source: str = SOURCE
    datacontenttype: str = "application/json"


@router.get(
    "",
    response_class=Response,
    responses={200: {"description": "The facts after the position, in order", "content": {MEDIA_TYPE: {}}}, **REFUSALS},
)
async def events(
    service: TheService,
    after: Annotated[int, Query(ge=0, le=POSITION_MAX, description="The last position already seen.")] = 0,
    limit: Annotated[int, Query(ge=1, le=LIMIT_MAX)] = 100,
    timeout: Annotated[
        int, Query(ge=0, le=TIMEOUT_SECONDS_MAX, description="Seconds to wait for a fact when there is none.")
    ] = 0,
) -> Response:
    """The facts after a position, at most `limit`; positions have no gaps and none is ever filled in later."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout
    while True:
        ring = service.bell.next_ring()
        facts = await run_in_threadpool(service.store.facts_after, after, limit)
        seconds_left = deadline - loop.time()
        if facts or seconds_left <= 0:
            return Response(batch(facts), media_type=MEDIA_TYPE)
        await service.bell.wait(ring, seconds_left)


def batch(entries: Sequence[LogEntry]) -> bytes:
    """The entries as one CloudEvents batch."""
    return msgspec.json.encode([_event(entry) for entry in entries])


def _event(entry: LogEntry) -> CloudEvent:
    fact = entry.fact
    return CloudEvent(
        id=fact.fact_id,
        type=TOPIC_OF[type(fact.data)],
        subject=entry.originator_id,
        time=fact.effective_at,
        recordedtime=fact.recorded_at,
        position=fact.position,
        correlationid=fact.correlation_id,
        causationid=fact.causation_id or msgspec.UNSET,
        data=fact.data,
    )
