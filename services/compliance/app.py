"""The compliance service as an ASGI application: answers out, nothing in."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from typing import Final

from fastapi import FastAPI

from services.compliance.api import (
    claims,
    consultant_lists,
    consultants,
    due_days,
    events,
    events_of_facts,
    explanations,
    facts_without_effect,
    health,
    lists,
    openapi,
    partner_changes,
    partners,
    policy,
    portal_changes,
    previews,
    problems,
    processes,
    recorded_events,
    standings,
    timeline,
    webhook_deliveries,
    webhook_endpoints,
)
from services.compliance.api import (
    what_ifs as what_if_routes,
)
from services.compliance.api.service import Service, sending
from services.compliance.api.webhook_endpoints import PATH
from services.compliance.claims.claim_recorder import ClaimRecorder
from services.compliance.database import DATABASE_AWAY, create_pool
from services.compliance.historical_answers.pool import AnsweringPool
from services.compliance.projection_notifications import ProjectionListener
from services.compliance.settings import ComplianceSettings
from services.compliance.what_ifs.runs import WhatIfRuns, processes_for_all
from services.web import list_tables
from services.web.event_broadcast import Broadcast
from services.web.openapi import Link, complete

FEED_CONNECTIONS: Final = 2
"""For feeds alone: however many read them, questions find their own connections free."""

STATEMENT_SECONDS_MAX: Final = 5.0
"""Of what serves: questions are lookups, and pages."""

_DESCRIPTION: Final = """
Every question takes `at` (true when) and `known_at` or `known_position` (judged from what was known
when), both now unless said otherwise, and `min_position` to read what one has just written.
"""


_ENDPOINT: Final = f"{PATH}/{{endpoint_id}}"
LINKS: Final = {
    PATH: tuple(
        Link(path, method, {"endpoint_id": "$response.body#/endpoint_id"})
        for path, method in (
            (_ENDPOINT, "get"),
            (_ENDPOINT, "patch"),
            (_ENDPOINT, "delete"),
            (f"{_ENDPOINT}/replays", "post"),
            (f"{_ENDPOINT}/secret-rotations", "post"),
            (f"{_ENDPOINT}/dry-runs", "post"),
            (f"{_ENDPOINT}/releases", "post"),
            (f"{_ENDPOINT}/retries", "post"),
            (f"{_ENDPOINT}/attempts", "get"),
            (f"{_ENDPOINT}/parked", "get"),
        )
    )
}
"""What leads from a registered endpoint to the next call."""

ROUTERS: Final = (
    lists,
    consultant_lists,
    due_days,
    partners,
    timeline,
    standings,
    consultants,
    portal_changes,
    previews,
    facts_without_effect,
    explanations,
    partner_changes,
    claims,
    policy,
    processes,
    what_if_routes,
    events,
    recorded_events,
    events_of_facts,
    webhook_endpoints,
    webhook_deliveries,
    health,
)
"""The modules whose routes it serves."""


def create_app(settings: ComplianceSettings, wall_clock: Callable[[], datetime]) -> FastAPI:
    """The application; its lifespan opens and closes the connections. It starts also while the database is away.

    `wall_clock`: what receivers of webhooks compare with their own.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        listener = ProjectionListener(settings)
        answers = AnsweringPool(settings)
        recorder = ClaimRecorder(settings)
        what_ifs = WhatIfRuns(answers.worker_settings, processes_for_all())
        async with (
            create_pool(settings, seconds_max=STATEMENT_SECONDS_MAX, reading=True) as pool,
            create_pool(settings, seconds_max=STATEMENT_SECONDS_MAX) as owners_pool,
            create_pool(settings, FEED_CONNECTIONS, STATEMENT_SECONDS_MAX, reading=True) as feed_pool,
            sending(settings, pool, wall_clock) as webhooks,
            answers.running(),
            recorder.running(),
            what_ifs.running(),
        ):
            feed = Broadcast(
                events.reading(feed_pool),
                listener,
                DATABASE_AWAY,
                sandbox=settings.sandbox,
                readers_max=settings.feed_readers_max,
                readers_per_caller_max=settings.feed_readers_per_caller_max,
            )
            parameters, sandbox = settings.parameters, settings.sandbox
            app.state.compliance = Service(
                pool, owners_pool, feed, answers, recorder, listener, parameters, sandbox, webhooks, what_ifs
            )
            app.state.waiting = listener
            listening = asyncio.create_task(listener.listen())
            try:
                async with feed.running():
                    yield
            finally:
                listener.stop()
                listening.cancel()
                with suppress(asyncio.CancelledError):
                    await listening

    app = FastAPI(
        title="Sage Partner Certification: compliance",
        description=_DESCRIPTION,
        version="1",
        lifespan=lifespan,
        openapi_url="/compliance/openapi.json",
        redirect_slashes=False,
        docs_url=None,
        redoc_url=None,
    )
    openapi.describe(app)
    problems.install(app)
    for part in ROUTERS:
        app.router.routes += part.router.routes  # `include_router` would copy each of them
    list_tables.install(app)
    complete(app, settings.parameters.products, LINKS)
    return app
