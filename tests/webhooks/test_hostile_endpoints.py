"""No call about webhook endpoints fails the service or is half done, whatever it holds.

The calls come from the running system's own OpenAPI document: a new one is covered by itself.
"""

import copy
import json
from collections.abc import Iterator
from typing import Any, Final

import httpx
import pytest

from tests.certification.test_hostile_input import HOSTILE_BODIES, HOSTILE_PATHS, HOSTILE_VALUES
from tests.systems import System

ENDPOINTS: Final = "/compliance/v1/webhook-endpoints"
NOWHERE: Final = "http://127.0.0.1:9/hooks"

FILTER: Final = {"types": ["retracted"], "partner_ids": ["P1"], "products": ["S200P"]}
SETTINGS: Final = {"url": NOWHERE, "description": "a", "filter": FILTER, "batch_max": 2, "heartbeat_seconds": 60}

VALID: Final[dict[tuple[str, str], list[dict[str, Any]]]] = {
    ("post", ""): [
        {**SETTINGS, "ed25519": True, "start": {"position": 0}},
        {**SETTINGS, "ed25519": True, "start": {"at": "2021-01-01T00:00:00Z"}},
    ],
    ("patch", "/{endpoint_id}"): [{**SETTINGS, "state": "active"}],
    ("post", "/{endpoint_id}/secret-rotations"): [{}],
    ("post", "/{endpoint_id}/replays"): [{"from": {"position": 0}}, {"from": {"at": "2021-01-01T00:00:00Z"}}],
    ("post", "/{endpoint_id}/tests"): [{}],
    ("post", "/{endpoint_id}/dry-runs"): [{"from": {"position": 0}, "limit": 1}],
    ("post", "/{endpoint_id}/releases"): [{"partner_id": "P1"}],
    ("post", "/{endpoint_id}/retries"): [{}],
    ("post", "/{endpoint_id}/resends"): [{"event_id": "0" * 32}],
}
"""Bodies that are taken, with every field that there is."""

BESIDE: Final = [
    pytest.param('"http://[::ffff:169.254.169.254]/"', id="an address in disguise"),
    pytest.param('"https://user@receiver.example/"', id="user name"),
    pytest.param('"https://receiver.example/\\u0000"', id="NUL in a URL"),
    pytest.param('["P1", "\\ud800"]', id="lone surrogate in a list"),
    pytest.param(json.dumps(["P1"] * 20_000), id="long list"),
    pytest.param('{"position": 9223372036854775808}', id="position past 63 bits"),
    pytest.param('{"position": NaN}', id="no position"),
    pytest.param('{"at": "2022-02-30T00:00:00Z"}', id="no day"),
    pytest.param('{"types": null, "types": 1}', id="a field twice"),
    pytest.param("9223372036854775808", id="past 63 bits"),
    pytest.param("-9223372036854775809", id="past 63 bits below"),
    pytest.param("-0.0", id="minus nothing"),
]

QUERIES: Final = ["", "x", "-1", "1e999", "NaN", "9" * 25, "%00", "1.5", "%ED%A0%80", "%FF", "0", "~", "9" * 5000]


@pytest.fixture(scope="module")
def operations(one_system: System) -> list[tuple[str, str, dict[str, Any]]]:
    """Method, path and description of every call."""
    paths = one_system.http.get("/openapi.json").json()["paths"]
    return [
        (method, path.removeprefix(ENDPOINTS), operation)
        for path, methods in paths.items()
        if path.startswith(ENDPOINTS)
        for method, operation in methods.items()
    ]


class Caller:
    """Calls about one endpoint of an empty system."""

    def __init__(self, system: System) -> None:
        self.http = system.http
        answer = self.http.post(ENDPOINTS, json={"url": NOWHERE})
        assert answer.status_code == 201, answer.text
        self.endpoint_id: str = answer.json()["endpoint_id"]

    def send(self, method: str, path: str, content: bytes | None = None) -> httpx.Response:
        """Sends it, and says whether it is answered as it should be: what is refused does nothing."""
        url = ENDPOINTS + path.replace("{endpoint_id}", self.endpoint_id)
        headers = {} if content is None else {"Content-Type": "application/json"}
        before = self.http.get(ENDPOINTS).text
        answer = self.http.request(method, url, content=content, headers=headers)
        where = f"{method} {path} {(content or b'')[:200]!r}: {answer.status_code} {answer.text[:300]}"
        assert answer.status_code < 500, where
        if answer.status_code >= 400:
            assert answer.headers["content-type"] == "application/problem+json", where
            assert answer.json()["detail"], where
            assert self.http.get(ENDPOINTS).text == before, where
        return answer


