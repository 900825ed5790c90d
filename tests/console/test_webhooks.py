"""Webhooks: the health of endpoints, what was sent to each, and what is done about it."""

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tests.console.conftest import Visit
from tests.console.html import text, token
from tests.console.services import Services, problem

LIST = "/compliance/v1/webhook-endpoints"
ONE = f"{LIST}/wh_1"
HEALTH = {
    **dict.fromkeys(("next_attempt_at", "last_delivered_at", "warned_hours", "last_error", "disabled_because")),
    "position": 3,
    "head": 5,
    "lag": 2,
    "epoch": 1,
    "sequence": 1,
    "parked": 0,
    "failures": 4,
    "last_status": 500,
    "failing_since": "2026-11-30T07:00:00Z",
    "last_attempt_at": "2026-11-30T07:05:00Z",
}
ENDPOINT = {
    "endpoint_id": "wh_1",
    "url": "https://orders.example/hooks",
    "description": "Order desk",
    "filter": None,
    "batch_max": 1,
    "state": "active",
    "registered_at": "2026-11-01T09:00:00Z",
    "registered_by": "local",
    "health": HEALTH,
}


def attempt(number: int, sequence: int, status: int, reply: str = "") -> dict[str, object]:
    about = {"number": number, "kind": "event", "message_id": f"event{sequence}", "epoch": 1, "sequence": sequence}
    when = {"started_at": "2026-11-30T07:05:00Z", "duration_ms": 12, "messages": 1}
    return {**about, **when, "status": status, "error": None, "reply": reply}


def services() -> Services:
    attempts = [attempt(3, 2, 500, '{"error": "disk full"}'), attempt(2, 1, 200)]
    return Services(
        {
            LIST: {"endpoints": [ENDPOINT]},
            ONE: ENDPOINT,
            f"{ONE}/attempts": {"attempts": attempts},
            f"{ONE}/parked": {"parked": []},
        }
    )


async def test_endpoints_are_shown_with_health_and_lag(visit: Visit) -> None:
    page = await visit(services()).get("/webhooks")
    assert "Order desk Failing 2 events never 500" in text(page)


async def test_an_empty_list_says_what_to_do(visit: Visit) -> None:
    page = await visit(Services({LIST: {"endpoints": []}})).get("/webhooks")
    assert "Register the first endpoint" in text(page)


async def test_webhooks_that_are_off_are_a_sentence_of_the_page(visit: Visit) -> None:
    off = Services({LIST: lambda _: problem(503, "There is no key to seal secrets with.")})
    page = await visit(off).get("/webhooks")
    assert (page.status_code, "There is no key to seal secrets with." in text(page)) == (200, True)


async def test_what_is_still_to_be_delivered_is_tried_again_and_what_was_is_sent_once_more(visit: Visit) -> None:
    said = services()
    sent = {"delivered": True, "status": 204, "duration_ms": 9, "error": None, "reply": ""}
    said.answers[f"{ONE}/resends"] = lambda _: JSONResponse(sent)
    said.answers[f"{ONE}/retries"] = ENDPOINT
    browser = visit(said)
    page = await browser.get("/webhooks/wh_1")
    assert '{"error": "disk full"}' in text(page)
    assert (page.text.count("still to be delivered"), page.text.count('value="event1"')) == (1, 1)
    form = {"csrf": token(page), "event_id": "event1"}
    done = await browser.post("/webhooks/wh_1/resend", data=form, follow_redirects=True)
    assert "The message was delivered: 204 after 9 ms." in text(done)
    assert ("POST", f"{ONE}/resends", {}, b'{"event_id":"event1"}') in said.asked
    again = await browser.post("/webhooks/wh_1/retry", data=form, follow_redirects=True)
    assert "The failed delivery is tried again now." in text(again)


async def test_a_refusal_stays_on_the_page_of_the_endpoint(visit: Visit) -> None:
    said = services()
    said.answers[f"{ONE}/retries"] = lambda _: problem(409, "The endpoint is paused.")
    browser = visit(said)
    page = await browser.get("/webhooks/wh_1")
    answer = await browser.post("/webhooks/wh_1/retry", data={"csrf": token(page)})
    assert (answer.status_code, "The endpoint is paused." in text(answer)) == (409, True)
    assert (await browser.post("/webhooks/wh_1/retry", data={"csrf": "forged"})).status_code == 403


async def test_a_secret_is_shown_once_and_a_replay_says_from_where(visit: Visit) -> None:
    said = services()
    rotated = {"secret": "whsec_new", "previous_expires_at": "2026-12-01T07:00:00Z"}
    said.answers[f"{ONE}/secret-rotations"] = lambda _: JSONResponse(rotated, 201)
    said.answers[f"{ONE}/replays"] = ENDPOINT

    def made(request: Request) -> Response:
        return JSONResponse({**ENDPOINT, "secret": "whsec_first"} if request.method == "POST" else {"endpoints": []})

    said.answers[LIST] = made
    browser = visit(said)
    page = await browser.get("/webhooks/new")
    form = {"csrf": token(page), "url": "https://orders.example/hooks", "idempotency_key": "k1"}
    assert "whsec_first" in text(await browser.post("/webhooks/new", data=form))
    assert "whsec_new" in text(await browser.post("/webhooks/wh_1/rotate", data=form))
    assert "whsec" not in text(await browser.get("/webhooks/wh_1"))
    for since, sent in (("2026-07-01T09:30", {"at": "2026-07-01T08:30:00Z"}), ("", "origin")):
        await browser.post("/webhooks/wh_1/replay", data={**form, "since": since})
        assert msgspec.json.decode(said.asked[-1][3]) == {"from": sent}


async def test_a_refused_registration_without_a_key_of_its_own_gets_one(visit: Visit) -> None:
    browser = visit(Services({LIST: lambda _: problem(422, "The url is not acceptable.")}))
    shown = await browser.get("/webhooks/new")
    answer = await browser.post("/webhooks/new", data={"csrf": token(shown), "url": "x"})
    assert (answer.status_code, "The url is not acceptable." in text(answer)) == (422, True)
    assert 'name="idempotency_key" value="console-' in answer.text
