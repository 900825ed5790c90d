"""The fact log, kept by the `eventsourcing` library on PostgreSQL; nothing else imports that library."""

from services.certification.event_store.calls import Call, Outcome, Routing, Row
from services.certification.event_store.store import EventStore, Loaded, StoredFact
from services.certification.event_store.streams import routing_of, stream_of

__all__ = [
    "Call",
    "EventStore",
    "Loaded",
    "Outcome",
    "Routing",
    "Row",
    "StoredFact",
    "routing_of",
    "stream_of",
]
