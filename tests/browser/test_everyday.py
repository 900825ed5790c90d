"""What people do besides asking: mistype, go back, send a link, print, move a slider, read a picture as a table."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.browser import Visit, visit
from tests.systems import System

VIEW = "/partners/cedar?at=2026-11-20T12:00:00Z&known_at=2026-11-20T12:00:00Z"
DAYS = 10
"""From the present back to 20 November."""
SHIFT_MAX = 0.1
"""The most that a page may move while it loads: "good" by the Core Web Vitals."""


@pytest.fixture(scope="module")
def reader(browser: Browser, story: System) -> Iterator[Visit]:
    with visit(browser, story.url) as visited:
        yield visited


def fill_in_that_somebody_left(page: Page, partner: str, person: str) -> None:
    page.get_by_label("Partner").fill(partner)
    page.get_by_label("Person").fill(person)
    page.get_by_role("button", name="See what it changes").click()


def test_a_refused_form_keeps_what_was_typed_and_says_what_to_do(reader: Visit) -> None:
    page = reader.open("/record/departure")
    fill_in_that_somebody_left(page, "No such partner", "ben")
    expect(page.get_by_role("alert")).to_be_focused()
    expect(page.get_by_role("alert")).to_contain_text("Look it up in the list, or type the id.")
    expect(page.get_by_label("Partner")).to_have_value("No such partner")
    expect(page.get_by_label("Person")).to_have_value("ben")
    reader.errors.clear()  # the browser notes that the form was refused


def test_who_mistyped_and_previews_goes_back_to_the_form_and_on_again(reader: Visit) -> None:
    page = reader.open("/record/departure")
    for partner in ("No such partner", "northgate"):
        fill_in_that_somebody_left(page, partner, "ben")
    expect(page.get_by_text("Nothing is recorded yet.")).to_be_visible()
    page.go_back()
    expect(page.get_by_label("Partner")).to_be_visible()
    page.go_forward()
    expect(page.get_by_text("Nothing is recorded yet.")).to_be_visible()
    reader.errors.clear()  # the browser notes that the first form was refused


def test_who_is_typed_by_name_is_suggested_and_meant(reader: Visit) -> None:
    page = reader.open("/record/departure")
    page.get_by_label("Partner").press_sequentially("northg")
    expect(page.locator("datalist option[value=northgate]")).to_have_text("Northgate Business Systems Ltd")
    fill_in_that_somebody_left(page, "Northgate Business Systems Ltd", "Ben Okafor")
    said = page.locator("dl.facts").first
    expect(said).to_contain_text("Northgate Business Systems Ltd northgate")
    expect(said).to_contain_text("Ben Okafor ben")


def test_who_goes_back_and_records_again_records_once(reader: Visit, story: System) -> None:
    page = reader.open("/record/link")
    fill_in_that_somebody_left(page, "tallyho", "back-and-again")
    preview = page.url
    page.get_by_role("button", name="Record it").click()
    expect(page.get_by_text("If you take it back")).to_be_visible()
    first = page.url
    page.go_back()
    assert page.url == preview
    page.get_by_role("button", name="Record it").click()
    expect(page.get_by_text("If you take it back")).to_be_visible()
    assert page.url == first
    fact_id = first.rpartition("/")[2]
    assert story.record(f"facts/{fact_id}/void", f"void-{fact_id}", reason="a test").status_code == 201


def test_a_link_in_an_e_mail_shows_a_colleague_the_same(reader: Visit, browser: Browser, story: System) -> None:
    answers = "The answers side by side"
    mine = reader.open(VIEW).get_by_label(answers).inner_text()
    with visit(browser, story.url, javascript=False) as colleague:
        theirs = colleague.open(VIEW).get_by_label(answers).inner_text()
    now = re.compile(r"\n\nNow\n.*?\n\n", re.DOTALL)
    assert now.sub("", mine).splitlines()[:4] == now.sub("", theirs).splitlines()[:4]
    assert "Compliant" in mine


def test_a_slider_redraws_everything_and_the_address_keeps_it(reader: Visit) -> None:
    page = reader.open("/partners/cedar")
    page.evaluate("window.stays = true")
    page.get_by_label("True at").first.focus()
    for _ in range(DAYS):
        page.keyboard.press("ArrowLeft")
    expect(page.get_by_label("The answers side by side")).to_contain_text("20 November 2026")
    expect(page).to_have_url(re.compile(r"at=2026-11-20T23%3A59%3A59Z"))
    assert page.evaluate("window.stays"), "the page was not loaded again"
    for _ in range(DAYS):  # a slow machine stops at days between
        if "at=" in page.url:
            page.go_back()
    expect(page.get_by_label("The answers side by side")).to_be_hidden()


def test_the_picture_is_a_table_too_and_both_are_printed(reader: Visit) -> None:
    page = reader.open("/partners/cedar")
    part = page.get_by_label("S200P over time")
    picture = part.locator("svg.picture")
    expect(picture).to_have_attribute("aria-label", re.compile("2 people over time.*suspended, headcount 1"))
    part.get_by_text("The same as a table").focus()
    page.keyboard.press("Enter")
    expect(part.get_by_role("row").filter(has_text="Suspension")).to_contain_text("no selling to new customers")
    page.emulate_media(media="print")
    expect(picture).to_be_visible()
    expect(page.get_by_role("navigation", name="Console")).to_be_hidden()
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    page.emulate_media(media="screen", color_scheme="light")


def test_the_exact_instant_is_read_by_who_tabs_to_it(reader: Visit) -> None:
    page = reader.open("/partners/cedar")
    since = page.get_by_label("S200P", exact=True).locator("time").first
    expect(since).to_have_attribute("title", "2026-11-21 00:00:00 GMT (2026-11-21T00:00:00Z)")
    since.focus()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Tab")
    shown = since.evaluate("element => getComputedStyle(element, '::after').content")
    assert "2026-11-21T00:00:00Z" in shown


@pytest.mark.parametrize("address", ["/", "/partners", "/partners/cedar"])
def test_a_page_does_not_jump_while_it_loads(reader: Visit, address: str) -> None:
    page = reader.open(address)
    page.wait_for_load_state("networkidle")
    moved = page.evaluate(
        """() => new Promise((done) => new PerformanceObserver((list) =>
            done(list.getEntries().reduce((sum, entry) => sum + entry.value, 0))
        ).observe({ type: "layout-shift", buffered: true }) || setTimeout(() => done(0), 300))"""
    )
    assert moved <= SHIFT_MAX


def test_the_clock_of_a_sandbox_is_moved_by_a_button(reader: Visit) -> None:
    page = reader.open("/system")
    card = page.get_by_label("Sandbox clock")
    before = card.locator("time").get_attribute("datetime")
    card.get_by_role("button", name="An hour on").click()
    expect(page.get_by_role("status")).to_contain_text("The clock was moved")
    assert card.locator("time").get_attribute("datetime") != before
