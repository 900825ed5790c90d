"""The library's datastore over our database: connections set up like the service's, for callers in threads."""

from functools import partial
from typing import Any

from eventsourcing.postgres import ConnectionPool, PostgresDatastore
from psycopg import Connection
from psycopg.rows import DictRow, dict_row
from psycopg.sql import SQL, Identifier

from services.certification.event_store.database import CONNECT_SECONDS_MAX, DURABLE, SCHEMA, SESSION


class LogDatastore(PostgresDatastore):
    """The library's datastore with a connection string of any form.

    `seconds_max`: how long a caller waits for a connection. Statements are bounded by the server.
    """

    def __init__(self, conninfo: str, role: str | None, connections_max: int, seconds_max: float) -> None:
        self.seconds_max = seconds_max
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
            timeout=seconds_max,
            configure=partial(_configure, role=role),
            name="certification",
        )

    def register_type_adapters(self) -> None:
        """Nothing to register: events travel as JSON, not as the library's composite type."""


class TrackingDatastore(PostgresDatastore):
    """The same connections for the tables of a projection, in a schema of their own."""

    def __init__(self, log: LogDatastore, schema: str) -> None:
        super().__init__(dbname="", host="", port="", user="", password="", schema=schema, originator_id_type="text")
        self.pool = log.pool
        self._log = log  # it closes the connections when it is garbage-collected

    def close(self) -> None:
        """Nothing to close: the connections are the log's."""


def _configure(connection: Connection[Any], role: str | None) -> None:
    """Takes on the role, and makes commits durable against any default of the server."""
    if role is not None:
        connection.execute(SQL("SET ROLE {}").format(Identifier(role)))
    connection.execute(DURABLE)
