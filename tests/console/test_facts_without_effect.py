"""Facts without effect: judged on a page of their own, piece by piece."""

from tests.console.conftest import Visit
from tests.console.html import text
from tests.console.services import Services

LISTED = "/compliance/v1/facts-without-effect"
FACT = {
    "fact_id": "F7", "type": "com.sage.partnercloud.consultant-left.v1", "recorded_at": "2026-11-20T12:00:00Z",
    "text": "<b>Zoe</b> was not linked.", "data": {"partner_id": "cedar", "consultant_id": "zoe"},
}  # fmt: skip


async def test_each_is_listed_with_its_reason_and_the_list_goes_on(visit: Visit) -> None:
    served = Services({LISTED: {"facts": [FACT], "next": "7~x"}})
    page = await visit(served).get("/facts-without-effect?after=3")
    assert "<b>Zoe</b> was not linked." in text(page)
    assert "<b>" not in page.text
    assert 'href="/log/F7"' in page.text
    assert "/facts-without-effect?after=7~x" in page.text
    assert next(query for _, path, query, _ in served.asked if path == LISTED) == {
        "order": "newest",
        "after": "3",
        "limit": "25",
    }


async def test_a_page_without_any_says_whether_the_list_goes_on(visit: Visit) -> None:
    none_yet = await visit(Services({LISTED: {"facts": [], "next": "7"}})).get("/facts-without-effect")
    assert "None so far" in text(none_yet)
    assert "/facts-without-effect?after=7" in none_yet.text
    none = await visit(Services({LISTED: {"facts": [], "next": None}})).get("/facts-without-effect")
    assert "Every fact counts" in text(none)


async def test_today_does_not_wait_for_them(visit: Visit) -> None:
    served = Services()
    page = await visit(served).get("/")
    assert LISTED not in [path for _, path, _, _ in served.asked]
    assert 'hx-get="/facts-without-effect?limit=5"' in page.text
    assert 'href="/facts-without-effect"' in page.text
