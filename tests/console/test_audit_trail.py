"""Audit: what is sealed and by whom, verdicts on claims, what-ifs with their progress."""

from typing import Any

from starlette.responses import JSONResponse, PlainTextResponse

from services.console.audit_checkpoint import parse_checkpoint
from tests.console.conftest import Visit
from tests.console.html import text, token
from tests.console.services import Services, problem

ORIGIN = "sagecert.3f9a1c77d2e0/facts"
NOTE = f"{ORIGIN}\n113\nfkjQ9Wne4fFu32=\n\n\u2014 {ORIGIN} AAAA\n\u2014 witness.example/w1 BBBB\n"
RUN: dict[str, Any] = {
    "what_if_id": "wi_1",
    "state": "running",
    "requested_by": "local",
    "at": "2026-11-30T15:00:00Z",
    "differing": 1,
    "partners": 7,
    "partners_done": 3,
    "failure": None,
    "differences": [],
    "next": None,
    "position": 111,
    "revision": {"window_days": 45, "minimum": None, "programmes": None, "effective_from": "2000-01-01T00:00:00Z"},
}


def services() -> Services:
    return Services(
        {
            "/audit/readyz": {"facts": 113, "facts_sealed": 113, "events": 50, "events_sealed": 48},
            "/audit/v1/checkpoint": lambda _: PlainTextResponse(NOTE),
            "/audit/v1/compliance/checkpoint": lambda _: problem(503, "Nothing is sealed yet."),
            "/audit/v1/what-ifs": {"what_ifs": [RUN]},
            "/audit/v1/what-ifs/wi_1": RUN,
        }
    )


async def test_checkpoints_name_their_witnesses_and_what_is_not_sealed_yet(visit: Visit) -> None:
    said = text(await visit(services()).get("/audit-trail"))
    assert "All sealed" in said
    assert "witness.example/w1" in said
    assert "2 to be sealed" in said
    assert "Nothing is sealed yet." in said


async def test_a_log_without_entries_lacks_no_checkpoint(visit: Visit) -> None:
    empty = services()
    empty.answers["/audit/readyz"] = {"facts": 113, "facts_sealed": 113, "events": 0, "events_sealed": 0}
    said = text(await visit(empty).get("/audit-trail"))
    assert "Compliance events No entry yet" in said
    assert "Nothing is sealed yet." not in said


def test_only_a_signed_checkpoint_is_taken_apart() -> None:
    assert parse_checkpoint("no note") is None
    assert parse_checkpoint(f"{ORIGIN}\nmany\nroot\n\n") is None
    found = parse_checkpoint(NOTE)
    assert found is not None
    assert (found.origin, found.size, found.witnesses) == (ORIGIN, 113, ("witness.example/w1",))


async def test_claims_are_shown_with_verdicts_in_words(visit: Visit) -> None:
    said = services()
    claim = {"number": 1, "recorded_at": "2026-11-20T09:00:00Z", "actor": "portal", "product": "S200P"}
    judged = {"at": "2026-11-20", "customer": "new", "allowed": True, "verdict": "justified"}
    known = {"now_allowed": False, "then_allowed": True}
    said.answers["/audit/v1/claims"] = {"claims": [{**claim, **judged, **known}]}
    shown = text(await visit(said).get("/audit-trail?partner_id=cedar"))
    assert "portal S200P to new customers" in shown
    assert "allowed Justified now known: not allowed" in shown


async def test_a_running_what_if_shows_how_far_it_has_come_and_looks_again(visit: Visit) -> None:
    browser = visit(services())
    for address in ("/audit-trail", "/audit-trail/what-ifs/wi_1"):
        page = await browser.get(address)
        assert "3 of about 7" in text(page)
        assert "Windows of 45 days" in text(page)
        assert 'hx-trigger="every' in page.text


async def test_a_what_if_is_asked_by_its_terms_or_refused_beside_the_form(visit: Visit) -> None:
    said = services()
    browser = visit(said)
    form = {"csrf": token(await browser.get("/audit-trail")), "window_days": "45", "var": "3", "developer": ""}
    said.answers["/audit/v1/what-ifs"] = lambda _: JSONResponse(RUN, 202)
    asked = await browser.post("/audit-trail/what-ifs", data=form)
    assert asked.headers["location"] == "/audit-trail/what-ifs/wi_1"
    assert said.asked[-1][3] == b'{"window_days":45,"minimum":{"VAR":3}}'
    said.answers["/audit/v1/what-ifs"] = lambda _: problem(422, "A what-if gives window_days, minimum or programmes.")
    refused = await browser.post("/audit-trail/what-ifs", data={**form, "window_days": "x"})
    assert (refused.status_code, "A what-if gives window_days" in text(refused)) == (422, True)
