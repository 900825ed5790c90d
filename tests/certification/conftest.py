"""The certification service in this process, on a database of its own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from pydantic import SecretStr

from services.certification.app import create_app
from services.certification.settings import CertificationSettings
from services.host.api_keys.key_ring import NO_KEYS
from services.host.documented_operations import Paths
from services.host.request_guard import RequestGuard
from tests.certification.caller import Caller
from tests.databases import Database


@asynccontextmanager
async def calling(database: Database, *, sandbox: bool) -> AsyncIterator[Caller]:
    """The service on this database, and somebody who calls it."""
    app = create_app(
        CertificationSettings(database_url=SecretStr(database.certification_url), sandbox=sandbox, call_seconds_max=20)
    )
    door = RequestGuard(app, Paths([app]), keys=NO_KEYS, sandbox=sandbox)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(door), base_url="http://certification") as http,
    ):
        yield Caller(http, app)


@pytest.fixture
async def caller(database: Database) -> AsyncIterator[Caller]:
    """Calls the service whose clock is the real one."""
    async with calling(database, sandbox=False) as found:
        yield found


@pytest.fixture
async def sandbox_caller(sandbox_database: Database) -> AsyncIterator[Caller]:
    """Calls the service whose clock can be set."""
    async with calling(sandbox_database, sandbox=True) as found:
        yield found
