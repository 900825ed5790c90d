"""The library's recorders on our log: its reads and subscriptions, and appends that go through `certification.append`.

What is written here is a row of the one log like any fact: stamped under the append lock, at the next position.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from time import monotonic, sleep
from typing import Any, Final, LiteralString, TypeAlias, TypeVar
from uuid import UUID

from eventsourcing.persistence import (
    ApplicationRecorder,
    IntegrityError,
    InterfaceError,
    Notification,
    OperationalError,
    ProcessRecorder,
    StoredEvent,
    Subscription,
    Tracking,
)
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresTrackingRecorder
from psycopg import Cursor
from psycopg.rows import DictRow

from services.certification.event_store.appends_for_threads import AppendThread
from services.certification.event_store.database import RETRY_SECONDS
from services.certification.event_store.datastore import LogDatastore
from services.certification.event_store.library_append import EventAppend, event_append
from services.certification.event_store.library_event_codec import carried, is_fact
from services.certification.event_store.subscription import LogSubscription
from shared.events.channels import FACTS_CHANNEL

_STATEMENT_TIMEOUT: Final[LiteralString] = "SELECT set_config('statement_timeout', %s, true)"
_APPEND: Final[LiteralString] = "SELECT outcome, position FROM certification.append(%s::jsonb)"
_PLACES: Final[LiteralString] = """
    SELECT originator_id, originator_version FROM certification.stored_events
    WHERE notification_id > %s AND notification_id <= %s ORDER BY notification_id
"""
_REACHES: Final[LiteralString] = """
    SELECT FROM certification.stored_events WHERE originator_id = %s AND originator_version = %s
"""

Event = TypeVar("Event", bound=StoredEvent)
Track: TypeAlias = Callable[[Cursor[DictRow]], None]
"""Records the position of a projection, in the transaction of the cursor."""


class LogRecorder(PostgresApplicationRecorder):
    """Reads and subscriptions are the library's, of every application's events and of the facts.

    The state of a fact comes as stored, that of another event as it was given. Ids of streams are text; a UUID is
    taken as its text.
    """

    datastore: LogDatastore

    def __init__(self, datastore: LogDatastore, append_thread: AppendThread) -> None:
        super().__init__(datastore, events_table_name="stored_events")
        self.channel_name = FACTS_CHANNEL
        self._append_thread = append_thread

    def create_table(self) -> None:
        """Does nothing: the migrations create the tables."""

    def insert_events(
        self,
        stored_events: Sequence[StoredEvent],
        **kwargs: Any,  # noqa: ARG002 - the library's signature
    ) -> Sequence[int] | None:
        """Appends the events together, and returns their positions once they are durable.

        Raises `IntegrityError` if a stream does not end just before the version of the first event for it,
        `ProgrammingError` for facts and their streams, and `OperationalError` where the database did not answer in
        time: the events may be recorded or not, which reading the stream shows.
        """
        if not stored_events:
            return None
        append = event_append(stored_events)
        position = self._append_in_transaction(append) if append.stream is None else self._append_in_group(append)
        return append.positions(position)

    def _append_in_group(self, append: EventAppend) -> int:
        """Appends to one stream, together with what other threads append at the time; returns the last position."""
        stream, version = append.places[0]
        if version > 1 and not self._reaches(stream, version - 1):
            raise IntegrityError(f"version {version} of {stream}: the stream does not reach version {version - 1}")
        outcome = self._append_thread.append(append.encoded)
        if outcome.position is None:
            raise IntegrityError(f"version {version} of {stream} is recorded already")
        return outcome.position

    def _reaches(self, stream: str, version: int) -> bool:
        """Whether the stream has that version. A version never goes away, so the check may come before the append."""
        with self.datastore.get_connection() as connection:
            return connection.execute(_REACHES, (stream, version)).fetchone() is not None

    def _append_in_transaction(self, append: EventAppend, track: Track | None = None) -> int:
        """Appends to several streams, or tracks besides; returns the last position.

        Tries until the deadline. What was recorded although the answer was lost is recognised by its key.
        """
        deadline = monotonic() + self.datastore.seconds_max
        while True:
            try:
                position = self._transact(append, track, deadline - monotonic())
            except (InterfaceError, OperationalError):
                if monotonic() + RETRY_SECONDS >= deadline:
                    raise
                sleep(RETRY_SECONDS)
            else:
                self._append_thread.notify_soon(position)
                return position

    def _transact(self, append: EventAppend, track: Track | None, seconds_max: float) -> int:
        """Appends, checks that each stream went on where it should, and tracks."""
        with self.datastore.transaction(commit=True) as cursor:
            cursor.execute(_STATEMENT_TIMEOUT, (f"{max(1, round(1000 * seconds_max))}",))
            row = cursor.execute(_APPEND, (f"[{append.encoded.decode()}]",)).fetchone()
            assert row is not None
            position = row["position"]
            if row["outcome"] == "recorded":
                found = cursor.execute(_PLACES, (position - len(append.places), position)).fetchall()
                if [(row["originator_id"], row["originator_version"]) for row in found] != list(append.places):
                    raise IntegrityError(f"the streams do not end just before {append.places}")
                if track is not None:
                    track(cursor)
            elif position is None:
                raise IntegrityError(f"{append.places} are recorded already")
        return int(position)

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        """The events of a stream."""
        found = super().select_events(str(originator_id), gt=gt, lte=lte, desc=desc, limit=limit)
        return [_as_given(event) for event in found]

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        """The log between two positions, of these topics, or all."""
        found = super().select_notifications(start, limit, stop, topics, inclusive_of_start=inclusive_of_start)
        return [_as_given(event) for event in found]

    def subscribe(self, gt: int | None = None, topics: Sequence[str] = ()) -> Subscription[ApplicationRecorder]:
        """The log after a position, of these topics, or all, and what is recorded from then on, without an end."""
        return LogSubscription(recorder=self, gt=gt, topics=topics)


class LogAggregateRecorder(LogRecorder):
    """Streams without their positions."""

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> None:
        """Appends as `LogRecorder` does, and returns nothing."""
        super().insert_events(stored_events, **kwargs)


class LogProcessRecorder(LogRecorder, ProcessRecorder):
    """Appends events together with the position of the projection that made them."""

    def __init__(
        self, datastore: LogDatastore, append_thread: AppendThread, tracking_recorder: PostgresTrackingRecorder
    ) -> None:
        super().__init__(datastore, append_thread)
        self._tracking_recorder = tracking_recorder

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int] | None:
        """Appends as `LogRecorder` does; with `tracking`, in one transaction with it, or not at all.

        Raises `IntegrityError` if that or more was tracked already.
        """
        tracking: Tracking | None = kwargs.get("tracking")
        if tracking is None:
            return super().insert_events(stored_events)
        if not stored_events:
            self.insert_tracking(tracking)
            return None
        append = event_append(stored_events)

        def track(cursor: Cursor[DictRow]) -> None:
            self._tracking_recorder._insert_tracking(cursor, tracking)  # noqa: SLF001 - as the library's views do

        return append.positions(self._append_in_transaction(append, track))

    def insert_tracking(self, tracking: Tracking) -> None:
        """Records the position of the projection."""
        self._tracking_recorder.insert_tracking(tracking)

    def max_tracking_id(self, application_name: str) -> int | None:
        """The position of the projection in that application."""
        position: int | None = self._tracking_recorder.max_tracking_id(application_name)
        return position


def _as_given(event: Event) -> Event:
    return event if is_fact(event.topic) else replace(event, state=carried(event.state))
