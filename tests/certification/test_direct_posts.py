"""A fact that is posted in plain form does not take the framework's way, and is answered the same to the byte."""

import json
import re
from itertools import count
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from starlette.types import Receive, Scope, Send

from services.certification.app import CertificationApp
from services.certification.event_store.store import EventStore
from tests.certification.caller import PREFIX, Caller
from tests.certification.test_hostile_input import HOSTILE_BODIES, HOSTILE_VALUES

FACTS: dict[str, dict[str, Any]] = {
    "partners": {"partner_id": "P1", "kind": "VAR", "programme": "PARTNER_SUCCESS", "name": "Zoë & Söhne"},
    "partners/P1/kind-changes": {"kind": "DEVELOPER"},
    "partners/P1/programme-changes": {"programme": "NONE"},
    "partners/P1/closure": {},
    "partners/P1/merger": {"into": "P2"},
    "partners/P1/consultants": {"consultant_id": "C1"},
    "partners/P1/departures": {"consultant_id": "C1", "reason": "moved"},
    "course-completions": {"consultant_id": "C1", "product": "S200P"},
    "exam-registrations": {"registration_id": "R1", "consultant_id": "C1", "product": "S200P"},
    "exam-registrations/R1/attempts": {"attempt": 1, "score": "79.99"},
    "exam-registrations/R9/attempts": {"attempt": 1, "score": "79.99"},
    "exam-registrations/R1/attempts/1/corrections": {"score": "82", "reason": "re-marked"},
    "recognised-certifications": {"consultant_id": "C1", "product": "S200S", "evidence": "a diploma"},
    "certification-revocations": {"consultant_id": "C1", "product": "S200S", "reason": "fraud"},
    "portal-changes": {
        "portal_change_id": "CH1",
        "products": ["S200P"],
        "significant": True,
        "due_on": "2090-01-01",
        "summary": "x",
    },
    "policy-revisions": {"policy_id": "2090-01", "minimum": {"VAR": 3}, "reason": "decided"},
    "portal-changes/CH1/corrections": {"due_on": "2091-01-01", "reason": "announced wrongly"},
    "portal-changes/CH9/corrections": {"products": ["S200S"], "significant": False, "reason": "announced wrongly"},
    "facts/none/void": {"reason": "never recorded"},
}
"""One call for each path that facts are posted to; nothing is recorded of the last."""

RECORDED_ONCE = {
    "exam-registrations",
    "exam-registrations/R1/attempts",
    "exam-registrations/R9/attempts",
    "portal-changes",
    "policy-revisions",
}
"""The same content under another key is answered as before (R34)."""

_keys = count()


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths of the calls that took the framework's way."""
    found: list[str] = []
    original = FastAPI.__call__

    async def noting(app: FastAPI, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            found.append(scope["path"].removeprefix(PREFIX))
        await original(app, scope, receive, send)

    monkeypatch.setattr(FastAPI, "__call__", noting)
    return found


async def both(caller: Caller, path: str, content: bytes, **headers: str) -> tuple[httpx.Response, httpx.Response]:
    """How the call is answered directly, and how by the framework, under keys of their own."""
    app = caller.app
    assert isinstance(app, CertificationApp)
    answers = []
    for direct in (app.direct, None):
        app.direct, kept = direct, app.direct
        all_headers = {"Idempotency-Key": f"k{next(_keys)}", "Content-Type": "application/json", **headers}
        answers.append(await caller.http.post(PREFIX + path, content=content, headers=all_headers))
        app.direct = kept
    return answers[0], answers[1]


def shown(response: httpx.Response) -> tuple[int, list[tuple[str, str]], str]:
    """Status, headers and body, without what differs from fact to fact."""
    headers = sorted((name, value) for name, value in response.headers.items() if name != "content-length")
    body = re.sub(r',"warnings":\[[^]]+\]', "", response.text)  # the second course is one too many
    body = re.sub(r'("fact_id":"[0-9a-f-]{36}"|"position":\d+|"(recorded|effective)_at":"[^"]+")', "…", body)
    return response.status_code, headers, re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "…", body)


