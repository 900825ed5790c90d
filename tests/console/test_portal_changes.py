"""Portal changes: the list, and who must still do what by when, partner by partner."""

from typing import Any

from tests.console.conftest import Visit
from tests.console.html import text
from tests.console.services import Services, problem

CHANGE = {
    "portal_change_id": "CH1", "products": ["S200P"], "significant": True, "announced_at": "2026-11-01T09:00:00Z",
    "due_on": "2026-12-05", "summary": "<b>A new portal</b>", "fact_id": "F1", "corrected_by": ["F2"],
}  # fmt: skip


def owed(partner_id: str | None, person: str, *, overdue: bool = False) -> dict[str, Any]:
    return {
        "due_on": "2026-12-05", "portal_change_id": "CH1", "product": "S200P", "consultant_id": person, "name": None,
        "partner_id": partner_id, "partner_name": None, "overdue": overdue,
    }  # fmt: skip


OWED = [owed("cedar", "ben"), owed(None, "zoe", overdue=True), owed("birch", "amy"), owed("cedar", "dan")]


def services() -> Services:
    return Services(
        {
            "/compliance/v1/portal-changes": {"portal_changes": [CHANGE]},
            "/compliance/v1/portal-changes/CH1": CHANGE,
            "/compliance/v1/portal-changes/CH1/progress": {
                "partners": [{"partner_id": "cedar", "asked": 5, "owed": 2}]
            },
            "/compliance/v1/portal-changes/CH1/notifications": {"notified": ["birch", "cedar"]},
            "/compliance/v1/maintenance": {"maintenance": OWED},
        }
    )


async def test_portal_changes_and_how_long_there_is(visit: Visit) -> None:
    page = await visit(services()).get("/portal-changes")
    assert "CH1 <b>A new portal</b> Significant S200P 1 November 2026 5 December 2026 in 5 days F2" in text(page)
    assert "<b>" not in page.text


async def test_who_must_still_do_maintenance_by_partner(visit: Visit) -> None:
    served = services()
    page = await visit(served).get("/portal-changes/CH1?known_at=2026-11-30T15:00:00Z")
    said = text(page)
    assert "/portal-changes/CH1/notified?known_at=" in page.text
    assert not [path for _, path, _, _ in served.asked if path.endswith("notifications")], "it reads the whole log"
    assert said.index("birch 1 amy") < said.index("cedar 2 ben") < said.index("Count for no partner 1 zoe S200P Lapsed")
    assert "/record/portal-change-correction?portal_change_id=CH1" in page.text
    asked = next(query for _, path, query, _ in served.asked if path == "/compliance/v1/maintenance")
    assert asked == {"portal_change_id": "CH1", "known_at": "2026-11-30T15:00:00Z", "limit": "200"}
    assert (await visit(services()).get("/portal-changes/CH2")).status_code == 404


async def test_how_far_each_partner_is(visit: Visit) -> None:
    served = services()
    said = text(await visit(served).get("/portal-changes/CH1"))
    assert "birch 1 amy" in said
    assert "cedar 2 of 5 ben" in said
    assert len([path for _, path, _, _ in served.asked if path.endswith("/progress")]) == 1


async def test_whom_a_change_is_announced_to_has_a_page_of_its_own(visit: Visit) -> None:
    page = await visit(services()).get("/portal-changes/CH1/notified")
    assert "Partners 2 birch cedar" in text(page)
    refused = Services({"/compliance/v1/portal-changes/CH1/notifications": lambda _: problem(503, "Too many wait.")})
    assert "Too many wait." in text(await visit(refused).get("/portal-changes/CH1/notified"))
