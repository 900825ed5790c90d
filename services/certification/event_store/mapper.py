"""The library's mapper for our log: facts by the event contract, other events as the library maps them."""

from dataclasses import dataclass
from typing import Any

from eventsourcing.domain import DomainEventProtocol, TAggregateID
from eventsourcing.persistence import Mapper, Notification, ProgrammingError, StoredEvent
from eventsourcing.utils import TopicError, resolve_topic

from services.certification.event_store.library_event_codec import is_fact
from shared.events import wire
from shared.events.envelope import Fact


@dataclass(frozen=True)
class FactEvent:
    """A fact as an event of the library: its stream, its place there from 1, and the fact.

    `fact.position` is its place in the log where it was read from the log, and 0 where it was read from its stream;
    `fact.append_position` is 0.
    """

    originator_id: str
    originator_version: int
    fact: Fact


@dataclass(frozen=True)
class UnknownEvent:
    """An event of an application whose code is not installed here. `state`: as it was given."""

    originator_id: str
    originator_version: int
    topic: str
    state: bytes


class LogMapper(Mapper[TAggregateID]):
    """Never fails for an event of another application: a projection that meets one goes on."""

    def to_stored_event(self, domain_event: DomainEventProtocol[TAggregateID]) -> StoredEvent:
        """The event as the library stores it. Raises `ProgrammingError` for what was read and is not to be written."""
        event: object = domain_event
        if isinstance(event, FactEvent | UnknownEvent):
            raise ProgrammingError(f"{type(domain_event).__name__} is for reading: it is in the log already")
        return super().to_stored_event(domain_event)

    def to_domain_event(self, stored_event: StoredEvent) -> Any:
        """The event of a row: a `FactEvent`, an event of a class that the topic names, or an `UnknownEvent`.

        Raises `wire.UnknownTopicError` for a fact of a version that is newer than this one.
        """
        if is_fact(stored_event.topic):
            position = stored_event.id if isinstance(stored_event, Notification) else 0
            fact = wire.decode(stored_event.topic, stored_event.state, position, 0)
            return FactEvent(str(stored_event.originator_id), stored_event.originator_version, fact)
        try:
            resolve_topic(stored_event.topic)
        except TopicError:
            return UnknownEvent(
                str(stored_event.originator_id), stored_event.originator_version, stored_event.topic, stored_event.state
            )
        return super().to_domain_event(stored_event)
