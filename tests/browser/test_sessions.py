"""Where a key is set: a visitor without a session learns nothing; two tabs of one get an answer each."""

import secrets
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from services.host.embedded_postgres.server import Server
from tests.browser.accessibility import faults
from tests.browser.addresses import served
from tests.browser.browser import Visit, visit
from tests.conftest import SANDBOX_TEMPLATE
from tests.databases import clone
from tests.systems import System, serving

KEY = secrets.token_urlsafe(32)


@pytest.fixture(scope="module")
def locked(browser: Browser, templates: Server) -> Iterator[str]:
    """The address of a system that wants a key."""
    clone(templates, SANDBOX_TEMPLATE, "browser_locked")
    settings = {"DATABASE_URL": templates.url(database="browser_locked"), "SAGECERT_API_KEY": KEY}
    with serving(settings, "up", "--sandbox") as (_, url):
        yield url


@pytest.mark.parametrize("javascript", [True, False])
def test_a_visitor_without_a_session_learns_nothing(browser: Browser, locked: str, javascript: bool) -> None:
    with visit(browser, locked, javascript=javascript) as stranger:
        pages = set()
        addresses = served() if javascript else served()[::5]
        for address in (*addresses, "/data/compliance/v1/partners", "/partners/none/none"):
            page = stranger.open(address.format(fact="f", event="e", endpoint="w", what_if="w"))
            assert page.url.startswith(locked + "/sign-in")
            pages.add(page.locator("body").inner_text())
        assert len(pages) == 1, "what is behind the door shows through"


def test_the_key_opens_a_session_and_leads_back(browser: Browser, locked: str) -> None:
    with visit(browser, locked, javascript=False) as stranger:
        page = stranger.open("/webhooks")
        for key, shown in ((secrets.token_urlsafe(32), "key"), (KEY, "Register the first endpoint")):
            page.get_by_label("API key").fill(key)
            page.keyboard.press("Enter")
            expect(page.locator("body")).to_contain_text(shown)
        stranger.errors.clear()  # the browser notes that the first key was refused
        cookies = stranger.page.context.cookies()
        assert all(cookie["httpOnly"] and cookie["sameSite"] in ("Lax", "Strict") for cookie in cookies)
        assert KEY not in str(cookies)
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_label("API key")).to_be_visible()
        assert stranger.open("/webhooks").url.startswith(locked + "/sign-in")


def test_signing_in_and_in_again_violates_nothing_and_fits_a_telephone(browser: Browser, locked: str) -> None:
    """The form that takes the key, a wrong key, a session that ended while somebody typed, and the way back to that."""
    with visit(browser, locked) as stranger:
        page = stranger.open("/record/departure")
        assert faults(page) == []
        for key, shown in ((secrets.token_urlsafe(32), "does not know this key"), (KEY, "left")):
            page.get_by_label("API key").fill(key)
            page.keyboard.press("Enter")
            expect(page.locator("main")).to_contain_text(shown)
            assert faults(page) == []
        page.get_by_label("Person").fill("ben")
        page.get_by_label("Partner").fill("cedar")
        page.context.clear_cookies(name="sagecert_session")
        page.get_by_role("button", name="See what it changes").click()
        expect(page.locator("main")).to_contain_text("what you typed is kept")
        assert faults(page) == []
        page.get_by_label("API key").fill(KEY)
        page.keyboard.press("Enter")
        expect(page.locator("main")).to_contain_text("Signed in again")
        assert faults(page) == []
        page.get_by_role("button", name="Go on with the form").click()
        expect(page.get_by_label("Person")).to_have_value("ben")
        stranger.errors.clear()  # the browser notes that a key was refused, and a form without a session


def test_two_tabs_that_record_at_once_get_one_answer_each(visitor: Visit, story: System) -> None:
    tabs = [visitor.page, visitor.page.context.new_page()]
    for tab in tabs:
        tab.goto(f"{story.url}/record/recognition")
        tab.get_by_label("Person").fill("olga")
        tab.get_by_label("Product").select_option("S200S")
        tab.get_by_role("button", name="See what it changes").click()
        expect(tab.get_by_role("button", name="Record it")).to_be_visible()
    for tab in tabs:
        tab.get_by_role("button", name="Record it").click(no_wait_after=True)
    answers = [answered(tab) for tab in tabs]
    assert len(set(answers)) == len(tabs), "two facts were reported, and each has its page"
    for address in answers:
        fact_id = address.rpartition("/")[2]
        recorded = story.http.get(f"/certification/v1/facts/{fact_id}").json()
        assert recorded["data"]["consultant_id"] == "olga"
        void = story.record(f"facts/{fact_id}/void", f"void-{fact_id}", reason="a test")
        assert void.status_code == 201


def answered(tab: Page) -> str:
    """The address of the receipt that a tab was led to."""
    expect(tab.get_by_text("If you take it back")).to_be_visible()
    return tab.url
