"""A console that runs apart asks the services at an address."""

import httpx
import pytest

from services.console.app import create_app
from services.console.settings import ConsoleSettings
from tests.systems import System


async def test_the_services_are_asked_at_their_address(system: System) -> None:
    system.record("partners", "k1", partner_id="cedar", kind="VAR", programme="PARTNER_SUCCESS")
    app = create_app(ConsoleSettings.model_validate({"services_url": system.url}))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://localhost") as browser:
        page = await browser.get("/partners")
        table = await browser.get("/data/compliance/v1/partners.csv")
    await app.state.console.services.client.aclose()
    assert "cedar" in page.text
    assert 'href="/docs"' not in page.text
    assert "cedar" in table.text


async def test_services_that_are_away_are_a_plain_sentence() -> None:
    app = create_app(ConsoleSettings.model_validate({"services_url": "http://127.0.0.1:9"}))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://localhost") as browser:
        page = await browser.get("/partners")
    await app.state.console.services.client.aclose()
    assert page.status_code == 503
    assert "does not answer at present" in page.text


def test_without_services_there_is_no_console() -> None:
    with pytest.raises(ValueError, match="services_url"):
        create_app(ConsoleSettings())
