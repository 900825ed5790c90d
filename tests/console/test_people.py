"""People: found by the address, with what each lacks; a person with exams, corrections, links and the portal."""

from typing import Any

from tests.console.conftest import Visit
from tests.console.html import text
from tests.console.services import Services

HOSTILE = "<script>alert(1)</script>\N{RIGHT-TO-LEFT OVERRIDE}" + "x" * 200
ROW = {
    "consultant_id": "jude", "name": HOSTILE, "product": "S200P", "partner_id": "cedar", "partner_name": HOSTILE,
    "counted": False, "certified": False, "certified_since": None, "lacks": ["course", "pass"],
    "maintenance_due_on": "2026-11-18", "next_change_at": None,
}  # fmt: skip
ANSWER = {
    "product": "S200P", "certified": False, "certified_since": None, "portal_user": False, "lacks": ["maintenance"],
    "maintenance_due_on": "2026-11-18", "next_change_at": None,
    "reasons": [{"rule": "R26", "text": "The certification lapsed.", "fact_ids": ["F1"]}],
}  # fmt: skip
ANSWERS = {"name": "Jude Law", "partner_id": "cedar", "partner_name": None, "certifications": [ANSWER]}


def fact(topic: str, number: int, **data: Any) -> dict[str, Any]:
    return {
        "fact_id": f"F{number}", "type": f"com.sage.partnercloud.{topic}.v1", "position": number, "data": data,
        "effective_at": "2026-06-01T09:00:00Z", "recorded_at": "2026-06-01T09:00:00Z", "voided": False,
        "causation_id": None,
    }  # fmt: skip


FACTS = [
    fact("consultant-linked", 900, consultant_id="jude", partner_id="later"),
    fact("score-corrected", 4, registration_id="r-1", attempt=1, score="78.00"),
    fact("attempt-scored", 3, registration_id="r-1", attempt=1, score="82.00"),
    fact("consultant-left", 2, consultant_id="jude", partner_id="cedar"),
    fact("consultant-linked", 1, consultant_id="jude", partner_id="cedar"),
]
EXAM = {
    "registration_id": "r-1", "product": "S200P", "portal_change_id": None, "state": "open", "attempts_left": 1,
    "attempts": [{"attempt": 1, "score": "78.00", "passed": False, "effective_at": "2026-06-01T09:00:00Z"}],
}  # fmt: skip


def services() -> Services:
    return Services(
        {
            "/compliance/v1/policy": {"products": ["S200P"]},
            "/compliance/v1/consultants": {"consultants": [ROW], "next": "jude~S200P"},
            "/certification/v1/recorded-facts": {"facts": FACTS, "next": None},
            "/certification/v1/exam-registrations": {"registrations": [EXAM]},
            "/compliance/v1/consultants/jude/certifications": ANSWERS,
        }
    )


async def test_people_are_found_by_what_the_address_says(visit: Visit) -> None:
    served = services()
    page = await visit(served).get("/people?q=ju&certified=false&at=2026-11-30T15:00:00Z")
    asked = next(query for _, path, query, _ in served.asked if path == "/compliance/v1/consultants")
    assert asked == {"q": "ju", "certified": "false", "at": "2026-11-30T15:00:00Z", "limit": "50"}
    assert "a completed course, a passed exam, maintenance due 18 November 2026" in text(page)
    assert "<script>alert" not in page.text
    assert 'rel="next"' in page.text


async def test_a_person_with_exams_corrections_links_and_why_the_portal_is_closed(visit: Visit) -> None:
    page = await visit(services()).get("/people/jude")
    said = text(page)
    assert "Counts for cedar not counted: not certified Lacks maintenance due 18 November 2026" in said
    assert "Not certified No portal access The certification lapsed. R26, F1" in said
    assert "r-1 S200P Open 1 left 1: 78.00 Failed 1 June 2026 Attempt 1 to 78.00 , 1 June 2026 F4" in said
    assert "Left cedar" in said
    assert "later" not in said, "what was recorded after the position of the answers is not known yet"
    assert "/record/departure?partner_id=cedar&amp;consultant_id=jude" in page.text
    assert page.headers["server-timing"] == 'questions;desc="4"'
    assert (await visit(services()).get("/people/nobody")).status_code == 404
