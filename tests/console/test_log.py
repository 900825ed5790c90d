"""The log: how a fact is found, and what its page says."""

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from tests.console.conftest import Visit
from tests.console.html import text
from tests.console.services import Services, problem

FACTS = "/certification/v1/recorded-facts"
PREFIX = "com.sage.partnercloud."


def fact(fact_id: str = "f1", **changed: Any) -> dict[str, Any]:
    when = {"recorded_at": "2026-11-22T12:00:00Z", "effective_at": "2026-10-21T12:00:00Z"}
    said = {"type": f"{PREFIX}consultant-left.v1", "data": {"partner_id": "cedar", "consultant_id": "hugo"}}
    state = {"held": False, "voided": False, "voided_by": None, "voided_at": None, "free_text": None}
    place = {"position": 111, "append_position": 111, "actor": "local", "correlation_id": fact_id, "causation_id": None}
    return {"fact_id": fact_id, **when, **said, **state, **place, **changed}


def services(**changed: Any) -> Services:
    event = {"id": "e1", "type": f"{PREFIX}selling-suspended.v1", "position": 49, "subject": "cedar"}
    event |= {"time": "2026-11-21T00:00:00Z", "recordedtime": "2026-11-22T12:00:00Z", "data": {"fact_ids": ["f1"]}}

    def listed(request: Request) -> Response:
        if "causation_id" in request.query_params or request.query_params.get("about") not in (None, "hugo"):
            return PlainTextResponse('{"facts": [], "next": null}')
        return Response(msgspec.json.encode({"facts": [fact()], "next": None}), media_type="application/json")

    return Services(
        {
            FACTS: listed,
            "/certification/v1/facts/f1": fact(**changed),
            "/compliance/v1/facts/f1/events": {"events": [event], "applied": True},
            "/compliance/v1/events/e1": event,
            "/certification/v1/facts/f1/proof": lambda _: PlainTextResponse("c2sp.org/tlog-proof@v1\nindex 110\n"),
        }
    )


async def test_the_newest_facts_are_listed(visit: Visit) -> None:
    page = await visit(services()).get("/log")
    assert "111 22 November 2026, 12:00 hugo left cedar 21 October 2026, 13:00 local" in text(page)


async def test_an_id_leads_to_its_fact_or_event_and_a_name_to_what_is_about_it(visit: Visit) -> None:
    browser = visit(services())
    assert (await browser.get("/log?q=f1")).headers["location"] == "/log/f1"
    assert (await browser.get("/log?q=e1")).headers["location"] == "/log/events/e1"
    assert "About hugo" in text(await browser.get("/log?q=hugo"))
    nothing = await browser.get("/log?q=%3Cb%3E nothing")
    assert (nothing.status_code, "Nothing is found" in text(nothing), "<b>" in nothing.text) == (200, True, False)


async def test_a_fact_shows_what_followed_and_its_proof(visit: Visit) -> None:
    said = text(await visit(services()).get("/log/f1"))
    assert "hugo left cedar" in said
    assert "(32 days late)" in said
    assert "Selling to new customers was suspended" in said
    assert "index 110" in said


async def test_a_void_fact_says_by_what_and_a_waiting_one_for_what(visit: Visit) -> None:
    void = {"voided": True, "voided_by": "f2", "voided_at": "2026-11-23T09:00:00Z"}
    assert "counts nowhere any more: taken back on 23 November 2026" in text(
        await visit(services(**void)).get("/log/f1")
    )
    waiting = services(held=True)
    waits_for = {"registration_id": "R1", "attempt": None, "portal_change_id": None}
    held = {"fact_id": "f1", "since": "2026-11-22T12:00:00Z", "waits_for": waits_for}
    waiting.answers["/certification/v1/held-facts"] = {"held_facts": [held]}
    assert "It has been waiting since 22 November 2026, 12:00 for the exam registration R1" in text(
        await visit(waiting).get("/log/f1")
    )


async def test_a_fact_that_changed_nothing_says_why(visit: Visit) -> None:
    said = services()
    said.answers["/compliance/v1/facts/f1/events"] = {"events": [], "applied": True}
    why = {"fact_id": "f1", "text": "hugo had left already.", "rule": "R23"}
    said.answers["/compliance/v1/facts-without-effect"] = {"facts": [why]}
    assert "It changed nothing hugo had left already. (R23)" in text(await visit(said).get("/log/f1"))


async def test_a_log_that_is_not_sealed_yet_has_facts_all_the_same(visit: Visit) -> None:
    said = services()
    said.answers["/certification/v1/facts/f1/proof"] = lambda _: problem(503, "Nothing is sealed yet.")
    page = await visit(said).get("/log/f1")
    assert (page.status_code, "Nothing is sealed yet." in text(page)) == (200, True)


async def test_what_is_found_is_one_click_away(visit: Visit) -> None:
    page = await visit(services()).get("/log?q=hugo")
    assert 'href="/data/certification/v1/recorded-facts.csv?about=hugo"' in page.text


async def test_only_what_can_be_taken_back_is_offered(visit: Visit) -> None:
    offered = {}
    for kind in ("consultant-left", "fact-voided", "engine-installed"):
        page = await visit(services(type=f"{PREFIX}{kind}.v1")).get("/log/f1")
        offered[kind] = "Take it back" in text(page)
    assert offered == {"consultant-left": True, "fact-voided": False, "engine-installed": False}
