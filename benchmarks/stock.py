"""The library's stock application and projection: the peer of several benchmarks."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import psycopg
from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, DomainEventProtocol
from eventsourcing.persistence import Tracking
from eventsourcing.postgres import PostgresDatastore, PostgresTrackingRecorder
from eventsourcing.projection import Projection, ProjectionRunner
from psycopg.sql import SQL, Identifier


class Link(Aggregate):
    """The content of a small fact."""

    def __init__(self, partner_id: str, consultant_id: str) -> None:
        self.partner_id = partner_id
        self.consultant_id = consultant_id


class Links(Application[UUID]):
    """The library's application as it comes."""


class CountView(PostgresTrackingRecorder):
    """A counter in PostgreSQL, in one transaction with the tracking of each event."""

    def __init__(self, datastore: PostgresDatastore, **kwargs: Any) -> None:
        super().__init__(datastore, **kwargs)
        self._table = SQL("{}.{}").format(Identifier(self.datastore.schema), Identifier("stock_count"))
        self.sql_create_statements.append(
            SQL("CREATE TABLE IF NOT EXISTS {} (id int PRIMARY KEY, total bigint)").format(self._table)
        )

    def count(self, tracking: Tracking) -> None:
        """Counts one event."""
        statement = SQL("INSERT INTO {0} AS c VALUES (1, 1) ON CONFLICT (id) DO UPDATE SET total = c.total + 1")
        with self.datastore.transaction(commit=True) as cursor:
            self._insert_tracking(cursor, tracking)
            cursor.execute(statement.format(self._table))


class Count(Projection[CountView]):
    """Counts events."""

    name = "count"

    def process_event(self, domain_event: DomainEventProtocol[UUID], tracking: Tracking) -> None:  # noqa: ARG002
        """Counts it, whatever it is."""
        self.view.count(tracking)


def environment(owner_url: str, schema: str = "stock") -> dict[str, str]:
    """How the library finds the database; its tables lie in a schema of their own."""
    with psycopg.connect(owner_url) as connection:
        connection.execute(SQL("CREATE SCHEMA IF NOT EXISTS {}").format(Identifier(schema)))
        info = connection.info
        return {
            "PERSISTENCE_MODULE": "eventsourcing.postgres",
            "POSTGRES_DBNAME": info.dbname,
            "POSTGRES_HOST": info.host,
            "POSTGRES_PORT": str(info.port),
            "POSTGRES_USER": info.user,
            "POSTGRES_PASSWORD": info.password or "none",
            "POSTGRES_SCHEMA": schema,
        }


@contextmanager
def counting(owner_url: str) -> Iterator[ProjectionRunner[Links, CountView]]:
    """A running projection that counts the events of a `Links` application on the same database."""
    with ProjectionRunner(
        application_class=Links, projection_class=Count, view_class=CountView, env=environment(owner_url)
    ) as runner:
        yield runner
