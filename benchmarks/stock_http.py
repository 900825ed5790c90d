"""The library's stock application and a projection of it, each behind one FastAPI endpoint in a process of its own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

from eventsourcing.domain import DomainEventProtocol
from eventsourcing.persistence import Tracking
from eventsourcing.postgres import PostgresDatastore, PostgresTrackingRecorder
from eventsourcing.projection import Projection, ProjectionRunner
from fastapi import FastAPI
from psycopg.sql import SQL, Identifier

from benchmarks.bare import LinkBody
from benchmarks.stock import Link, Links, environment

WAIT_SECONDS_MAX = 10.0


class LinkView(PostgresTrackingRecorder):
    """Who is linked to a partner, written in one transaction with the tracking of each event."""

    def __init__(self, datastore: PostgresDatastore, **kwargs: Any) -> None:
        super().__init__(datastore, **kwargs)
        self._table = SQL("{}.{}").format(Identifier(self.datastore.schema), Identifier("stock_links"))
        columns = SQL("(partner_id text, consultant_id text, PRIMARY KEY (partner_id, consultant_id))")
        self.sql_create_statements.append(SQL("CREATE TABLE IF NOT EXISTS {} {}").format(self._table, columns))

    def link(self, partner_id: str, consultant_id: str, tracking: Tracking) -> None:
        """Adds the consultant to the partner's."""
        with self.datastore.transaction(commit=True) as cursor:
            self._insert_tracking(cursor, tracking)
            cursor.execute(
                SQL("INSERT INTO {} VALUES (%s, %s)").format(self._table), (partner_id, consultant_id), prepare=True
            )

    def consultants(self, partner_id: str) -> list[str]:
        """The consultants linked to the partner."""
        with self.datastore.transaction() as cursor:
            cursor.execute(
                SQL("SELECT consultant_id FROM {} WHERE partner_id = %s").format(self._table),
                (partner_id,),
                prepare=True,
            )
            return [row["consultant_id"] for row in cursor.fetchall()]


class LinkProjection(Projection[LinkView]):
    """Keeps the view."""

    name = "links"

    def process_event(self, domain_event: DomainEventProtocol[UUID], tracking: Tracking) -> None:
        """Every event of `Links` creates a link."""
        said = vars(domain_event)
        self.view.link(said["partner_id"], said["consultant_id"], tracking)


def writing(owner_url: str) -> FastAPI:
    """POST saves an event with the application, and answers its position."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.links = Links(environment(owner_url))
        yield
        app.state.links.close()

    app = FastAPI(lifespan=lifespan)

    @app.post("/partners/{partner_id}/consultants", status_code=201)
    def link(partner_id: str, body: LinkBody) -> dict[str, object]:
        recordings = app.state.links.save(Link(partner_id, body.consultant_id))
        return {"position": recordings[-1].notification.id}

    return app


def reading(owner_url: str) -> FastAPI:
    """GET answers from the view that a projection runner keeps; with `min_position`, after the library's `wait()`."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        with ProjectionRunner(
            application_class=Links, projection_class=LinkProjection, view_class=LinkView, env=environment(owner_url)
        ) as runner:
            app.state.runner = runner
            yield

    app = FastAPI(lifespan=lifespan)

    @app.get("/partners/{partner_id}/consultants")
    def consultants(partner_id: str, min_position: int | None = None) -> dict[str, object]:
        runner: ProjectionRunner[Links, LinkView] = app.state.runner
        if min_position is not None:
            runner.wait(min_position, timeout=WAIT_SECONDS_MAX)
        return {"consultants": runner.projection.view.consultants(partner_id)}

    return app