@pytest.fixture
def caller(system: System) -> Caller:
    return Caller(system)


def planted(valid: Any) -> Iterator[Any]:
    """The value with a mark in the place of each part of it, from the whole to the last leaf."""
    yield "@@"
    parts = valid.items() if isinstance(valid, dict) else enumerate(valid) if isinstance(valid, list) else ()
    for name, part in parts:
        for inner in planted(part):
            whole = copy.deepcopy(valid)
            whole[name] = inner
            yield whole


def properties(operation: dict[str, Any], document: dict[str, Any]) -> set[str]:
    content = operation.get("requestBody", {}).get("content", {})
    schema = content["application/json"]["schema"] if content else {}
    references = [schema, *schema.get("anyOf", ())]
    names = [reference["$ref"].rpartition("/")[2] for reference in references if "$ref" in reference]
    return {name for one in names for name in document["components"]["schemas"][one].get("properties", {})}


def test_the_valid_bodies_name_every_field(operations: list[tuple[str, str, dict[str, Any]]], caller: Caller) -> None:
    document = caller.http.get("/openapi.json").json()
    assert len(operations) >= 12
    for method, path, operation in operations:
        if "requestBody" in operation:
            bodies = VALID[method, path]
            assert {name for body in bodies for name in body} == properties(operation, document), (method, path)
            for body in bodies:
                answer = caller.send(method, path, json.dumps(body).encode())
                missing = path.endswith("/resends") and answer.status_code == 404  # no event has this id
                assert answer.status_code < 300 or missing, f"{method} {path}: {answer.text}"


@pytest.mark.parametrize("value", [*HOSTILE_VALUES, *BESIDE])
def test_no_value_of_any_field_fails_the_service(caller: Caller, value: str) -> None:
    """A value is refused, or it is acceptable there."""
    for (method, path), bodies in VALID.items():
        for body in bodies:
            for marked in planted(body):
                caller.send(method, path, json.dumps(marked).replace('"@@"', value).encode())


@pytest.mark.parametrize("content", HOSTILE_BODIES, ids=lambda body: repr(body[:20]))
def test_no_body_fails_the_service(caller: Caller, content: bytes) -> None:
    for method, path in VALID:
        answer = caller.send(method, path, content)
        if content not in (b"", b"null") or path in ("", "/{endpoint_id}", "/{endpoint_id}/replays"):
            assert answer.status_code >= 400, f"{method} {path}"


def test_unknown_fields_are_refused_everywhere(caller: Caller) -> None:
    for (method, path), bodies in VALID.items():
        for name in ("surprise", "surprise\ud800", "x" * 5_000):
            answer = caller.send(method, path, json.dumps({**bodies[0], name: 1}).encode())
            assert answer.status_code == 422


def test_a_field_that_is_said_twice_is_refused_everywhere(caller: Caller) -> None:
    for (method, path), bodies in VALID.items():
        for body in bodies:
            for name, value in body.items():
                content = json.dumps({**body, "@@": value}).replace("@@", name)
                answer = caller.send(method, path, content.encode())
                assert (answer.status_code, answer.json()["parameter"]) == (422, name)


def test_what_is_no_json_is_told_what_is_wanted(caller: Caller) -> None:
    body = json.dumps(VALID["post", ""][0]).encode()
    answer = caller.http.post(ENDPOINTS, content=body, headers={"Content-Type": "application/x-www-form-urlencoded"})
    assert answer.status_code == 415
    assert "application/json" in answer.json()["detail"]


@pytest.mark.parametrize("part", HOSTILE_PATHS)
def test_no_path_fails_the_service(
    caller: Caller, operations: list[tuple[str, str, dict[str, Any]]], part: str
) -> None:
    for method, path, _ in operations:
        if "{" in path:
            bodies = VALID.get((method, path))
            content = json.dumps(bodies[0]).encode() if bodies else None
            assert caller.send(method, path.replace("{endpoint_id}", part), content).status_code >= 400, path


@pytest.mark.parametrize("value", QUERIES, ids=lambda value: str(value)[:20])
def test_no_query_fails_the_service(
    caller: Caller, operations: list[tuple[str, str, dict[str, Any]]], value: str
) -> None:
    for method, path, _ in operations:
        if method == "get" and path != "/{endpoint_id}":
            for name in ("after", "limit", value):
                caller.send(method, f"{path}?{name}={value}")
            assert caller.send(method, f"{path}?limit=1001").status_code == 422
            assert caller.send(method, f"{path}?limit=1&limit=1").status_code == 422
