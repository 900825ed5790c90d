"""The library's recorder on our table, with an append of our own."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, Final

import psycopg
import psycopg_pool
from eventsourcing.persistence import (
    InterfaceError,
    OperationalError,
    ProgrammingError,
    StoredEvent,
)
from eventsourcing.postgres import ConnectionPool, PostgresApplicationRecorder, PostgresDatastore
from psycopg import Connection
from psycopg.rows import DictRow, dict_row
from psycopg.sql import SQL, Identifier

from services.certification.event_store.append_line import AppendLine
from services.certification.event_store.deadline import Watch, seconds_left

CHANNEL: Final = "sagecert_facts"
"""Rung after commits, on a connection of its own: NOTIFY inside the appending transaction serialises commits."""

SCHEMA: Final = "certification"

RECONNECT_SECONDS_MAX: Final = 2.0
"""After which the pool gives up, and the next call tries anew: its pauses double, so that one which tried for as long
as an outage lasted would stay away for as long again."""

CONNECTION: Final[dict[str, Any]] = {
    "connect_timeout": 3,
    "application_name": "sagecert certification",
    # Each question is a walk along indexes from the ids that it names, planned once: a plan that reads a whole table
    # is never right, yet looks right on a table without statistics or with one long stream among many short ones.
    # A server process whose caller has given up ends, also while it waits for a lock.
    "options": "-c timezone=UTC -c client_connection_check_interval=1000"
    " -c plan_cache_mode=force_generic_plan -c jit=off"
    " -c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off",
}


class LogDatastore(PostgresDatastore):
    """The library's datastore with a connection string of any form and a deadline on every use of a connection."""

    def __init__(self, conninfo: str, role: str | None, connections_max: int) -> None:
        super().__init__(dbname="", host="", port="", user="", password="", schema=SCHEMA, originator_id_type="text")
        self._conninfo = conninfo
        self._role = role
        self._watch = Watch()
        self.append_line = AppendLine(self._connect, self._watch)
        self.pool = ConnectionPool(
            conninfo,
            connection_class=Connection[DictRow],
            kwargs={"row_factory": dict_row, **CONNECTION},
            min_size=1,
            max_size=connections_max,
            open=False,
            reconnect_timeout=RECONNECT_SECONDS_MAX,
            configure=partial(configure, role=role),
            name="certification",
        )

    def register_type_adapters(self) -> None:
        """Nothing to register: facts travel as JSON, not as the library's composite type."""

    @contextmanager
    def get_connection(self) -> Iterator[Connection[DictRow]]:
        """A connection for as long as the deadline of the thread allows.

        Raises the library's `OperationalError` or `InterfaceError` where the library tries again, and
        `Unavailable` once the deadline has passed.
        """
        self.pool.open()
        try:
            timeout = min(seconds_left(), self.pool.timeout)
            with self.pool.connection(timeout) as connection, self._watch.over(connection):
                yield connection
        except (psycopg.InterfaceError, psycopg_pool.PoolTimeout) as error:
            seconds_left()
            raise InterfaceError(str(error)) from error
        except (psycopg.OperationalError, psycopg.InternalError) as error:
            seconds_left()
            raise OperationalError(str(error)) from error

    def close(self) -> None:
        """Closes the connections and ends the watch."""
        self.append_line.close()
        super().close()
        self._watch.close()

    def _connect(self) -> Connection[Any]:
        seconds = max(1, min(int(seconds_left()), CONNECTION["connect_timeout"]))
        connection = psycopg.connect(self._conninfo, **{**CONNECTION, "connect_timeout": seconds})
        configure(connection, self._role)
        return connection


def configure(connection: Connection[Any], role: str | None) -> None:
    """One statement is one transaction; what was answered is durable whatever the server's default.

    `role` is taken on, where the login is another.
    """
    connection.autocommit = True
    if role is not None:
        connection.execute(SQL("SET ROLE {}").format(Identifier(role)))
    connection.execute(
        "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
    )


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
