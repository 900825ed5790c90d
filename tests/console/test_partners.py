"""The list of partners: its filters are in the address."""

from tests.console.conftest import Visit
from tests.console.html import text
from tests.console.services import Services

PARTNERS = "/compliance/v1/partners"
ROW = {
    "partner_id": "cedar",
    "name": "Cedar Ltd",
    "product": "S200P",
    "status": "suspended",
    "since": "2026-11-21T00:00:00Z",
    "headcount": 1,
    "minimum": 2,
    "shortfall": 1,
    "reason": {"rule": "R19", "text": "Hugo was not replaced."},
    "next_change_at": None,
}


async def test_the_filters_of_the_address_are_asked_and_shown(visit: Visit) -> None:
    services = Services({PARTNERS: {"partners": [ROW], "next": "cedar~S200P"}})
    at = "2026-11-22T12:00:00Z"
    page = await visit(services).get(f"/partners?q=ced&status=suspended&status=in_window&product=S200P&at={at}")
    asked = next(params for _, path, params, _ in services.asked if path == PARTNERS)
    assert asked == {"q": "ced", "status": "in_window", "product": "S200P", "at": at, "limit": "50"}
    assert "Cedar Ltd cedar S200P Suspended 21 November 2026 1 of 2 Hugo was not replaced." in text(page)
    kept = f"status=suspended&amp;status=in_window&amp;product=S200P&amp;at={at.replace(':', '%3A')}"
    assert f'href="/partners?q=ced&amp;{kept}&amp;after=cedar%7ES200P"' in page.text.replace(
        "cedar~S200P", "cedar%7ES200P"
    )
    assert '"/data/compliance/v1/partners.csv?' in page.text


async def test_the_suspended_alone_are_listed_the_latest_first(visit: Visit) -> None:
    services = Services({"/compliance/v1/suspensions": {"suspensions": [ROW], "next": "2026~cedar~S200P"}})
    page = await visit(services).get("/partners?status=suspended&product=S200P")
    asked = next(params for _, path, params, _ in services.asked if path == "/compliance/v1/suspensions")
    assert asked == {"product": "S200P", "limit": "50"}
    assert "the latest suspension first" in text(page)
    assert 'href="/data/compliance/v1/suspensions.csv?product=S200P"' in page.text


async def test_a_due_day_lists_the_windows_that_end_before(visit: Visit) -> None:
    window = {"partner_id": "harbour", "name": None, "product": "S200P", "deadline_on": "2026-12-02"}
    windows = {"windows": [{**window, "opened_at": "2026-11-02T12:00:00Z"}]}
    services = Services({"/compliance/v1/windows": windows})
    page = await visit(services).get("/partners?due=2026-12-03")
    asked = next(params for _, path, params, _ in services.asked if path == "/compliance/v1/windows")
    assert (asked["due_before"], asked["status"]) == ("2026-12-03", "open")
    assert "harbour S200P 2 December 2026 in 2 days 2 November 2026" in text(page)


async def test_an_empty_list_says_what_to_do(visit: Visit) -> None:
    browser = visit(Services({PARTNERS: {"partners": []}}))
    assert "take a filter away" in text(await browser.get("/partners?q=nobody"))
    assert "with the first fact about it" in text(await browser.get("/partners"))
