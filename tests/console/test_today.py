"""Today: what needs somebody now. What a row says is asked of the services."""

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
PATHS: dict[str, Answer] = {
    "/compliance/v1/windows": {"windows": [WINDOW]},
    "/compliance/v1/partners": {"partners": [{**ROW, "missing": 1, "lost": LOST}]},
    "/compliance/v1/maintenance": {"maintenance": [OWED]},
    "/compliance/v1/recorded-events": {"events": [EVENT]},
}


async def test_who_must_act_and_what_changed(visit: Visit) -> None:
    services = Services(PATHS)
    page = await visit(services).get("/")
    said = text(page)
    assert "harbour S200P in 2 days 2 Dec 2026" in said
    assert "Hugo Marsh was lost on 21 Oct 2026 . Nobody was found. 1 more certified person" in said
    assert "jude ledgerlabs S200S portal-2 overdue 18 Nov 2026" in said
    assert "cedar Selling to new customers was suspended S200P" in said
    since = [params["recorded_from"] for _, path, params, _ in services.asked if path.endswith("recorded-events")]
    assert since == ["2026-11-29", "2026-11-23"]
    assert page.headers["server-timing"] == 'questions;desc="7"'


async def test_a_part_that_is_refused_leaves_the_others(visit: Visit) -> None:
    slow = {"/compliance/v1/windows": lambda _: problem(503, "Too many questions wait.")}
    said = text(await visit(Services({**PATHS, **slow})).get("/"))
    assert "Too many questions wait." in said
    assert "Hugo Marsh was lost" in said


async def test_an_empty_system_says_what_would_be_there(visit: Visit) -> None:
    empty: dict[str, Answer] = {
        "/compliance/v1/windows": {"windows": []},
        "/compliance/v1/partners": {"partners": []},
        "/compliance/v1/recorded-events": {"events": []},
    }
    said = text(await visit(Services(empty)).get("/"))
    assert "No window is open" in said
    assert "Nobody is suspended" in said
    assert "Nothing changed" in said
