"""Facts by form: what they change is shown first; nothing typed is lost; one form is one fact."""

import json
from typing import Any

import httpx
import msgspec
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from services.console.report_forms import FORMS
from tests.console.conftest import Visit
from tests.console.html import text, token
from tests.console.services import MOMENT, Services, problem

DEPARTURES = "/certification/v1/partners/cedar/departures"
FACT = {"fact_id": "F1", "type": "com.sage.partnercloud.consultant-left.v1", "effective_at": "2026-11-27T17:00:00Z"}
SAID = {"partner_id": "cedar", "consultant_id": "ben"}
STANDING = {"minimum": 2, "maintain_existing": True, "windows": [], "suspensions": [], "reasons": []}
CHANGES: dict[str, Any] = {
    **MOMENT,
    "everybody": False,
    "partners_concerned": 1,
    "partners_compared": 1,
    "people": [],
    "next": None,
    "partners": [
        {
            "partner_id": "cedar",
            "events": [],
            "products": [
                {
                    "product": "S200P",
                    "gained": [],
                    "lost": ["ben"],
                    "before": {
                        "now": {**STANDING, "status": "compliant", "sell_new": True, "headcount": 2, "shortfall": 0},
                        "ahead": [],
                    },
                    "after": {
                        "now": {**STANDING, "status": "suspended", "sell_new": False, "headcount": 1, "shortfall": 1},
                        "ahead": [],
                    },
                }
            ],
        }
    ],
}


POLICY = {
    "products": ["S200P", "S200S"],
    "programmes": ["PARTNER_SUCCESS"],
    "minimum": {"VAR": 2},
    "reminder_days": [7, 1],
    "window_days": 30,
}


def checking(request: Request) -> Response:
    """Takes every report that it is asked to check."""
    line = {"line": 1, "status": 201, "body": {"fact_id": "F1"}, "facts": [{**FACT, "data": SAID}]}
    return Response(msgspec.json.encode(line) + b"\n", media_type="application/x-ndjson")


def services(**answers: Any) -> Services:
    return Services(
        {
            "/compliance/v1/policy": POLICY,
            "/certification/v1/batches": checking,
            "/compliance/v1/previews": lambda _: JSONResponse(CHANGES),
            DEPARTURES: lambda _: JSONResponse({"fact_id": "F1", "position": 112}, 201),
            **answers,
        }
    )


async def typed(browser: httpx.AsyncClient, kind: str, step: str, **fields: str) -> httpx.Response:
    shown = await browser.get(f"/record/{kind}")
    return await browser.post(
        f"/record/{kind}", data={"csrf": token(shown), "idempotency_key": "K1", "step": step, **fields}
    )


async def test_what_a_fact_changes_is_shown_before_it_is_recorded(visit: Visit) -> None:
    served = services()
    browser = visit(served)
    preview = await typed(browser, "departure", "preview", effective_at="2026-11-27T17:00", **SAID)
    assert "S200P Compliant" in text(preview)
    assert "Suspended 2 → 1 counted of 2 needed; may not sell to new customers ben no longer counts" in text(preview)
    [previewed] = [content for _, path, _, content in served.asked if path == "/compliance/v1/previews"]
    assert json.loads(previewed)["facts"][0]["data"] == SAID
    assert all(path != DEPARTURES for _, path, _, _ in served.asked)

    twice = [await typed(browser, "departure", "record", effective_at="2026-11-27T17:00", **SAID) for _ in range(2)]
    assert [(answer.status_code, answer.headers["location"]) for answer in twice] == [(303, "/record/facts/F1")] * 2
    recorded = [json.loads(content) for _, path, _, content in served.asked if path == DEPARTURES]
    assert recorded == [{"consultant_id": "ben", "effective_at": "2026-11-27T17:00:00+00:00"}] * 2


async def test_a_form_that_is_sent_twice_has_one_key(visit: Visit) -> None:
    keys: list[str] = []

    def recording(request: Request) -> Response:
        keys.append(request.headers["idempotency-key"])
        return JSONResponse({"fact_id": "F1", "position": 112}, 201)

    browser = visit(services(**{DEPARTURES: recording}))
    for _ in range(2):
        await typed(browser, "departure", "record", **SAID)
    assert keys == ["K1", "K1"]


async def test_what_is_refused_stands_beside_its_field_and_nothing_typed_is_lost(visit: Visit) -> None:
    def refusing(request: Request) -> Response:
        errors = [{"place": "body", "parameter": "score", "expected": "A decimal string"}]
        body = msgspec.json.decode(problem(422, "The score is not acceptable.", errors=errors).body)
        return JSONResponse({"line": 1, "status": 422, "body": body, "facts": []})

    browser = visit(services(**{"/certification/v1/batches": refusing}))
    fields = {"registration_id": "r-1", "attempt": "1", "score": '"><script>alert(1)</script>'}
    answer = await typed(browser, "score", "preview", **fields)
    assert answer.status_code == 422
    assert 'href="#f-score">Score: A decimal string' in answer.text
    assert 'id="f-score-wrong"' in answer.text
    assert 'value="r-1"' in answer.text
    assert "<script>alert" not in answer.text
    assert 'name="idempotency_key" value="K1"' in answer.text
    empty = await typed(browser, "score", "record", registration_id="r-1")
    assert "Score: This is needed." in text(empty)


def recorded(data: dict[str, str], **changed: Any) -> dict[str, Any]:
    return {
        **FACT, "data": data, "position": 112, "recorded_at": "2026-11-30T15:00:00Z", "actor": "", "voided": False,
        "causation_id": None, "held": False, "free_text": None, "voided_by": None, "voided_at": None, **changed,
    }  # fmt: skip


async def test_taking_back_is_final_and_the_receipt_says_so(visit: Visit) -> None:
    fact = recorded({"fact_id": "F0"}, type="com.sage.partnercloud.fact-voided.v1")
    receipt = await visit(services(**{"/certification/v1/facts/F1": fact})).get("/record/facts/F1")
    assert "Taking a fact back is final. If the fact was true after all, record it again." in text(receipt)
    assert "If you take it back" not in text(receipt)


async def test_a_fact_is_taken_back_with_a_reason_once_its_undoing_was_shown(visit: Visit) -> None:
    fact = recorded(SAID)
    void = "/certification/v1/facts/F1/void"
    served = services(**{"/certification/v1/facts/F1": fact, void: lambda _: JSONResponse({"fact_id": "F2"}, 201)})
    browser = visit(served)
    receipt = await browser.get("/record/facts/F1")
    assert "ben left cedar" in text(receipt)
    assert "If you take it back" in text(receipt)
    await typed(browser, "void", "record", fact_id="F1", reason="Wrong person")
    assert (served.asked[-1][1], json.loads(served.asked[-1][3])) == (void, {"reason": "Wrong person"})


async def test_a_preview_that_fails_hinders_nobody(visit: Visit) -> None:
    browser = visit(services(**{"/compliance/v1/previews": lambda _: problem(503, "Too many questions wait.")}))
    answer = await typed(browser, "departure", "preview", **SAID)
    assert "cannot be shown now: Too many questions wait." in text(answer)
    assert "Record it" in text(answer)


@pytest.mark.parametrize("kind", FORMS)
async def test_each_form_is_shown(visit: Visit, kind: str) -> None:
    answer = await visit(services()).get(f"/record/{kind}?partner_id=cedar&reason=%3Cb%3E")
    assert answer.status_code == 200
    assert FORMS[kind].title in text(answer)
    assert "<b>" not in answer.text
