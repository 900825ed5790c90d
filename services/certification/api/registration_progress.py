"""Answers as of (at, known_at): true at one instant, judged from what was recorded by another (R31)."""

from datetime import datetime
from typing import NamedTuple

from services.certification.domain.exam_registration import Progress, progress
from services.certification.domain.refusals import KnownInTheFuture, NotFound
from services.certification.event_store.store import EventStore
from services.certification.event_store.streams import registration_stream


class Moment(NamedTuple):
    """True at `at`, judged from the facts recorded by `known_at`."""

    at: datetime
    known_at: datetime


async def registration_progress(
    store: EventStore, registration_id: str, at: datetime | None, known_at: datetime | None
) -> tuple[Moment, Progress]:
    """How far the registration has come; both instants default to now.

    Raises `KnownInTheFuture`, and `NotFound` while the registration is not recorded, or voided.
    """
    now = await store.now()
    moment = Moment(at or now, known_at or now)
    if moment.known_at > now:
        raise KnownInTheFuture("known_at lies after now.")
    await store.settle(moment.known_at)
    facts = await store.stream(registration_stream(registration_id))
    found = progress([fact for fact in facts if fact.recorded_at <= moment.known_at], moment.at)
    if found is None:
        raise NotFound(
            f"Registration {registration_id} was not recorded by then, or was voided and not recorded again."
        )
    return moment, found
