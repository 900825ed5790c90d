"""The compliance service as an ASGI application: it answers and publishes, and takes in no fact."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, nullcontext
from datetime import datetime
from functools import partial
from typing import Final

from fastapi import FastAPI

from services.compliance.api import (
    consultant_lists,
    consultants,
    due_days,
    event_counts,
    events,
    explanations,
    facts_without_effect,
    health,
    learned_and_answered,
    lists,
    names,
    openapi,
    partner_history,
    partners,
    policy,
    portal_changes,
    previews,
    recorded_events,
    totals,
    webhook_deliveries,
    webhook_endpoints,
    what_ifs,
)
from services.compliance.api.direct_answers import ComplianceApp
from services.compliance.api.problems import PROBLEMS
from services.compliance.api.service import CONNECTION_SECONDS_MAX, Service, sending
from services.compliance.api.webhook_endpoints import PATH
from services.compliance.claims.claim_recorder import ClaimRecorder
from services.compliance.database import DATABASE_AWAY, READING_ROLE, Pool, connect, create_pool
from services.compliance.historical_answers.pool import AnsweringPool
from services.compliance.read_model.event_log import until_all_is_derived
from services.compliance.read_model.nearest_cache import NearestCache
from services.compliance.read_model.shared_snapshot import held_snapshot
from services.compliance.read_model.training_cache import TrainingCache
from services.compliance.readiness import Readiness, check_readiness
from services.compliance.settings import ComplianceSettings
from services.compliance.what_ifs.kept import ROLE as WHAT_IF_ROLE
from services.compliance.what_ifs.runs import WhatIfRuns, processes_for_all
from services.web import lists_as_csv
from services.web.application import application
from services.web.background_task import in_background
from services.web.channel_listener import ChannelListener
from services.web.event_broadcast import Broadcast
from services.web.fact_proofs import FactProofs
from services.web.fair_places import FairPlaces
from services.web.openapi import Link, complete
from services.web.problem_details import install
from services.web.readiness_check import ReadinessCheck
from shared.events.channels import COMPLIANCE_CHANNEL

FEED_CONNECTIONS: Final = 2
"""Only feeds use them: however many readers there are, questions have connections of their own."""

WHAT_IF_CONNECTIONS: Final = 2
"""One for the work, one for questions about it."""

STATEMENT_SECONDS_MAX: Final = 5.0
"""The limit of a statement that answers a caller: it looks something up, or reads a page."""

_DESCRIPTION: Final = """
Every question takes `at`, the instant asked about, and `known_at` or `known_position`: only facts known by then count.
Both are now unless you give them. With `min_position` the answer waits until what you have just recorded is applied.
"""


LISTS_SHARE: Final = 4
"""Lists use one connection in so many at most, because a list can walk through everything."""

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
    totals,
    consultant_lists,
    due_days,
    partners,
    partner_history,
    consultants,
    portal_changes,
    previews,
    facts_without_effect,
    explanations,
    learned_and_answered,
    policy,
    what_ifs,
    events,
    event_counts,
    names,
    recorded_events,
    webhook_endpoints,
    webhook_deliveries,
    health,
)
"""The modules whose routes it serves."""


def _feed(settings: ComplianceSettings, pool: Pool, listener: ChannelListener) -> Broadcast:
    return Broadcast(
        events.reading(pool),
        listener,
        DATABASE_AWAY,
        sandbox=settings.sandbox,
        readers_max=settings.feed_readers_max,
        readers_per_caller_max=settings.feed_readers_per_caller_max,
        until_returned=partial(until_all_is_derived, pool),
    )


async def _readiness(
    settings: ComplianceSettings, pool: Pool, answers: AnsweringPool, *, webhooks: bool
) -> tuple[Readiness, list[str]]:
    async with pool.acquire(timeout=CONNECTION_SECONDS_MAX) as connection:
        readiness, faults = await check_readiness(
            connection, settings.parameters, sandbox=settings.sandbox, webhooks=webhooks
        )
    return readiness, faults if answers.trouble is None else [*faults, answers.trouble]


def create_app(
    settings: ComplianceSettings, wall_clock: Callable[[], datetime], fact_proofs: FactProofs | None = None
) -> FastAPI:
    """The application; its lifespan opens and closes the connections. It starts also while the database is away.

    `wall_clock`: what receivers of webhooks compare with their own. `fact_proofs`: looks up what proves a fact; None:
    explanations only say where that is.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        listener = ChannelListener(COMPLIANCE_CHANNEL, partial(connect, settings))
        answers = AnsweringPool(settings)
        recorder = ClaimRecorder(settings)
        async with (
            create_pool(settings, seconds_max=STATEMENT_SECONDS_MAX, role=READING_ROLE) as pool,
            create_pool(settings, seconds_max=STATEMENT_SECONDS_MAX) as owners_pool,
            create_pool(settings, FEED_CONNECTIONS, STATEMENT_SECONDS_MAX, role=READING_ROLE) as feed_pool,
            create_pool(settings, 1, STATEMENT_SECONDS_MAX) as readiness_pool,
            create_pool(settings, WHAT_IF_CONNECTIONS, STATEMENT_SECONDS_MAX, role=WHAT_IF_ROLE) as what_if_pool,
            sending(settings, pool, wall_clock) as webhooks,
            answers.running(),
            recorder.running(),
            nullcontext() if fact_proofs is None else fact_proofs.running(),
        ):
            runs = WhatIfRuns(answers.worker_settings, processes_for_all(), what_if_pool)
            feed = _feed(settings, feed_pool, listener)
            app.state.compliance = Service(
                pool=pool,
                owners_pool=owners_pool,
                feed=feed,
                answers=answers,
                claims=recorder,
                listener=listener,
                parameters=settings.parameters,
                sandbox=settings.sandbox,
                webhooks=webhooks,
                readiness=ReadinessCheck(
                    partial(_readiness, settings, readiness_pool, answers, webhooks=webhooks is not None)
                ),
                what_ifs=runs,
                fact_proofs=fact_proofs,
                nearest=NearestCache(),
                training=TrainingCache(),
                places=FairPlaces(settings.database_connections_max),
                owners_places=FairPlaces(settings.database_connections_max),
                lists=FairPlaces(max(1, settings.database_connections_max // LISTS_SHARE)),
            )
            app.state.waiting = listener
            async with in_background(listener.listen()):
                try:
                    async with feed.running(), runs.running():
                        yield
                finally:
                    listener.stop()

    app = application(ComplianceApp, "compliance", _DESCRIPTION, ROUTERS, lifespan=lifespan)
    openapi.describe(app)
    install(app, PROBLEMS, DATABASE_AWAY)
    lists_as_csv.install(app, partial(held_snapshot, settings))
    complete(app, settings.parameters.products, LINKS)
    return app
