"""An application of the library on our log: its events get stamps and positions like facts, and harm no fact."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from threading import Barrier
from typing import Any, Final
from uuid import UUID, uuid4

import psycopg
import pytest
from eventsourcing.application import AggregateNotFoundError, Application
from eventsourcing.domain import Aggregate, event
from eventsourcing.persistence import (
    InfrastructureFactoryError,
    IntegrityError,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
    StoredEvent,
)
from hypothesis import given
from hypothesis import strategies as st

from services.certification.event_store.library_event_codec import carried, carry
from tests.certification.library import environment
from tests.databases import Database

WRITERS: Final = 8


class Room(Aggregate):
    """Where trainings take place: nothing that compliance knows of."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.bookings: list[str] = []

    @event("Booked")
    def book(self, course: str) -> None:
        """One more course."""
        self.bookings.append(course)


class Rooms(Application[UUID]):
    """The library's application as it comes."""


@pytest.fixture
def rooms(database: Database) -> Iterator[Rooms]:
    """The application on the log of the test."""
    with closing(Rooms(environment(database))) as rooms:
        yield rooms


def log(owner: psycopg.Connection) -> list[Any]:
    return owner.execute(
        "SELECT notification_id, append_position, originator_version, recorded_at, topic, convert_from(state, 'UTF8')"
        " FROM certification.stored_events ORDER BY 1"
    ).fetchall()


def stored(stream: str, version: int, topic: str = "topic", state: bytes = b"{}") -> StoredEvent:
    return StoredEvent(stream, version, topic, state)


class TestAnApplication:
    def test_its_repository_finds_what_it_saved(self, rooms: Rooms) -> None:
        room = Room("harbour")
        room.book("S200P")
        rooms.save(room)
        room.book("S200S")
        rooms.save(room)

        found: Room = rooms.repository.get(room.id)
        assert (found.name, found.bookings, found.version) == ("harbour", ["S200P", "S200S"], 3)
        earlier: Room = rooms.repository.get(room.id, version=2)
        assert earlier.bookings == ["S200P"]
        with pytest.raises(AggregateNotFoundError):
            rooms.repository.get(uuid4())

    def test_what_it_saves_is_stamped_and_numbered_like_facts(self, rooms: Rooms, owner: psycopg.Connection) -> None:
        one, two = Room("one"), Room("two")
        two.book("S200P")
        recordings = rooms.save(one, two)
        rooms.save(Room("three"))

        assert [recording.notification.id for recording in recordings] == [1, 2, 3]
        rows = log(owner)
        assert [row[:3] for row in rows] == [(1, 3, 1), (2, 3, 1), (3, 3, 2), (4, 4, 1)]
        assert rows[0][3] == rows[1][3] == rows[2][3] < rows[3][3]
        for *_, recorded_at, _, state in rows:
            assert f'"recorded_at":"{recorded_at.isoformat().replace("+00:00", "Z")}"' in state

    def test_a_barrier_bounds_it(self, rooms: Rooms, database: Database, owner: psycopg.Connection) -> None:
        rooms.save(Room("before"))
        with psycopg.connect(database.compliance_url, autocommit=True) as compliance:
            row = compliance.execute("SELECT floor, head FROM certification.barrier()").fetchone()
        rooms.save(Room("after"))
        before, after = log(owner)
        assert row is not None
        assert row[1] == 1
        assert before[3] < row[0] <= after[3]

    def test_of_two_that_go_on_from_one_version_one_is_refused(self, rooms: Rooms, owner: psycopg.Connection) -> None:
        room = Room("harbour")
        rooms.save(room)
        one: Room = rooms.repository.get(room.id)
        two: Room = rooms.repository.get(room.id)
        one.book("S200P")
        two.book("S200S")
        rooms.save(one)
        with pytest.raises(IntegrityError):
            rooms.save(two)
        assert len(log(owner)) == 2

    def test_its_log_has_sections_of_every_event(self, rooms: Rooms) -> None:
        for number in range(12):
            rooms.save(Room(str(number)))
        section = rooms.notification_log["1,10"]
        assert (section.id, section.next_id, len(section.items)) == ("1,10", "11,20", 10)
        assert [item.id for item in rooms.notification_log.select(11, 10)] == [11, 12]

    def test_snapshots_are_refused(self, database: Database) -> None:
        with pytest.raises(NotSupportedError, match="IS_SNAPSHOTTING_ENABLED"):
            Rooms({**environment(database), "IS_SNAPSHOTTING_ENABLED": "yes"})

    @pytest.mark.parametrize(
        ("settings", "said"),
        [
            ({}, "SAGECERT_CERTIFICATION_DATABASE_URL"),
            ({"SAGECERT_CERTIFICATION_DATABASE_URL": "mysql://secret"}, "begins with postgresql"),
            (
                {"SAGECERT_CERTIFICATION_DATABASE_URL": "postgresql://x", "POSTGRES_ENABLE_DB_FUNCTIONS": "yes"},
                "would miss facts",
            ),
        ],
    )
    def test_settings_that_are_wrong_are_named(self, settings: dict[str, str], said: str) -> None:
        with pytest.raises(InfrastructureFactoryError, match=said) as refused:
            Rooms({"PERSISTENCE_MODULE": "services.certification.event_store.factory", **settings})
        assert "secret" not in str(refused.value)

    def test_settings_carry_the_name_of_the_application(self, database: Database) -> None:
        named = {f"ROOMS_{name}": value for name, value in environment(database).items()}
        with closing(Rooms(named)) as rooms:
            assert rooms.save(Room("harbour"))[0].notification.id == 1


