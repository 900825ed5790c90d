"""The library's infrastructure factory for our log: `PERSISTENCE_MODULE=services.certification.event_store.factory`.

Settings are the certification service's, from the environment that the library constructs (each may carry the name of
the application or projection as a prefix): `SAGECERT_CERTIFICATION_DATABASE_URL`, and where they are given
`…_DATABASE_ROLE`, `…_DATABASE_CONNECTIONS_MAX` and `…_CALL_SECONDS_MAX`. `SAGECERT_TRACKING_SCHEMA` is where
projections keep their tables, `public` unless given. `CREATE_TABLE=no` keeps the library from creating these.
"""

from typing import Any, Final

from eventsourcing.persistence import (
    AggregateRecorder,
    ApplicationRecorder,
    InfrastructureFactory,
    InfrastructureFactoryError,
    Mapper,
    NotSupportedError,
    ProcessRecorder,
    Transcoder,
)
from eventsourcing.postgres import PostgresTrackingRecorder
from eventsourcing.utils import Environment, EnvType, resolve_topic, strtobool
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from services.certification.event_store.appends_for_threads import AppendThread
from services.certification.event_store.datastore import LogDatastore, TrackingDatastore
from services.certification.event_store.mapper import LogMapper
from services.certification.event_store.recorder import LogAggregateRecorder, LogProcessRecorder, LogRecorder
from services.certification.settings import CertificationSettings

TRACKING_SCHEMA: Final = "SAGECERT_TRACKING_SCHEMA"
_SETTINGS: Final = ("database_url", "database_role", "database_connections_max", "call_seconds_max")
_DB_FUNCTIONS: Final = "POSTGRES_ENABLE_DB_FUNCTIONS"


class Factory(InfrastructureFactory[PostgresTrackingRecorder]):
    """One log for every application: its events have positions among the facts. Snapshots are not kept.

    Raises `InfrastructureFactoryError` for settings that are missing or wrong.
    """

    def __init__(self, env: Environment | EnvType | None) -> None:
        super().__init__(env)
        settings = self._settings()
        self._append_thread = AppendThread(settings)
        self.datastore = LogDatastore(
            settings.database_url.get_secret_value(),
            settings.database_role,
            settings.database_connections_max,
            settings.call_seconds_max,
        )

    def _settings(self) -> CertificationSettings:
        prefix = CertificationSettings.model_config.get("env_prefix", "")
        given = {name: self.env.get(f"{prefix}{name.upper()}") for name in _SETTINGS}
        given["library_db_functions"] = self.env.get(_DB_FUNCTIONS)
        try:
            return CertificationSettings.model_validate(
                {name: value for name, value in given.items() if value is not None}
            )
        except ValidationError as error:
            raise InfrastructureFactoryError("; ".join(_wrong(prefix, fault) for fault in error.errors())) from None

    def mapper(
        self, transcoder: Transcoder | None = None, mapper_class: type[Mapper[Any]] | None = None
    ) -> Mapper[Any]:
        """One that knows facts, unless another is asked for."""
        if mapper_class is None and not self.env.get(self.MAPPER_TOPIC):
            mapper_class = LogMapper
        return super().mapper(transcoder, mapper_class)

    def aggregate_recorder(self, purpose: str = "events") -> AggregateRecorder:
        """Of events. Raises `NotSupportedError` for snapshots, which are not part of a log."""
        if purpose != "events":
            raise NotSupportedError(f"the log keeps no {purpose}: leave {self.IS_SNAPSHOTTING_ENABLED} off")
        return LogAggregateRecorder(self.datastore, self._append_thread)

    def application_recorder(self) -> ApplicationRecorder:
        """Of the one log."""
        return LogRecorder(self.datastore, self._append_thread)

    def tracking_recorder(self, tracking_recorder_class: type[Any] | None = None) -> Any:
        """What a projection keeps, in its schema; the tables are named after the projection."""
        if tracking_recorder_class is None:
            topic = self.env.get(self.TRACKING_RECORDER_TOPIC)
            tracking_recorder_class = resolve_topic(topic) if topic else PostgresTrackingRecorder
        assert tracking_recorder_class is not None
        assert issubclass(tracking_recorder_class, PostgresTrackingRecorder)
        recorder = tracking_recorder_class(
            TrackingDatastore(self.datastore, self.env.get(TRACKING_SCHEMA, "public")),
            tracking_table_name=f"{self.env.name.lower() or 'notification'}_tracking",
        )
        if strtobool(self.env.get("CREATE_TABLE", "yes")):
            recorder.create_table()
        return recorder

    def process_recorder(self) -> ProcessRecorder:
        """Of the one log, with what is tracked in the schema of projections."""
        return LogProcessRecorder(self.datastore, self._append_thread, Factory.tracking_recorder(self))

    def close(self) -> None:
        """Ends the thread that appends and closes every connection."""
        if "datastore" in vars(self):
            self._append_thread.close()
            self.datastore.close()


def _wrong(prefix: str, error: ErrorDetails) -> str:
    """The setting and what is wrong with it, without its value: a URL can hold a password."""
    name = str(error["loc"][0])
    return f"{prefix}{name.upper()}: {error['msg']}" if name in _SETTINGS else f"{name}: {error['msg']}"
