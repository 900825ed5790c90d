"""Events of an application of the library as one call of `certification.append`."""

from collections.abc import Sequence
from hashlib import sha256
from typing import Final
from uuid import uuid4

import msgspec
from eventsourcing.persistence import IntegrityError, ProgrammingError, StoredEvent

from services.certification.event_store.append_request import AppendRequest, Row
from services.certification.event_store.library_event_codec import carry, is_fact
from shared.events.facts import STREAMS

ACTOR: Final = "library"
"""The actor of events that an application of the library writes; no caller of the service has this name."""

EVENT_ID_PREFIX: Final = "event:"
"""What the id of an event that is not a fact begins with; no id that the service accepts has a colon."""

_OF_FACTS: Final = tuple(stream.prefix for stream in STREAMS)
_encoder: Final = msgspec.json.Encoder()


class EventAppend(msgspec.Struct, frozen=True):
    """Events that are recorded together or not at all. `places`: (stream, version) of each, in order."""

    call: AppendRequest
    places: tuple[tuple[str, int], ...]

    @property
    def encoded(self) -> bytes:
        """As the appender takes it."""
        return _encoder.encode(self.call)

    @property
    def stream(self) -> str | None:
        """The one stream that it goes to; None if there are several."""
        return self.call.originator_id

    def positions(self, append_position: int) -> list[int]:
        """The position of each event, where the last has this one."""
        return list(range(append_position - len(self.places) + 1, append_position + 1))


def event_append(stored_events: Sequence[StoredEvent]) -> EventAppend:
    """The call; where there is one stream, on the condition that nothing was recorded after the version seen.

    Raises `ProgrammingError` for what is certification's to record, and `IntegrityError` for versions that could not
    follow each other from 1.
    """
    places: list[tuple[str, int]] = []
    last: dict[str, int] = {}
    digest = sha256()
    for event in stored_events:
        originator_id, version = str(event.originator_id), event.originator_version
        _require_own(originator_id, event.topic)
        if version < 1 or last.get(originator_id, version - 1) != version - 1:
            raise IntegrityError(f"version {version} of {originator_id}: versions count from 1, one after the other")
        last[originator_id] = version
        places.append((originator_id, version))
        digest.update(event.state)
    first_id, first_version = places[0]
    call = AppendRequest(
        actor=ACTOR,
        idempotency_key=str(uuid4()),
        content_hash=f"\\x{digest.hexdigest()}",
        facts=tuple(
            Row(
                originator_id=originator_id,
                topic=event.topic,
                state=carry(event.state),
                fact_id=f"{EVENT_ID_PREFIX}{uuid4()}",
            )
            for (originator_id, _), event in zip(places, stored_events, strict=True)
        ),
        originator_id=first_id if len(last) == 1 else None,
        originator_seen=first_version - 1 if len(last) == 1 else None,
    )
    return EventAppend(call, tuple(places))


def _require_own(originator_id: str, topic: str) -> None:
    """Facts are decided before they are recorded, and their streams hold nothing else."""
    if is_fact(topic):
        raise ProgrammingError(f"{topic} is a fact: facts are recorded by the certification service, which decides")
    if originator_id.startswith(_OF_FACTS):
        raise ProgrammingError(f"{originator_id} is a stream of facts: {', '.join(_OF_FACTS)}… are the service's")
