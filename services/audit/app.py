"""The audit trail as an ASGI application: sealed logs, proofs and exports; it reads only."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from fastapi import FastAPI

from services.audit.api import exports, health, logs, problems, proofs
from services.audit.database import create_pool
from services.audit.sealed_log_answers import AuditService
from services.audit.settings import AuditSettings
from services.web.application import application
from services.web.openapi import complete

_DESCRIPTION: Final = """
What is recorded is sealed in three Merkle logs, as C2SP tlog-tiles has them: the facts under `/audit/v1`, the
compliance events under `/audit/v1/compliance`, the claims under `/audit/v1/claim-log`. A checkpoint is a note that the
log signed, and that witnesses cosigned.
"""

ROUTERS: Final = (logs, proofs, exports, health)
"""The modules whose routes it serves."""


def create_app(settings: AuditSettings) -> FastAPI:
    """The application; its lifespan opens and closes the connections. It starts also while the database is away."""
    service = AuditService(settings)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with create_pool(settings) as pool, create_pool(settings, connections_max=1) as readiness_pool:
            service.pool, service.readiness_pool = pool, readiness_pool
            yield

    app = application(FastAPI, "audit", _DESCRIPTION, ROUTERS, lifespan=lifespan)
    app.state.audit = service
    problems.install(app)
    complete(app, settings.products, {})
    return app
