"""Nothing that a caller sends fails the service or is half recorded, at any endpoint that there is.

The endpoints and what they take come from the service's own OpenAPI document: a new one is covered by itself.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, Final

import httpx
import pytest
from pydantic import SecretStr

from services.certification.app import create_app
from services.certification.settings import CertificationSettings
from tests.certification.caller import Caller

DOCUMENT: Final[dict[str, Any]] = create_app(
    CertificationSettings(database_url=SecretStr("postgresql://unused"))
).openapi()

VALID_VALUES: Final[dict[str, Any]] = {
    "attempt": 1,
    "due_on": "2099-05-02",
    "effective_at": "2022-03-01T09:00:00Z",
    "kind": "VAR",
    "product": "S200P",
    "products": ["S200P"],
    "score": "80",
    "significant": True,
}

HOSTILE_VALUES: Final = [
    pytest.param("null", id="null"),
    pytest.param("NaN", id="NaN"),
    pytest.param("-Infinity", id="infinite"),
    pytest.param("1e999", id="huge float"),
    pytest.param("9" * 400, id="huge integer"),
    pytest.param("9" * 5000, id="an integer that Python does not read"),
    pytest.param("1", id="integer"),
    pytest.param("1.5", id="float"),
    pytest.param("true", id="boolean"),
    pytest.param('""', id="empty"),
    pytest.param('"\\u0000"', id="NUL"),
    pytest.param('"a\\u0000b"', id="NUL inside"),
    pytest.param('"\\ud800"', id="lone surrogate"),
    pytest.param('"a/b"', id="slash"),
    pytest.param('"../../etc"', id="dots"),
    pytest.param('"P1\\n"', id="newline"),
    pytest.param('"\u0665"', id="other digits"),
    pytest.param(json.dumps("x" * 60_000), id="long"),
    pytest.param("[" * 20 + "]" * 20, id="nested"),
    pytest.param('{"a": {"b": []}}', id="object"),
    pytest.param('"2022-03-01T09:00:00"', id="naive time"),
    pytest.param('"0000-01-01T00:00:00Z"', id="year 0"),
    pytest.param('"9999-12-31T23:59:59Z"', id="year 9999"),
]

HOSTILE_BODIES: Final = [
    b"",
    b"null",
    b"[]",
    b'"text"',
    b"{",
    b"\x00",
    b"\xff\xfe",
    b'{"a": NaN}',
    b'{"\\ud800": 1}',
    b"[" * 900 + b"]" * 900,
    b"[" * 100_000,
    b'{"a":' * 900 + b"1" + b"}" * 900,
]

HOSTILE_PATHS: Final = [
    "a%2Fb",
    "%00",
    "%F0%28",
    "..",
    "%2e%2e",
    "a b",
    "x" * 65,
    "%ED%A0%80",
    "5%0A",
    "\u0665",
    "a.b",
]


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema:
        schema = DOCUMENT["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return next((resolved(each) for each in schema.get("anyOf", ()) if each.get("type") != "null"), schema)


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Method, path and fields of the body of every operation."""
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            content = operation.get("requestBody", {}).get("content", {})
            schema = resolved(content["application/json"]["schema"]) if "application/json" in content else {}
            yield method, path, schema.get("properties", {})


OPERATIONS: Final = list(operations())
FIELDS: Final = [(method, path, field) for method, path, fields in OPERATIONS for field in fields]
WITH_BODY: Final = [(method, path) for method, path, fields in OPERATIONS if fields]
WITH_PATH: Final = [(method, path) for method, path, _ in OPERATIONS if "{" in path]
QUERIES: Final = [
    (path, parameter["name"])
    for path, methods in DOCUMENT["paths"].items()
    for parameter in methods.get("get", {}).get("parameters", ())
    if parameter["in"] == "query"
]


def valid_body(method: str, path: str) -> dict[str, Any]:
    fields = next(fields for m, p, fields in OPERATIONS if (m, p) == (method, path))
    return {name: VALID_VALUES.get(name, "X1") for name in fields}


def filled(path: str) -> str:
    return path.replace("{attempt}", "1").replace("{", "").replace("}", "")


async def send(caller: Caller, method: str, path: str, content: bytes | None = None) -> httpx.Response:
    headers = {"Idempotency-Key": "k", "Content-Type": "application/json"}
    return await caller.http.request(method, path, content=content, headers=headers)


async def assert_refused(caller: Caller, answer: httpx.Response) -> None:
    assert 400 <= answer.status_code < 500, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == answer.status_code
    assert await caller.log() == []


def test_the_document_lists_what_there_is() -> None:
    assert len(OPERATIONS) >= 23


@pytest.mark.parametrize("value", HOSTILE_VALUES)
async def test_no_value_of_any_field_fails_the_service(caller: Caller, value: str) -> None:
    """A value is refused, or it is acceptable in that field; one that is refused records nothing."""
    position = 0
    for number, (method, path, field) in enumerate(FIELDS):
        body = {**valid_body(method, path), field: "@@"}
        content = json.dumps(body).replace('"@@"', value).encode()
        headers = {"Idempotency-Key": f"k{number}", "Content-Type": "application/json"}
        answer = await caller.http.request(method, filled(path), content=content, headers=headers)
        where = f"{method} {path} {field}: {answer.status_code} {answer.text}"
        assert answer.status_code < 500, where
        log = await caller.get("events", after=position, limit=100)
        if method == "post" and answer.status_code in (201, 202):
            assert answer.json()["position"] == log[-1]["position"], where
            position = log[-1]["position"]
        else:
            assert log == [], where


