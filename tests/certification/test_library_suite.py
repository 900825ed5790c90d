"""The library's own tests of recorders, factories and projections, on our log.

Those that contradict the log are named in `EXCEPTIONS` with the reason, and must fail: one that would pass is red here.
`docs/event-store-module.md` lists the same.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final
from unittest import TestCase
from uuid import uuid4

import pytest
from eventsourcing.persistence import (
    AggregateRecorder,
    ApplicationRecorder,
    IntegrityError,
    NotSupportedError,
    ProcessRecorder,
    StoredEvent,
    Tracking,
    TrackingRecorder,
)
from eventsourcing.postgres import PostgresTrackingRecorder
from eventsourcing.tests import application as application_suite
from eventsourcing.tests import persistence as suite
from eventsourcing.tests import projection as projection_suite
from eventsourcing.utils import Environment
from psycopg.sql import SQL, Identifier

from services.certification.event_store.factory import Factory
from services.certification.event_store.recorder import LogAggregateRecorder, LogProcessRecorder, LogRecorder
from tests.architecture.sources import ROOT
from tests.certification.library import environment
from tests.databases import Database

FROM_0: Final = "It appends version 0: streams of the log count from 1."
SNAPSHOTS: Final = "It takes snapshots, and the log keeps none."

EXCEPTIONS: Final = {
    "AggregateRecorderTestCase.test_insert_and_select": FROM_0,
    "ApplicationRecorderTestCase.test_concurrent_no_conflicts": FROM_0,
    "ApplicationRecorderTestCase.test_concurrent_throughput": FROM_0,
    "NonInterleavingNotificationIDsBaseCase.test": FROM_0,
    "ProcessRecorderTestCase.test_performance": FROM_0,
    "ExampleApplicationTestCase.test_example_application": SNAPSHOTS,
}
"""Tests of the library's that contradict the log. `CountingFromZero` runs those of `FROM_0` on streams from 1."""


def contradicts(test: str, error: type[Exception]) -> pytest.MarkDecorator:
    """The test of the library's must fail so."""
    return pytest.mark.xfail(raises=error, strict=True, reason=EXCEPTIONS[test])


