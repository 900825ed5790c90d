"""The certification service as an ASGI application."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.types import Receive, Scope, Send

from services.certification.api import (
    batches,
    certifications,
    events,
    exams,
    facts,
    health,
    held_facts,
    links,
    partners,
    policy_revisions,
    portal_changes,
    profiles,
    recorded_facts,
    stated_consultants,
    whoami,
)
from services.certification.api.command_request import Service
from services.certification.api.direct_posts import DirectPosts
from services.certification.api.fact_routes import FactRoutes
from services.certification.api.problems import PROBLEMS
from services.certification.api.programme_refusals import malformed_request
from services.certification.domain.refusals import Unavailable
from services.certification.event_store.database import Database
from services.certification.event_store.store import EventStore
from services.certification.log_notifications import LogNotifier
from services.certification.personal_data import PersonalData
from services.certification.settings import CertificationSettings
from services.web import lists_as_csv
from services.web.application import application
from services.web.background_task import in_background
from services.web.bounded_places import Places
from services.web.event_broadcast import Broadcast
from services.web.openapi import Link, complete
from services.web.problem_details import install
from services.web.sandbox_mismatch import refuse_sandbox_mismatch
from shared.engine import engine_for

FEED_CONNECTIONS: Final = 2
"""Only feeds use them: however many readers there are, calls have connections of their own."""

BATCHES_MAX: Final = 3
BATCHES_PER_CALLER_MAX: Final = 2
"""Batches that are recorded at the same time, in all and of one caller."""

DESCRIPTION: Final = """
Takes facts in and decides about people. Every POST needs an `Idempotency-Key`: one key is one fact, and the same
call again gets the first answer. `effective_at` says when something was true; left out, it is when it is recorded.
"""


_V1: Final = "/certification/v1"
_REGISTRATION: Final = f"{_V1}/exam-registrations/{{registration_id}}"
LINKS: Final = {
    f"{_V1}/exam-registrations": (
        Link(_REGISTRATION, "get", {"registration_id": "$request.body#/registration_id"}),
        Link(f"{_REGISTRATION}/attempts", "post", {"registration_id": "$request.body#/registration_id"}),
        Link(f"{_V1}/facts/{{fact_id}}/void", "post", {"fact_id": "$response.body#/fact_id"}),
    ),
    f"{_REGISTRATION}/attempts": (
        Link(
            f"{_REGISTRATION}/attempts/{{attempt}}/corrections",
            "post",
            {"registration_id": "$request.path.registration_id", "attempt": "$request.body#/attempt"},
        ),
        Link(f"{_V1}/facts/{{fact_id}}", "get", {"fact_id": "$response.body#/fact_id"}),
    ),
    f"{_V1}/partners": (
        Link(f"{_V1}/partners/{{partner_id}}/consultants", "post", {"partner_id": "$request.body#/partner_id"}),
        Link(f"{_V1}/facts", "get", {"idempotency_key": "$request.header.idempotency-key"}),
    ),
}
"""The links from a recorded fact to the next calls, in the OpenAPI document."""


class CertificationApp(FastAPI):
    """The application; facts in plain form do not take the framework's way."""

    direct: DirectPosts | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a call."""
        if scope["type"] == "http" and scope["method"] == "POST" and self.direct is not None:
            left = await self.direct.answer(scope, receive, send)
            if left is None:
                return
            receive = left
        await super().__call__(scope, receive, send)


@asynccontextmanager
async def _serving(app: FastAPI, settings: CertificationSettings) -> AsyncIterator[None]:
    """Opens the databases, and keeps the service of the application while the context lasts."""
    open_database = partial(Database, settings.database_url.get_secret_value(), settings.database_role)
    connections, seconds = settings.database_connections_max, settings.call_seconds_max
    database = open_database(connections, seconds)
    notifier = LogNotifier(database)
    async with (
        database,
        EventStore(database, engine_for(settings.products).engine_id, notifier.notify_soon) as store,
        open_database(connections, seconds, reading=True) as reading_database,
        EventStore(reading_database) as reader,
        open_database(FEED_CONNECTIONS, seconds, reading=True) as feed_database,
    ):
        is_sandbox = await store.fix_database_kind(settings.sandbox)
        refuse_sandbox_mismatch(is_sandbox=is_sandbox, wanted=settings.sandbox)
        feed = Broadcast(
            events.reading(EventStore(feed_database)),
            notifier,
            (Unavailable,),
            sandbox=settings.sandbox,
            readers_max=settings.feed_readers_max,
            readers_per_caller_max=settings.feed_readers_per_caller_max,
        )
        batches_at_once = Places(BATCHES_MAX, BATCHES_PER_CALLER_MAX)
        app.state.service = Service(
            store, reader, feed, PersonalData(database), settings.products, settings.sandbox, batches_at_once
        )
        app.state.waiting = notifier
        async with in_background(notifier.run_notifier()), in_background(notifier.listen()):
            try:
                async with feed.running():
                    yield
            finally:
                notifier.stop()


def create_app(settings: CertificationSettings) -> FastAPI:
    """The application; its lifespan opens the database and refuses one that was started the other way."""
    routers = (
        partners,
        links,
        stated_consultants,
        certifications,
        profiles,
        exams,
        portal_changes,
        policy_revisions,
        facts,
        held_facts,
        recorded_facts,
        batches,
        events,
        whoami,
        health,
    )
    app = application(
        CertificationApp, "certification", DESCRIPTION, routers, lifespan=lambda app: _serving(app, settings)
    )
    install(app, PROBLEMS)
    app.add_exception_handler(RequestValidationError, malformed_request)
    lists_as_csv.install(app)
    complete(app, settings.products, LINKS)
    app.state.fact_routes = FactRoutes(app)
    app.direct = DirectPosts(app.state.fact_routes, lambda: app.state.service)
    return app
