"""The API of webhook endpoints in this process, on a log of compliance events."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Final

import httpx
import psycopg
from cryptography.fernet import Fernet

from services.compliance.database import connect
from services.compliance.projection.batch import Projector
from services.compliance.settings import ComplianceSettings
from tests.compliance.asking import asking
from tests.compliance.log import OURS, Log, as_follower, set_clock
from tests.compliance.seed import population
from tests.databases import Database

NOW: Final = datetime(2022, 6, 1, 9, tzinfo=UTC)
ENDPOINTS: Final = "webhook-endpoints"
URL: Final = "https://receiver.example/hooks"
KEY: Final = Fernet.generate_key().decode()


def settings_for(database: Database, *keys: str, sandbox: bool = True, wall_clock: bool = True) -> ComplianceSettings:
    """The compliance service with webhooks, which may go to loopback; its keys, one unless they are given.

    `wall_clock`: stamps messages also in a sandbox, so that the public libraries take them.
    """
    return ComplianceSettings.model_validate(
        {
            "database_url": database.compliance_url,
            "webhook_keys": keys or (KEY,),
            "webhook_networks": ("127.0.0.0/8", "::1/128"),
            "sandbox": sandbox,
            "webhook_wall_clock": wall_clock,
        }
    )


async def seed_events(database: Database, partners: int = 6) -> int:
    """Fills the log of compliance events; the position of the last."""
    set_clock(database, NOW)
    with psycopg.connect(database.owner_url, autocommit=True) as owner:
        Log(owner).write(population(partners))
    connection = await connect(as_follower(settings_for(database)))
    try:
        await Projector(connection, OURS, "test").advance_fully(NOW)
        return int(await connection.fetchval("SELECT event_position FROM progress"))
    finally:
        await connection.close()


class Caller:
    """Somebody who owns endpoints. Paths follow /compliance/v1/webhook-endpoints."""

    def __init__(self, http: httpx.AsyncClient, database: Database) -> None:
        self.http = http
        self.database = database

    async def call(self, method: str, path: str = "", *, status: int, body: Any = None) -> Any:
        """The answer to a call that is answered with this status; None where it is empty."""
        response = await self.http.request(method, f"{ENDPOINTS}{path}", json=body)
        assert response.status_code == status, response.text
        if status >= 400:
            assert response.headers["content-type"] == "application/problem+json"
        return response.json() if response.content else None

    async def register(self, url: str = URL, **more: Any) -> dict[str, Any]:
        """A new endpoint."""
        registered: dict[str, Any] = await self.call("POST", status=201, body={"url": url, **more})
        return registered

    async def health(self, endpoint_id: str) -> dict[str, Any]:
        """How an endpoint does."""
        health: dict[str, Any] = (await self.call("GET", f"/{endpoint_id}", status=200))["health"]
        return health

    async def refused(self, method: str, path: str = "", *, status: int = 422, body: Any = None) -> dict[str, Any]:
        """Why a call is refused."""
        problem: dict[str, Any] = await self.call(method, path, status=status, body=body)
        return problem

    def sql(self, statement: str, *arguments: Any) -> list[tuple[Any, ...]]:
        """Rows of the database, as its owner."""
        with psycopg.connect(self.database.owner_url, autocommit=True) as owner:
            found = owner.execute(statement, arguments)
            return found.fetchall() if found.description else []


@asynccontextmanager
async def calling(database: Database, settings: ComplianceSettings | None = None) -> AsyncIterator[Caller]:
    """A caller of the running application."""
    async with asking(settings or settings_for(database)) as http:
        yield Caller(http, database)
