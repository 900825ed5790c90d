"""Today: what needs action now. The services are asked for what a row says."""

from typing import Any

from tests.console.conftest import Visit
from tests.console.html import text
from tests.console.services import Answer, Services, problem
from tests.console.test_partners import ROW

LOST = {"consultant_id": "hugo", "name": "Hugo Marsh", "at": "2026-10-21T12:00:00Z"}
WINDOW = {
    "partner_id": "harbour",
    "name": None,
    "product": "S200P",
    "deadline_on": "2026-12-02",
    "opened_at": "2026-11-02T12:00:00Z",
}
OWED = {
    "due_on": "2026-11-18",
    "portal_change_id": "portal-2",
    "product": "S200S",
    "consultant_id": "jude",
    "name": None,
    "partner_id": "ledgerlabs",
    "partner_name": None,
    "overdue": True,
}
EVENT = {
    "id": "e1",
    "type": "com.sage.partnercloud.selling-suspended.v1",
    "subject": "cedar",
    "recordedtime": "2026-11-29T12:00:00Z",
    "data": {"products": ["S200P"]},
}
EARLIER = {**EVENT, "subject": "oldmill", "recordedtime": "2026-11-28T23:59:59Z"}
FIRST: dict[str, Any] = {
    "windows": [WINDOW],
    "suspensions": [{**ROW, "missing": 1, "lost": LOST}],
    "maintenance_due": [],
    "maintenance_overdue": [OWED],
}
TOTALS: dict[str, Any] = {
    "suspended": {"count": 10_000, "more": True},
    "open_windows": {"count": 1, "more": False},
    "closing_windows": {"count": 1, "more": False},
    "maintenance_owed": {"count": 1234, "more": False},
    "maintenance_overdue": {"count": 4, "more": False},
    "first": FIRST,
}
YESTERDAY = {"type": EVENT["type"], "count": 1, "more": False}
COUNTS = {
    "counts": [
        {"recorded_from": "2026-11-29T00:00:00Z", "types": [YESTERDAY]},
        {"recorded_from": "2026-11-23T00:00:00Z", "types": [{**YESTERDAY, "count": 10_000, "more": True}]},
    ],
    "newest": [EVENT, EARLIER],
}
PATHS: dict[str, Answer] = {
    "/compliance/v1/totals": TOTALS,
    "/compliance/v1/recorded-events/counts": COUNTS,
}


async def test_who_must_act_and_what_changed(visit: Visit) -> None:
    services = Services(PATHS)
    page = await visit(services).get("/")
    said = text(page)
    assert "harbour S200P in 2 days 2 December 2026" in said
    assert "Hugo Marsh was lost on 21 October 2026 . Hugo was not replaced. 1 more certified person" in said
    assert "jude ledgerlabs S200S portal-2 overdue 18 November 2026" in said
    assert "cedar Selling to new customers was suspended S200P" in said
    yesterday, _, monday = said.partition("Since Monday, 23 November 2026")
    assert "1 selling suspended 29 November 2026, 12:00 cedar" in yesterday
    assert "oldmill" not in yesterday
    assert "28 November 2026, 23:59 oldmill Selling to new customers was suspended" in monday
    assert "10,000+ selling suspended" in monday
    assert page.headers["server-timing"] == 'questions;desc="5"'


async def test_how_much_there_is_stands_above_the_lists(visit: Visit) -> None:
    said = text(await visit(Services(PATHS)).get("/"))
    assert "Open windows 1 1 ends within 7 days Suspended 10,000+ may not sell to new customers" in said
    assert "Maintenance owed 1,234 4 overdue" in said
    assert "All suspended partners, latest first The first 8 of 10,000+ are shown." in said


async def test_what_is_due_soonest_stands_before_what_is_overdue(visit: Visit) -> None:
    """What nobody can do in time any more would fill the list of a large system."""

    later = {**OWED, "consultant_id": "amy", "due_on": "2026-12-04", "overdue": False}
    totals = {**TOTALS, "first": {**FIRST, "maintenance_due": [later]}}
    said = text(await visit(Services({**PATHS, "/compliance/v1/totals": totals})).get("/"))
    assert said.index("amy ledgerlabs S200S portal-2 in 4 days") < said.index("jude ledgerlabs S200S portal-2 overdue")


async def test_whoever_is_listed_by_id_is_called_by_name(visit: Visit) -> None:
    names: dict[str, Answer] = {"/compliance/v1/names": {"partners": {"oldmill": "Old Mill LLP"}, "consultants": {}}}
    services = Services({**PATHS, **names})
    assert "23:59 Old Mill LLP oldmill Selling to" in text(await visit(services).get("/"))
    asked = [query for _, path, query, _ in services.asked if path == "/compliance/v1/names"]
    assert len(asked) == 1, "all names of a page are one question"


async def test_a_part_that_is_refused_leaves_the_others(visit: Visit) -> None:
    slow = {"/certification/v1/held-facts": lambda _: problem(503, "Too many questions wait.")}
    said = text(await visit(Services({**PATHS, **slow})).get("/"))
    assert "Too many questions wait." in said
    assert "Hugo Marsh was lost" in said


async def test_an_empty_system_says_what_would_be_there(visit: Visit) -> None:
    none = {"count": 0, "more": False}
    empty: dict[str, Answer] = {
        "/compliance/v1/totals": {**dict.fromkeys(TOTALS, none), "first": dict.fromkeys(FIRST, ())},
        "/compliance/v1/recorded-events/counts": {"counts": [{"types": []}] * 2, "newest": []},
    }
    said = text(await visit(Services(empty)).get("/"))
    assert "No window is open" in said
    assert "No partner is suspended" in said
    assert "Nothing changed" in said
