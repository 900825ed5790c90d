"""Facts and events of applications in one log: each reader finds what is its own and passes by the rest."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any, Final
from uuid import UUID

import psycopg
import pytest
from eventsourcing.application import Application
from eventsourcing.domain import Aggregate
from eventsourcing.persistence import EventStore, ProgrammingError, StoredEvent, Tracking
from eventsourcing.popo import POPOTrackingRecorder
from eventsourcing.projection import Projection, ProjectionRunner

from services.certification.event_store.library_append import event_append
from services.certification.event_store.mapper import FactEvent, UnknownEvent
from services.compliance.database import connect
from services.compliance.policy.parameters import PARAMETERS
from services.compliance.projection import rebuild
from services.compliance.projection.batch import Projector
from services.host.embedded_postgres.server import Server
from shared.events.facts import ConsultantLinked, PartnerEnrolled
from tests.certification.caller import Caller
from tests.certification.library import environment
from tests.compliance.log import as_follower, settings_for
from tests.databases import ALL_IN_ONE, Database
from tests.systems import System

MINUTE_SECONDS: Final = 60.0


class Note(Aggregate):
    """Nothing that a service knows of."""


class Notes(Application[UUID]):
    """The library's application as it comes."""


class Seen(Projection[POPOTrackingRecorder]):
    """Keeps what it is given."""

    def __init__(self, view: POPOTrackingRecorder) -> None:
        super().__init__(view)
        self.events: list[Any] = []

    def process_event(self, domain_event: Any, tracking: Tracking) -> None:
        """Keeps the event."""
        self.events.append(domain_event)
        self.view.insert_tracking(tracking)


@pytest.fixture
def notes(database: Database) -> Iterator[Notes]:
    """The application on the log of the test."""
    with closing(Notes(environment(database))) as notes:
        yield notes


async def link(caller: Caller, consultant_id: str) -> int:
    """Links a consultant to P1; returns the position."""
    answer = await caller.post("partners/P1/consultants", consultant_id=consultant_id)
    assert answer.status_code == 201, answer.text
    return int(answer.json()["position"])


async def note(notes: Notes) -> None:
    """Saves a note, beside the event loop."""
    await asyncio.to_thread(notes.save, Note())


async def test_a_stock_projection_gets_facts_and_events(caller: Caller, notes: Notes, database: Database) -> None:
    await caller.post("partners", partner_id="P1", kind="VAR", programme="PARTNER_SUCCESS")
    await note(notes)
    await link(caller, "C1")
    notes.recorder.insert_events([StoredEvent("elsewhere", 1, "no.such.module:Event", b"{}")])
    env = {**environment(database), "SEEN_PERSISTENCE_MODULE": "eventsourcing.popo"}

    def follow() -> list[Any]:
        with ProjectionRunner(
            application_class=Notes, projection_class=Seen, view_class=POPOTrackingRecorder, env=env
        ) as runner:
            runner.wait(4, timeout=MINUTE_SECONDS)
            runner.wait(runner.app.save(Note())[0].notification.id, timeout=MINUTE_SECONDS)
            assert isinstance(runner.projection, Seen)
            return runner.projection.events

    enrolled, noted, linked, unknown, live = await asyncio.to_thread(follow)

    assert enrolled.fact.data == PartnerEnrolled("P1", "VAR", "PARTNER_SUCCESS")
    assert (linked.originator_id, linked.originator_version) == ("partner-P1", 2)
    assert (linked.fact.data, linked.fact.position) == (ConsultantLinked("P1", "C1"), 3)
    assert linked.fact.recorded_at > enrolled.fact.recorded_at
    assert isinstance(noted, Note.Created)
    assert isinstance(live, Note.Created)
    assert unknown == UnknownEvent("elsewhere", 1, "no.such.module:Event", b"{}")


async def test_a_stream_of_facts_reads_as_events_and_is_not_to_be_written(caller: Caller, notes: Notes) -> None:
    await caller.post("partners", partner_id="P1", kind="VAR", programme="PARTNER_SUCCESS")
    await link(caller, "C1")

    store: EventStore[Any] = notes.events
    events: list[Any] = await asyncio.to_thread(lambda: list(store.get("partner-P1")))

    assert [type(found.fact.data) for found in events] == [PartnerEnrolled, ConsultantLinked]
    assert {type(found) for found in events} == {FactEvent}
    with pytest.raises(ProgrammingError, match="in the log already"):
        store.put(events)


