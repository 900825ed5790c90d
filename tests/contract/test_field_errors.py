"""A malformed request is told everything that is wrong with it at once, each with what was expected and an example."""

from typing import Any

import httpx
import pytest

from tests.systems import System

SCORES = "/certification/v1/exam-registrations"


def errors(response: httpx.Response) -> dict[tuple[str, str], dict[str, Any]]:
    """The errors of a problem, by place and name."""
    assert response.status_code == 422, response.text
    problem = response.json()
    assert problem["type"] in ("urn:sagecert:problem:malformed-request", "urn:sagecert:problem:idempotency-key-missing")
    return {(error.pop("place"), error.pop("parameter")): error for error in problem["errors"]}


def test_every_field_at_fault_is_named_at_once(system: System) -> None:
    body = {"registration_id": "R 1", "product": 7, "effective_at": "yesterday", "pass": True}
    found = errors(system.http.post(SCORES, json=body, headers={"Idempotency-Key": "k"}))
    assert found["body", "registration_id"]["expected"] == "1 to 64 letters, digits, `_` and `-`."
    assert found["body", "consultant_id"]["expected"] == "it is needed"
    assert found["body", "effective_at"]["example"] == "2026-03-01T09:00:00Z"
    assert found["body", "product"] == {"expected": "Input should be a valid string", "example": "S200P"}
    assert found["body", "pass"]["expected"].startswith("nothing: the fields are effective_at, registration_id,")
    assert len(found) == 5


def test_headers_paths_and_queries_too(system: System) -> None:
    found = errors(system.http.post(f"{SCORES}/R%201/attempts/x/corrections", json={}))
    assert set(found) == {
        ("header", "idempotency-key"),
        ("path", "registration_id"),
        ("path", "attempt"),
        ("body", "score"),
        ("body", "reason"),
    }
    assert found["path", "attempt"]["example"] == 1
    assert found["body", "score"]["example"] == "79.99"
    found = errors(system.http.get("/compliance/v1/partners", params={"at": "x", "limit": "0"}))
    assert set(found) == {("query", "at"), ("query", "limit")}


@pytest.mark.parametrize("name", ["registration_id", "consultant_id", "product", "effective_at"])
def test_the_example_is_acceptable(system: System, name: str) -> None:
    body: dict[str, Any] = {"registration_id": "R1", "consultant_id": "C1", "product": "S200P"}
    example = errors(system.http.post(SCORES, json=body | {name: []}, headers={"Idempotency-Key": "k"}))
    body[name] = example["body", name]["example"]
    assert system.http.post(SCORES, json=body, headers={"Idempotency-Key": "k"}).status_code == 201


def test_what_was_sent_is_never_repeated(system: System) -> None:
    body = {"partner_id": "secret words", "kind": "secret words", "programme": "secret words"}
    response = system.http.post("/certification/v1/partners", json=body, headers={"Idempotency-Key": "k"})
    assert len(errors(response)) == 3
    assert "secret words" not in response.text


def test_lines_of_a_batch_as_single_calls(system: System) -> None:
    line = '{"path": "/certification/v1/exam-registrations", "body": {"product": 7}}\n'
    headers = {"Content-Type": "application/x-ndjson"}
    answer = system.http.post("/certification/v1/batches", content=line, headers=headers).json()
    single = system.http.post(SCORES, json={"product": 7})
    assert answer["body"] == single.json()