async def test_every_fact_in_plain_form_goes_directly(caller: Caller, taken: list[str]) -> None:
    for path, body in FACTS.items():
        answer = await caller.post(path, **body)
        assert answer.status_code in (201, 202, 404), answer.text
    assert taken == []
    templates = {
        re.sub(r"\{\w+\}", "X", path.removeprefix(PREFIX))
        for path, methods in caller.app.openapi()["paths"].items()
        if "post" in methods and not path.endswith("/batches")
    }
    told = {re.sub(r"(?<=/)(P1|R1|R9|CH1|CH9|1|none)(?=/|$)", "X", path) for path in FACTS}
    assert told == templates, "each path that facts are posted to is among them"


@pytest.mark.parametrize("path", FACTS)
async def test_the_answer_is_the_same_to_the_byte(caller: Caller, path: str) -> None:
    year = 2090 if path == "policy-revisions" else 2026  # a revision never takes effect in the past (R39)
    content = json.dumps({**FACTS[path], "effective_at": f"{year}-01-02T03:04:05.6Z"}).encode()
    direct, framework = await both(caller, path, content)
    if path in RECORDED_ONCE:
        assert (framework.status_code, framework.headers["Idempotent-Replayed"]) == (200, "true")
        assert framework.content == direct.content
    else:
        assert shown(direct) == shown(framework)


@pytest.mark.parametrize("content", HOSTILE_BODIES)
@pytest.mark.parametrize("path", ["partners/P1/consultants", "partners/P1/closure", "portal-changes"])
async def test_a_body_that_does_not_fit_is_refused_the_same(caller: Caller, path: str, content: bytes) -> None:
    direct, framework = await both(caller, path, content)
    assert shown(direct) == shown(framework)


@pytest.mark.parametrize("value", HOSTILE_VALUES)
async def test_a_value_that_does_not_fit_is_refused_the_same(caller: Caller, value: str) -> None:
    """Each field of each fact in turn has a value that some field would take, or none would."""
    for path, body in FACTS.items():
        for field in body:
            content = json.dumps({**body, field: "\N{SNOWMAN}"}).replace(r'"\u2603"', value).encode(errors="replace")
            direct, framework = await both(caller, path, content)
            if direct.is_success:
                assert framework.is_success
            else:
                assert shown(direct) == shown(framework)


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("partners/P1/consultants?known_at=x", {}),
        ("partners/P%31/consultants", {}),
        ("partners/P1%2F/consultants", {}),
        ("partners//consultants", {}),
        ("partners/P1/consultants/", {}),
        ("partners/" + "p" * 65 + "/consultants", {}),
        ("partners/P1/consultants", {"Content-Type": "text/plain"}),
        ("partners/P1/consultants", {"Content-Type": "application/json; charset=utf-8"}),
        ("partners/P1/consultants", {"Idempotency-Key": ""}),
        ("partners/P1/consultants", {"Idempotency-Key": "a b"}),
        ("partners/P1/consultants", {"Idempotency-Key": "k" * 256}),
        ("partners/P1/consultants", {"X-Correlation-Id": "a b"}),
    ],
)
async def test_what_is_not_plain_is_answered_the_same(caller: Caller, path: str, headers: dict[str, str]) -> None:
    direct, framework = await both(caller, path, b'{"consultant_id": "C1"}', **headers)
    assert shown(direct) == shown(framework)


async def test_the_same_call_again_says_so(caller: Caller, taken: list[str]) -> None:
    """R34."""
    first = await caller.post("partners/P1/consultants", key="k", consultant_id="C1")
    again = await caller.post("partners/P1/consultants", key="k", consultant_id="C1")
    assert (again.status_code, again.headers["Idempotent-Replayed"], again.content) == (200, "true", first.content)
    assert taken == []


async def test_a_fault_is_a_500_that_says_nothing(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: object) -> None:
        raise LookupError("a secret")

    monkeypatch.setattr(EventStore, "append", fail)
    answer = await caller.post("partners/P1/consultants", consultant_id="C1")
    assert answer.status_code == 500
    assert "secret" not in answer.text
