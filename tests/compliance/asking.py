"""The compliance service in this process, asked over HTTP's own door."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from services.compliance.app import create_app
from services.compliance.settings import ComplianceSettings
from services.host.api_keys.key_ring import NO_KEYS
from services.host.documented_operations import Paths
from services.host.request_guard import RequestGuard
from services.host.wall_clock import wall_clock
from services.web.fact_proofs import FactProofs

ORIGIN = "http://compliance"


@asynccontextmanager
async def asking(
    settings: ComplianceSettings, fact_proofs: FactProofs | None = None
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the running application."""
    app = create_app(settings, wall_clock, fact_proofs)
    door = RequestGuard(app, Paths([app]), keys=NO_KEYS, sandbox=settings.sandbox)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(door), base_url=f"{ORIGIN}/compliance/v1/") as client,
    ):
        yield client


async def ask(client: httpx.AsyncClient, path: str, **question: object) -> httpx.Response:
    """The response to a question; the path may hold a part of the question already."""
    return await client.get(httpx.URL(path).copy_merge_params({name: str(value) for name, value in question.items()}))


async def answer(client: httpx.AsyncClient, path: str, **question: object) -> dict[str, Any]:
    """The answer to a question that has one."""
    response = await ask(client, path, **question)
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


async def pages(client: httpx.AsyncClient, path: str, **question: object) -> list[dict[str, Any]]:
    """Every item of a list, page after page."""
    items: list[dict[str, Any]] = []
    page = await answer(client, path, **question)
    items += page[path.partition("?")[0]]
    while page["next"] is not None:
        page = await answer(client, path, **question, after=page["next"])
        items += page[path.partition("?")[0]]
    return items