@pytest.mark.parametrize("content", HOSTILE_BODIES, ids=lambda body: repr(body[:20]))
async def test_no_body_fails_the_service(caller: Caller, content: bytes) -> None:
    for method, path in WITH_BODY:
        if content in (b"", b"null") and path.endswith("/closure"):
            continue  # that fact says nothing but when it was, and may say nothing
        await assert_refused(caller, await send(caller, method, filled(path), content))


async def test_unknown_fields_are_refused_everywhere(caller: Caller) -> None:
    for method, path in WITH_BODY:
        content = json.dumps({**valid_body(method, path), "surprise\ud800": 1}).encode()
        await assert_refused(caller, await send(caller, method, filled(path), content))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
async def test_a_field_that_is_said_twice_is_refused_everywhere(caller: Caller, encoding: str) -> None:
    """Also where it is written in two ways, or says the same."""
    for method, path in WITH_BODY:
        name, value = next(iter(valid_body(method, path).items()))
        escaped = f"\\u{ord(name[0]):04x}{name[1:]}"
        content = json.dumps({**valid_body(method, path), "@@": value}).replace("@@", escaped)
        answer = await send(caller, method, filled(path), content.encode(encoding))
        await assert_refused(caller, answer)
        assert answer.json()["parameter"] == name
        assert answer.json()["detail"] == f"The field {name!r} is not acceptable: it is given twice."


async def test_a_doubled_name_that_is_no_text_is_refused(caller: Caller) -> None:
    await assert_refused(caller, await send(caller, "post", "/certification/v1/partners", b'{"\\ud800":1,"\\ud800":1}'))


@pytest.mark.parametrize("part", HOSTILE_PATHS)
async def test_no_path_fails_the_service(caller: Caller, part: str) -> None:
    for method, path in WITH_PATH:
        content = json.dumps(valid_body(method, path)).encode() if (method, path) in WITH_BODY else None
        head, _, rest = path.partition("{")
        hostile = head + part + rest.partition("}")[2]
        await assert_refused(caller, await send(caller, method, filled(hostile), content))


@pytest.mark.parametrize(
    "value", ["", "x", "-1", "1e999", "NaN", "99999999999999999999999", "\x00", "1.5", "2022-03-01"]
)
async def test_no_query_fails_the_service(caller: Caller, value: str) -> None:
    for path, name in QUERIES:
        answer = await caller.http.get(filled(path), params={name: value})
        an_id = name in ("partner_id", "consultant_id") and re.fullmatch(r"[\w-]+", value)
        a_token = name in ("correlation_id", "causation_id", "about") and value and value.isprintable()
        if an_id or a_token or (name, value) == ("timeout", "1.5"):
            assert answer.status_code == 200, f"{path} {name}: {answer.text}"
            continue
        assert 400 <= answer.status_code < 500, f"{path} {name}: {answer.text}"
        assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("path", "query", "detail"),
    [
        ("exam-registrations/R1", "knwon_at=2022-03-01T09:00:00Z", "There is no query parameter 'knwon_at' here."),
        ("facts", "idempotency_key=k&idempotency_key=k", "parameter 'idempotency_key' is not acceptable: it is given"),
        ("facts/F1", "at=2022-03-01T09:00:00Z", "There is no query parameter 'at' here."),
        ("events", "parter_id=P1", "There is no query parameter 'parter_id' here."),
        ("events", "after=1&after=2", "The query parameter 'after' is not acceptable: it is given twice."),
        ("events", "%ff%00=1", "There is no query parameter"),
    ],
)
async def test_a_question_that_says_what_nobody_reads_is_refused(
    caller: Caller, path: str, query: str, detail: str
) -> None:
    answer = await caller.http.get(f"/certification/v1/{path}?{query}")
    assert answer.status_code == 422
    assert detail in answer.json()["detail"]


async def test_a_filter_may_name_several(caller: Caller) -> None:
    answer = await caller.http.get("/certification/v1/events?partner_id=P1&partner_id=P2&after=0")
    assert answer.status_code == 200


@pytest.mark.parametrize("host", ["[", "a b", "\x7f", "x" * 300])
async def test_no_host_header_fails_the_service(caller: Caller, host: str) -> None:
    for path in ("/nothing", "/certification/v1/partners/P1/closure"):
        headers = {"Host": host, "Idempotency-Key": "k"}
        assert (await caller.http.post(path, headers=headers)).status_code < 500


async def test_of_very_many_faults_the_first_hundred_are_named(caller: Caller) -> None:
    answer = await caller.http.get("/certification/v1/events?" + "&".join(["partner_id=not+an+id"] * 300))
    assert answer.status_code == 422
    assert len(answer.json()["errors"]) == 100


async def test_of_thousands_of_ids_at_fault_the_first_is_named(caller: Caller) -> None:
    """To name all of them would take the event loop longer than any other call may."""
    body = {"consultant_ids": ["an-id", *(f"not an id {number}" for number in range(4_000))]}
    answer = await caller.http.put("/certification/v1/partners/P1/consultants", json=body)
    assert answer.status_code == 422
    assert [error["parameter"] for error in answer.json()["errors"]] == ["consultant_ids.1"]
