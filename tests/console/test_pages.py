"""What every page has, and how it speaks of a service that refuses."""

import asyncio
import re

import pytest
from starlette.requests import Request
from starlette.responses import Response

from services.console.page import Page
from services.console.service_client import Services as Client
from services.console.service_questions import QUESTIONS_MAX, Questions, Refused
from services.console.service_questions import path as path_of
from tests.console.conftest import Visit
from tests.console.html import text
from tests.console.services import Services, problem
from tests.console.test_today import FIRST, TOTALS
from tests.systems import System

RECORDED = "/certification/v1/recorded-facts"
HOSTILE = '<script>alert(1)</script>"><img src=x onerror=alert(1)>'


async def test_the_browser_runs_and_loads_only_what_this_origin_serves(visit: Visit) -> None:
    browser = visit(Services())
    page = await browser.get("/")
    policy = dict(part.strip().split(" ", 1) for part in page.headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["form-action"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert page.headers["x-content-type-options"] == "nosniff"
    assert page.headers["cache-control"] == "no-store"
    assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:|https?://(?!www\.w3\.org)", page.text)
    for asset in re.findall(r'(?:src|href)="(/static/[^"]+)"', page.text):
        assert (await browser.get(asset)).status_code == 200


async def test_what_a_service_says_is_never_markup(visit: Visit) -> None:
    window = {"partner_id": HOSTILE, "name": HOSTILE, "product": HOSTILE, "number": 1, "outcome": "open"}
    dates = {"deadline_on": "2026-12-02", "deadline_at": "2026-12-03T00:00:00Z", "opened_at": "2026-11-02T12:00:00Z"}
    totals = {**TOTALS, "first": {**FIRST, "windows": [{**window, **dates}]}}
    page = await visit(Services({"/compliance/v1/totals": totals})).get("/")
    assert "<script>alert" not in page.text
    assert "<img" not in page.text
    assert HOSTILE in text(page)


async def test_a_problem_of_a_service_is_a_plain_sentence(visit: Visit) -> None:
    answer = await visit(Services()).get("/nowhere")
    assert answer.status_code == 404
    assert "There is no page at this address." in text(answer)


async def test_services_that_cannot_check_keys_are_a_plain_sentence(visit: Visit) -> None:
    async def away(scope: object, receive: object, send: object) -> None:
        await problem(503, "The keys cannot be checked at present.")(scope, receive, send)  # type: ignore[arg-type]

    answer = await visit(away).get("/")  # type: ignore[arg-type]  # any ASGI application
    assert answer.status_code == 503
    assert "The keys cannot be checked at present." in text(answer)


async def test_a_service_that_does_not_answer_in_time_is_a_plain_sentence() -> None:
    async def silent(scope: object, receive: object, send: object) -> None:
        await asyncio.sleep(5)

    questions = Questions(Client(silent, None, seconds_max=0.01, questions_max=1), None)
    with pytest.raises(Refused, match="did not answer in time") as refused:
        await questions.get("/compliance/v1/partners")
    assert refused.value.status == 504


def asked_by_a_script_on(page: str) -> dict[str, str]:
    """The headers of what a script asks for while this page is open."""
    return {"HX-Request": "true", "HX-Current-URL": f"http://localhost{page}"}


async def test_a_part_that_moves_gives_way_to_the_page_of_a_refusal(visit: Visit) -> None:
    answer = await visit(Services()).get("/nowhere?a=1", headers=asked_by_a_script_on("/nowhere"))
    assert answer.headers["hx-redirect"] == "/nowhere?a=1"


@pytest.mark.parametrize("keys", [None, {"k"}], ids=["refused", "signed out"])
async def test_a_part_of_another_page_that_fails_leaves_that_page_as_it_is(visit: Visit, keys: set[str] | None) -> None:
    answer = await visit(Services(keys=keys)).get(
        "/facts-without-effect?limit=5", headers=asked_by_a_script_on("/record/departure?partner_id=cedar")
    )
    assert (answer.status_code, answer.headers.get("hx-redirect"), answer.content) == (204, None, b"")


@pytest.mark.parametrize("listed", ["partners", "people", "log"])
@pytest.mark.parametrize("status", [422, 503])
async def test_a_page_whose_question_is_refused_has_the_status_of_the_refusal(
    visit: Visit, listed: str, status: int
) -> None:
    answers = {"partners": "/compliance/v1/partners", "people": "/compliance/v1/consultants", "log": RECORDED}
    browser = visit(Services({answers[listed]: lambda _: problem(status, "This cannot be answered.")}))
    answer = await browser.get(f"/{listed}?after=x")
    assert (answer.status_code, "This cannot be answered." in text(answer)) == (status, True)
    moving = await browser.get(f"/{listed}?after=x", headers=asked_by_a_script_on(f"/{listed}"))
    assert moving.status_code == 200, "a script puts in only what succeeded"


async def test_the_page_of_a_refusal_says_once_what_is_wrong_with_each_parameter(visit: Visit) -> None:
    errors = [
        {"place": "query", "parameter": "at", "expected": "an instant is RFC 3339"},
        {"place": "query", "parameter": "limit", "expected": "a whole number"},
    ]
    refusal = problem(422, "'at' is not acceptable: an instant is RFC 3339.", errors=errors)
    answer = await visit(Services({"/compliance/v1/policy": lambda _: refusal})).get("/policy?at=x")
    said = text(answer)
    assert said.count("an instant is RFC 3339") == 1
    assert "limit: a whole number" in said


async def test_an_answer_of_a_service_is_one_click_away(visit: Visit) -> None:
    def table(request: Request) -> Response:
        return Response(f"partner_id,{request.query_params['status']}", media_type="text/csv; charset=utf-8")

    browser = visit(Services({"/compliance/v1/partners.csv": table}))
    answer = await browser.get("/data/compliance/v1/partners.csv?status=suspended")
    assert (answer.text, answer.headers["content-type"]) == ("partner_id,suspended", "text/csv; charset=utf-8")
    assert (await browser.get("/data/other/v1/partners")).status_code == 404


async def test_a_page_that_asks_without_end_is_a_fault() -> None:
    class NoServices:
        async def ask(self, *_: object) -> Response:
            return Response()

    questions = Questions(NoServices(), None)  # type: ignore[arg-type]  # nothing is answered
    questions.count = QUESTIONS_MAX
    with pytest.raises(RuntimeError):
        await questions.get("/compliance/v1/partners")


def test_an_id_leads_to_no_other_path() -> None:
    assert path_of("/compliance/v1/partners/{}", "../x/y?z#") == "/compliance/v1/partners/%2E%2E%2Fx%2Fy%3Fz%23"


def test_a_form_gets_a_key_of_its_own() -> None:
    assert Page.new_idempotency_key() != Page.new_idempotency_key()


def test_the_system_serves_the_console_to_people_and_the_interfaces_to_programs(system: System) -> None:
    page = system.http.get("/")
    assert page.status_code == 200
    assert "No window is open" in page.text
    assert system.http.get("/docs").status_code == 200
    assert system.http.get("/compliance/v1/partners").headers["content-type"] == "application/json"
    assert system.http.get("/console/healthz").json() == {"status": "ok"}
