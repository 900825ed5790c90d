"""The compliance service as an ASGI application: answers out, nothing in."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

from fastapi import FastAPI

from services.compliance.api import (
    consultants,
    documented,
    events,
    health,
    lists,
    partners,
    portal_changes,
    problems,
    timeline,
)
from services.compliance.api.doorbell import Doorbell
from services.compliance.api.service import Service
from services.compliance.database import create_pool
from services.compliance.settings import ComplianceSettings

_DESCRIPTION: Final = """
Every question takes `at` (true when) and `known_at` or `known_position` (judged from what was known
when), both now unless said otherwise, and `min_position` to read what one has just written.
"""


def create_app(settings: ComplianceSettings) -> FastAPI:
    """The application; its lifespan opens and closes the connections. It starts also while the database is away."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        doorbell = Doorbell(settings)
        async with create_pool(settings) as pool:
            app.state.compliance = Service(pool, doorbell, settings.parameters)
            app.state.waiting = doorbell
            listening = asyncio.create_task(doorbell.listen())
            try:
                yield
            finally:
                doorbell.stop()
                listening.cancel()
                with suppress(asyncio.CancelledError):
                    await listening

    app = FastAPI(
        title="Sage Partner Certification: compliance",
        description=_DESCRIPTION,
        version="1",
        lifespan=lifespan,
        openapi_url="/compliance/openapi.json",
        docs_url=None,
        redoc_url=None,
    )
    documented.describe(app)
    problems.install(app)
    for part in (lists, partners, timeline, consultants, portal_changes, events, health):
        app.include_router(part.router)
    return app