async def test_a_subscriber_is_woken_by_facts(caller: Caller, notes: Notes) -> None:
    with notes.recorder.subscribe(gt=0) as subscription:
        for number in range(3):
            position = await link(caller, f"C{number}")
            assert (await asyncio.to_thread(next, subscription)).id == position


def test_a_subscriber_finds_what_nobody_notified_of(notes: Notes, owner: psycopg.Connection) -> None:
    """As after a process that was killed between its commit and its notification."""
    notes.save(Note())
    with notes.recorder.subscribe(gt=0) as subscription:
        assert next(subscription).id == 1
        time.sleep(1)  # until whatever was on its way has come
        call = event_append([StoredEvent("quiet", 1, "topic", b"{}")]).encoded.decode()
        owner.execute("SELECT FROM certification.append(%s)", (f"[{call}]",))
        assert next(subscription).originator_id == "quiet"


async def test_the_feed_of_facts_passes_by_events(caller: Caller, notes: Notes) -> None:
    first = await link(caller, "C1")
    for _ in range(60):  # more than the feed reads in one go
        await note(notes)
    last = await link(caller, "C2")

    assert [event["position"] for event in await caller.log()] == [first, last]
    assert [event["position"] for event in await caller.get("events", after=first, limit=1)] == [last]
    page = await caller.http.get("/certification/v1/events", params={"after": last - 1, "limit": 1})
    assert f"after={last}" in page.headers["Link"]


async def test_who_waits_for_facts_is_not_answered_with_events(caller: Caller, notes: Notes) -> None:
    await link(caller, "C1")
    waiting = asyncio.create_task(caller.get("events", after=1, timeout=30))
    await asyncio.sleep(0.1)
    await note(notes)
    last = await link(caller, "C2")
    assert [event["position"] for event in await waiting] == [last]


async def test_the_service_knows_no_fact_of_an_events_id_or_key(
    caller: Caller, notes: Notes, owner: psycopg.Connection
) -> None:
    await note(notes)
    row = owner.execute("SELECT fact_id, idempotency_key FROM certification.stored_events").fetchone()
    assert row is not None
    assert await caller.status(f"facts/{row[0]}") == 422
    assert await caller.status("facts", idempotency_key=row[1]) == 404
    assert (await caller.post(f"facts/{row[0]}/void", reason="wrong")).status_code == 422


async def test_the_follower_passes_by_events(
    caller: Caller, notes: Notes, database: Database, owner: psycopg.Connection
) -> None:
    """With the history of the partner kept, and without; what it derives is what a rebuild derives."""
    connection = await connect(as_follower(settings_for(database)))
    projector = Projector(connection, PARAMETERS, "test")
    await caller.post("partners", partner_id="P1", kind="VAR", programme="PARTNER_SUCCESS")
    await projector.advance_fully(None)
    for number in range(3):
        await note(notes)
        await link(caller, f"C{number}")
        await caller.post("certification-recognitions", consultant_id=f"C{number}", product="S200P")
        await note(notes)
        await projector.advance_fully(None)
    await note(notes)
    await projector.advance_fully(None)

    row = await connection.fetchrow("SELECT position FROM progress")
    assert row is not None
    assert row["position"] == notes.recorder.max_notification_id()
    settings = settings_for(database)
    rebuilt = await asyncio.to_thread(rebuild.run, settings, database.owner_url, verify=True, processes=1)
    await connection.close()
    assert rebuilt.differences == ()
    assert rebuilt.events > 0


def test_the_system_goes_on(system: System, templates: Server) -> None:
    """Answers, feeds and readiness of the whole, with an event between two facts and one at the end."""
    body = {"partner_id": "P1", "kind": "VAR", "programme": "PARTNER_SUCCESS"}
    assert system.record("partners", "one", **body).status_code == 201
    with closing(Notes(environment(Database(templates, ALL_IN_ONE)))) as notes:
        notes.save(Note())
        assert system.record("partners/P1/consultants", "two", consultant_id="C1").status_code == 201
        position = notes.save(Note())[0].notification.id

    answer = system.http.get("/compliance/v1/partners/P1/compliance/S200P", params={"min_position": position})
    assert answer.status_code == 200, answer.text
    assert answer.json()["position"] == position == 4
    facts = system.http.get("/certification/v1/events").json()
    assert [fact["position"] for fact in facts] == [1, 3]
    assert system.http.get("/compliance/readyz").status_code == 200