class TestAppends:
    def test_nobody_misses_an_event_of_many_writers(self, rooms: Rooms) -> None:
        """Events of one stream and of several, in groups and in transactions, with a follower that goes by position."""
        each = 30
        seen: list[int] = []

        def write(number: int) -> None:
            for turn in range(each):
                rooms.save(*(Room(f"{number}-{turn}") for _ in range(1 + turn % 3)))

        total = WRITERS * sum(1 + turn % 3 for turn in range(each))
        with ThreadPoolExecutor(WRITERS) as pool, rooms.recorder.subscribe(gt=0) as subscription:
            writing = [pool.submit(write, number) for number in range(WRITERS)]
            for notification in subscription:
                seen.append(notification.id)
                if len(seen) == total:
                    break
            for done in writing:
                done.result()
        assert seen == list(range(1, total + 1))

    @pytest.mark.parametrize("streams", [1, 2])
    def test_of_many_that_append_the_same_version_one_does(
        self, rooms: Rooms, owner: psycopg.Connection, streams: int
    ) -> None:
        ready = Barrier(WRITERS)

        def append(_: int) -> bool:
            ready.wait()
            try:
                rooms.recorder.insert_events([stored(f"s{number}", 1) for number in range(streams)])
            except IntegrityError:
                return False
            return True

        with ThreadPoolExecutor(WRITERS) as pool:
            assert sum(pool.map(append, range(WRITERS))) == 1
        assert [row[0] for row in log(owner)] == list(range(1, streams + 1))

    @pytest.mark.parametrize(
        "events",
        [
            [stored("a", 0)],
            [stored("a", 2)],
            [stored("a", 1), stored("a", 1)],
            [stored("a", 1), stored("a", 3)],
            [stored("a", 1), stored("b", 2)],
            [stored("b", 2), stored("a", 1)],
            [stored("old", 1)],
            [stored("old", 3)],
            [stored("a", 1), stored("old", 1)],
            [stored("a", 1), stored("old", 3)],
        ],
    )
    def test_versions_follow_each_other_or_nothing_is_appended(
        self, rooms: Rooms, owner: psycopg.Connection, events: list[StoredEvent]
    ) -> None:
        rooms.recorder.insert_events([stored("old", 1)])
        with pytest.raises(IntegrityError):
            rooms.recorder.insert_events(events)
        assert rooms.recorder.insert_events([stored("old", 2), stored("a", 1)]) == [2, 3]
        assert len(log(owner)) == 3

    @pytest.mark.parametrize(
        "event",
        [
            stored("mine", 1, "com.sage.partnercloud.partner-enrolled.v1"),
            stored("mine", 1, "com.sage.partnercloud.something-new.v1"),
            stored("partner-P1", 1),
            stored("consultant-C1", 1),
            stored("exam_registration-R1", 1),
            stored("portal_change-login", 1),
        ],
    )
    def test_facts_and_their_streams_are_the_services(
        self, rooms: Rooms, owner: psycopg.Connection, event: StoredEvent
    ) -> None:
        with pytest.raises(ProgrammingError, match="service"):
            rooms.recorder.insert_events([event])
        assert log(owner) == []

    @pytest.mark.parametrize(
        "state",
        [b"", b"{}", b"\x00", b"\xff\xfe", b'"\x01"', b'{"a":"\\u0000"}', b'{"recorded_at":"x"}', "Zoë ☃".encode()],
    )
    def test_a_state_of_any_bytes_comes_back(self, rooms: Rooms, state: bytes) -> None:
        rooms.recorder.insert_events([stored("a", 1, state=state)])
        assert [found.state for found in rooms.recorder.select_events("a")] == [state]
        assert [found.state for found in rooms.recorder.select_notifications(1, 1)] == [state]

    @pytest.mark.parametrize("streams", [1, 2])
    def test_a_database_that_does_not_answer_is_said_in_time(
        self, database: Database, owner: psycopg.Connection, streams: int
    ) -> None:
        settings = {**environment(database), "SAGECERT_CERTIFICATION_CALL_SECONDS_MAX": "0.5"}
        with closing(Rooms(settings)) as rooms:
            with owner.transaction():
                owner.execute("LOCK TABLE certification.recording IN EXCLUSIVE MODE")
                with pytest.raises(OperationalError, match=r"in time|statement timeout"):
                    rooms.save(*(Room("late") for _ in range(streams)))
            assert rooms.save(Room("afterwards"))

    @pytest.mark.parametrize("streams", [1, 2])
    def test_a_lost_connection_stores_once(self, rooms: Rooms, owner: psycopg.Connection, streams: int) -> None:
        kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'sagecert_certification'"
        for turn in range(10):
            rooms.save(*(Room(f"{turn}-{number}") for number in range(streams)))
            owner.execute(kill)
        assert [row[0] for row in log(owner)] == list(range(1, 10 * streams + 1))


@given(st.binary())
def test_what_is_carried_comes_out_as_it_went_in(state: bytes) -> None:
    assert carried(carry(state).replace("\x01", "2026-01-01T00:00:00Z").encode()) == state
