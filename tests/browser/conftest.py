"""One system with the story of the demo and one browser, shared by every test of the folder.

The story ends on Monday 30 November 2026, so that its dates are the same in every run.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

import pytest
from playwright.sync_api import Browser

from services.host.demo.seed import Caller, SeedResult, seed
from services.host.embedded_postgres.server import Server
from tests.browser.browser import CHROMIUM, MISSING, Visit, chromium, visit
from tests.browser.receiving import receiving
from tests.conftest import SANDBOX_TEMPLATE
from tests.databases import clone
from tests.systems import System, running_system

HOSTILE_NAMES: Final = {
    "markup": '<script>window.harmed = 1</script><img src=x onerror="window.harmed = 1">',
    "formula": '=HYPERLINK("http://elsewhere.example","Harbour")',
    "leftwards": "\u202eשלום \u0627\u0644\u0639\u0631\u0628\u064a\u0629 drawkcab",
    "endless": "Endless" * 28 + "Ltd.",
}
"""By the id of the partner. The last has 200 characters and no blank."""

PRESENT: Final = datetime(2026, 11, 30, 15, 0, tzinfo=UTC)


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Chromium; where there is none, the test is skipped."""
    if CHROMIUM is None:
        pytest.skip(MISSING)
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="package")
def story(browser: Browser, templates: Server) -> Iterator[System]:
    """The system that holds the story, whose clock goes on from `PRESENT`."""
    clone(templates, SANDBOX_TEMPLATE, "browser")
    with running_system(templates.url(database="browser")) as system:
        assert seed(Caller(system.url, None), PRESENT, lambda _: None) is SeedResult.NOW
        for partner_id, name in HOSTILE_NAMES.items():
            body = {"partner_id": partner_id, "kind": "VAR", "programme": "PARTNER_SUCCESS", "name": name}
            assert system.record("partners", partner_id, **body).status_code == 201
        yield system


@pytest.fixture(scope="package", autouse=True)
def endpoint(story: System) -> Iterator[None]:
    """An endpoint that takes nothing, so that the pages of webhooks have something to show."""
    with receiving() as receiver:
        system_endpoint = {"url": receiver.url("/always-full"), "start": "origin", "description": "Order desk"}
        made = story.http.post("/compliance/v1/webhook-endpoints", json=system_endpoint)
        assert made.status_code == 201
        yield


@pytest.fixture(params=[True, False], ids=["with-javascript", "without-javascript"])
def visitor(request: pytest.FixtureRequest, browser: Browser, story: System) -> Iterator[Visit]:
    """A visitor of the story, once with JavaScript and once without."""
    with visit(browser, story.url, javascript=request.param) as visited:
        yield visited
