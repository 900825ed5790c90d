"""The library's recorder on our table: its reads and subscriptions, for whoever follows the log with the library."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from eventsourcing.persistence import ProgrammingError, StoredEvent
from eventsourcing.postgres import ConnectionPool, PostgresApplicationRecorder, PostgresDatastore
from psycopg import Connection
from psycopg.rows import DictRow, dict_row
from psycopg.sql import SQL, Identifier

from services.certification.event_store.database import CHANNEL, CONNECT_SECONDS_MAX, SCHEMA, SESSION


class LogDatastore(PostgresDatastore):
    """The library's datastore with a connection string of any form. Statements are bounded by the server."""

    def __init__(self, conninfo: str, role: str | None, connections_max: int) -> None:
        super().__init__(dbname="", host="", port="", user="", password="", schema=SCHEMA, originator_id_type="text")
        self.pool = ConnectionPool(
            conninfo,
            connection_class=Connection[DictRow],
            kwargs={
                "row_factory": dict_row,
                "autocommit": True,
                "connect_timeout": int(CONNECT_SECONDS_MAX),
                "options": " ".join(
                    f"-c {name}={value}" for name, value in SESSION.items() if name != "application_name"
                ),
                "application_name": SESSION["application_name"],
            },
            min_size=1,
            max_size=connections_max,
            open=False,
            configure=partial(_take_on, role=role),
            name="certification",
        )

    def register_type_adapters(self) -> None:
        """Nothing to register: facts travel as JSON, not as the library's composite type."""


class FactRecorder(PostgresApplicationRecorder):
    """Reads and subscriptions are the library's; appending is `certification.append`'s alone."""

    def __init__(self, datastore: LogDatastore) -> None:
        super().__init__(datastore, events_table_name="stored_events")
        self.channel_name = CHANNEL

    def insert_events(
        self,
        stored_events: Sequence[StoredEvent],  # noqa: ARG002 - the library's signature
        **kwargs: Any,  # noqa: ARG002
    ) -> Sequence[int] | None:
        """Refused: positions and instants of recording are given by the database, see `EventStore.append`."""
        raise ProgrammingError("facts are appended by certification.append: use EventStore.append")


def _take_on(connection: Connection[Any], role: str | None) -> None:
    """Takes on the role, where the login is another."""
    if role is not None:
        connection.execute(SQL("SET ROLE {}").format(Identifier(role)))
