"""The console in this process, before services that answer what a test wants."""

from collections.abc import AsyncIterator, Callable

import httpx
import pytest

from services.console.app import create_app
from services.console.settings import ConsoleSettings
from tests.console.services import Services

ORIGIN = "http://localhost"
SETTINGS = ConsoleSettings()

Visit = Callable[[Services], httpx.AsyncClient]


@pytest.fixture
async def visit() -> AsyncIterator[Visit]:
    """Begins the visit of a browser without cookies to a console before these services."""
    browsers: list[httpx.AsyncClient] = []

    def begin(services: Services) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(app=create_app(SETTINGS, services), raise_app_exceptions=False)
        browsers.append(httpx.AsyncClient(transport=transport, base_url=ORIGIN))
        return browsers[-1]

    yield begin
    for browser in browsers:
        await browser.aclose()