class OnTheLog:
    """Each test has an empty log."""

    env: Any
    _factory: Factory

    @pytest.fixture(autouse=True)
    def _on_the_log(self, database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        settings = environment(database)
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        self.env = self.environment(settings)
        self._factory = Factory(Environment("", settings))
        yield
        self._factory.close()

    def environment(self, settings: dict[str, str]) -> Any:
        """What the suite calls `env`."""
        return settings

    def new_originator_id(self) -> str:
        """Streams have ids of text."""
        return str(uuid4())


class CountingFromZero:
    """A recorder whose streams count from 0, as some tests of the suite have it; the log's count from 1."""

    def __init__(self, recorder: Any) -> None:
        self._recorder = recorder

    def __getattr__(self, name: str) -> Any:
        return getattr(self._recorder, name)

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Any:
        """Appends each event at the version after its own."""
        later = [replace(event, originator_version=event.originator_version + 1) for event in stored_events]
        return self._recorder.insert_events(later, **kwargs)

    def select_events(self, originator_id: str, *, gt: int | None = None, lte: int | None = None, **kwargs: Any) -> Any:
        """Selects as if each event were at the version before its own."""
        gt, lte = gt if gt is None else gt + 1, lte if lte is None else lte + 1
        found = self._recorder.select_events(originator_id, gt=gt, lte=lte, **kwargs)
        return [replace(event, originator_version=event.originator_version - 1) for event in found]


class TestAggregateRecorder(OnTheLog, suite.AggregateRecorderTestCase):
    def create_recorder(self) -> AggregateRecorder:
        return self._factory.aggregate_recorder()

    @contradicts("AggregateRecorderTestCase.test_insert_and_select", IntegrityError)
    def test_insert_and_select(self) -> None:
        super().test_insert_and_select()


class TestAggregateRecorderFromZero(OnTheLog, suite.AggregateRecorderTestCase):
    INITIAL_VERSION = 0

    def create_recorder(self) -> Any:
        return CountingFromZero(self._factory.aggregate_recorder())


class TestApplicationRecorder(OnTheLog, suite.ApplicationRecorderTestCase[ApplicationRecorder]):
    def create_recorder(self) -> ApplicationRecorder:
        return self._factory.application_recorder()

    def test_insert_subscribe(self) -> None:
        self.optional_test_insert_subscribe()

    @contradicts("ApplicationRecorderTestCase.test_concurrent_no_conflicts", IntegrityError)
    def test_concurrent_no_conflicts(self, initial_position: int = 0) -> None:  # noqa: PT028 - the library's signature
        super().test_concurrent_no_conflicts(initial_position)

    @contradicts("ApplicationRecorderTestCase.test_concurrent_throughput", AssertionError)
    def test_concurrent_throughput(self) -> None:
        super().test_concurrent_throughput()


class TestApplicationRecorderFromZero(OnTheLog, suite.ApplicationRecorderTestCase[Any]):
    INITIAL_VERSION = 0

    def create_recorder(self) -> Any:
        return CountingFromZero(self._factory.application_recorder())


class TestNonInterleaving(OnTheLog, suite.NonInterleavingNotificationIDsBaseCase):
    def create_recorder(self) -> ApplicationRecorder:
        return self._factory.application_recorder()

    @contradicts("NonInterleavingNotificationIDsBaseCase.test", IntegrityError)
    def test(self) -> None:
        super().test()


class TestNonInterleavingFromZero(OnTheLog, suite.NonInterleavingNotificationIDsBaseCase):
    def create_recorder(self) -> Any:
        return CountingFromZero(self._factory.application_recorder())


class TestTrackingRecorder(OnTheLog, suite.TrackingRecorderTestCase):
    def create_recorder(self) -> TrackingRecorder:
        return self._factory.tracking_recorder()  # type: ignore[no-any-return]  # the library's type variable


class TestProcessRecorder(OnTheLog, suite.ProcessRecorderTestCase):
    def create_recorder(self) -> ProcessRecorder:
        return self._factory.process_recorder()

    @contradicts("ProcessRecorderTestCase.test_performance", IntegrityError)
    def test_performance(self) -> None:
        super().test_performance()


class CountersView(PostgresTrackingRecorder, projection_suite.EventCountersView):
    """Two counters in PostgreSQL, each written in one transaction with its tracking."""

    def __init__(self, datastore: Any, **kwargs: Any) -> None:
        super().__init__(datastore, **kwargs)
        self._table = SQL("{}.{}").format(Identifier(self.datastore.schema), Identifier("counters"))
        create = SQL("CREATE TABLE IF NOT EXISTS {} (kind text PRIMARY KEY, total bigint NOT NULL)")
        self.sql_create_statements.append(create.format(self._table))

    def get_created_event_counter(self) -> int:
        return self._total("created")

    def get_subsequent_event_counter(self) -> int:
        return self._total("subsequent")

    def incr_created_event_counter(self, tracking: Tracking) -> None:
        self._count("created", tracking)

    def incr_subsequent_event_counter(self, tracking: Tracking) -> None:
        self._count("subsequent", tracking)

    def _total(self, kind: str) -> int:
        statement = SQL("SELECT total FROM {} WHERE kind = %s").format(self._table)
        with self.datastore.get_connection() as connection:
            row = connection.execute(statement, (kind,)).fetchone()
        return row["total"] if row else 0

    def _count(self, kind: str, tracking: Tracking) -> None:
        statement = SQL("INSERT INTO {} AS c VALUES (%s, 1) ON CONFLICT (kind) DO UPDATE SET total = c.total + 1")
        with self.datastore.transaction(commit=True) as cursor:
            self._insert_tracking(cursor, tracking)
            cursor.execute(statement.format(self._table), (kind,))


class TestFactory(OnTheLog, suite.InfrastructureFactoryTestCase[Factory]):
    def environment(self, settings: dict[str, str]) -> Environment:
        return Environment("", settings)

    def expected_factory_class(self) -> type[Factory]:
        return Factory

    def expected_aggregate_recorder_class(self) -> type[AggregateRecorder]:
        return LogAggregateRecorder

    def expected_application_recorder_class(self) -> type[ApplicationRecorder]:
        return LogRecorder

    def expected_tracking_recorder_class(self) -> type[TrackingRecorder]:
        return PostgresTrackingRecorder

    def tracking_recorder_subclass(self) -> type[TrackingRecorder]:
        return CountersView

    def expected_process_recorder_class(self) -> type[ProcessRecorder]:
        return LogProcessRecorder


class TestCountersView(OnTheLog, projection_suite.EventCountersViewTestCase):
    def construct_event_counters_view(self) -> projection_suite.EventCountersView:
        return self._factory.tracking_recorder(CountersView)  # type: ignore[no-any-return]  # as above


class TestProjection(OnTheLog, projection_suite.AggregateEventCountersProjectionTestCase):
    view_class = CountersView


class TestEventSourcedProjection(OnTheLog, projection_suite.EventSourcedProjectionTestCase):
    """What the projection writes lies elsewhere: in the one log it would follow its own events without an end."""

    def environment(self, settings: dict[str, str]) -> dict[str, str]:
        return {**settings, "COUNTERS_PERSISTENCE_MODULE": "eventsourcing.popo"}


@pytest.mark.filterwarnings("always::DeprecationWarning")  # one test looks for one
class TestApplication(OnTheLog, application_suite.ApplicationTestCase):
    pass


class TestExampleApplication(OnTheLog, application_suite.ExampleApplicationTestCase):
    expected_factory_topic = "services.certification.event_store.factory:Factory"

    @contradicts("ExampleApplicationTestCase.test_example_application", NotSupportedError)
    def test_example_application(self) -> None:
        super().test_example_application()


NOT_OF_A_LOG: Final = {
    "TranscoderTestCase": "of transcoders",
    "TaggedDecisionCountersProjectionTestCase": "of stores with dynamic consistency boundaries, which have no streams",
}


def cases_in(module: Mapping[str, Any]) -> set[type[TestCase]]:
    return {found for found in module.values() if isinstance(found, type) and issubclass(found, TestCase)}


def test_every_test_case_of_the_librarys_runs_here() -> None:
    theirs = {
        case.__name__ for module in (suite, application_suite, projection_suite) for case in cases_in(vars(module))
    }
    ran = {base.__name__ for case in cases_in(globals()) for base in case.__mro__}
    assert theirs - ran == NOT_OF_A_LOG.keys()


def test_the_document_lists_the_exceptions_and_no_others() -> None:
    document = (ROOT / "docs/event-store-module.md").read_text(encoding="utf-8")
    listed = dict(re.findall(r"^\| `(\w+\.\w+)` \| (.+) \|$", document, re.MULTILINE))
    assert listed == EXCEPTIONS
