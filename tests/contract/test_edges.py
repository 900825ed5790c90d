"""The edges of HTTP, over every path and method of the system's own OpenAPI document."""

import json
import re
import socket
from collections.abc import Iterator
from contextlib import closing
from typing import Any, Final, NamedTuple

import httpx
import pytest

from services.host.asgi_server import HEAD_BYTES_MAX, HEADERS_MAX, TARGET_BYTES_MAX
from tests.systems import System

JSON: Final = "application/json"
METHODS: Final = ("GET", "HEAD", "PUT", "POST", "PATCH", "DELETE", "OPTIONS")
IDS: Final = {"product": "S200P", "attempt": "1"}
SECURITY: Final = ("x-content-type-options", "referrer-policy", "content-security-policy", "cache-control", "x-sandbox")
PAGES: Final = ("/docs", "/docs/assets/swagger-ui.css", "/openapi.json", "/certification/openapi.json")


class Operation(NamedTuple):
    """`url`: the path with ids that nothing has."""

    method: str
    path: str
    url: str
    described: dict[str, Any]


@pytest.fixture(scope="session")
def operations(one_system: System) -> list[Operation]:
    """Everything that the system offers. A judge of HTTP alone: nothing of it is in the database."""
    document = one_system.http.get("/openapi.json").json()
    found = [
        Operation(method.upper(), path, filled(path), described)
        for path, methods in document["paths"].items()
        for method, described in methods.items()
    ]
    assert len(found) > 45
    return found


def filled(path: str) -> str:
    """The path with an id for each parameter."""
    return re.sub(r"\{(\w+)\}", lambda match: IDS.get(match[1], "X1"), path)


def problem(answer: httpx.Response, status: int, note: object = "") -> dict[str, Any]:
    """The problem that is answered, with everything that each has."""
    assert answer.status_code == status, f"{note}: {answer.status_code} {answer.text[:300]}"
    assert answer.headers["content-type"] == "application/problem+json", note
    found: dict[str, Any] = answer.json()
    assert {"type", "title", "status", "detail"} <= found.keys(), note
    assert found["status"] == status, note
    return found


def call(system: System, operation: Operation, query: str = "", **more: Any) -> httpx.Response:
    """Calls it; with a body that is none, unless another is given, so that nothing is ever recorded."""
    headers = {"Idempotency-Key": "k", **more.pop("headers", {})}
    return system.http.request(operation.method, operation.url + query, headers=headers, **more)


def test_a_parameter_that_nothing_reads_is_refused_everywhere(one_system: System, operations: list[Operation]) -> None:
    for operation in operations:
        for query in ("?nothing=1", "?AT=2022-01-01T00:00:00Z", "?%00=", "?at%20=1", "?=1", "?nothing"):
            assert problem(call(one_system, operation, query), 422, (operation, query))["type"].endswith(
                "malformed-request"
            )


def test_a_parameter_that_is_read_once_is_given_once(one_system: System, operations: list[Operation]) -> None:
    checked = 0
    for operation in operations:
        for parameter in operation.described.get("parameters", ()):
            if parameter["in"] == "query" and parameter["schema"].get("type") != "array":
                name = parameter["name"]
                found = problem(call(one_system, operation, f"?{name}=1&{name}=1"), 422, (operation, name))
                assert found["parameter"] == name
                checked += 1
    assert checked > 40


def test_numbers_are_written_as_in_json(one_system: System, operations: list[Operation]) -> None:
    odd = ("01", "%2B1", "+1", "1.0", "1_0", "%201", "1%20", "1e1", "0x1", "True", "yes", "", "%D9%A1", "1" * 30)
    checked = 0
    for operation in operations:
        for parameter in operation.described.get("parameters", ()):
            kind = parameter["schema"].get("type")
            if kind not in ("integer", "number"):
                continue
            for written in odd if kind == "integer" else (*odd[:3], *odd[4:], "1.", ".5", "inf", "nan"):
                if parameter["in"] == "query":
                    answer = call(one_system, operation, f"?{parameter['name']}={written}")
                elif not written:
                    continue
                else:
                    url = filled(operation.path.replace("{" + parameter["name"] + "}", written))
                    answer = one_system.http.request(operation.method, url, json={}, headers={"Idempotency-Key": "k"})
                found = problem(answer, 422, (operation.url, written))
                assert parameter["name"] in {error["parameter"] for error in found["errors"]}
                checked += 1
    assert checked > 100


@pytest.mark.parametrize(
    "instant",
    [
        "2022-01-01T00:00:00+00:60",
        "2022-01-01T00:00:00+24:00",
        "2022-01-01T00:00:00-99:00",
        "2022-01-01T24:00:00Z",
        "2022-01-01T00:60:00Z",
        "2022-01-01T00:00:61Z",
        "2022-01-01T00:00:00",
        "2022-01-01 00:00:00Z",
        "2022-W01-1T00:00:00Z",
        "1999-12-31T23:59:59Z",
        "2101-01-01T00:00:00Z",
        "2100-12-31T23:59:59-00:01",
    ],
)
def test_an_instant_is_refused_alike_in_queries_and_bodies(
    one_system: System, operations: list[Operation], instant: str
) -> None:
    checked = 0
    for operation in operations:
        for parameter in operation.described.get("parameters", ()):
            if parameter["schema"].get("format") == "date-time":
                query = str(httpx.QueryParams({parameter["name"]: instant}))
                found = problem(call(one_system, operation, f"?{query}"), 422, (operation.url, query))
                assert found["parameter"] == parameter["name"]
                checked += 1
        if JSON in operation.described.get("requestBody", {}).get("content", {}) and "sandbox" not in operation.path:
            problem(call(one_system, operation, json={"effective_at": instant}), 422, operation.url)
    for path in ("clock", "reset"):
        method = "PUT" if path == "clock" else "POST"
        found = problem(one_system.http.request(method, f"/sandbox/v1/{path}", json={"now": instant}), 422)
        assert found["parameter"] == "now"
    assert checked > 15


def test_a_product_that_is_not_sold_is_the_same_problem_everywhere(
    one_system: System, operations: list[Operation]
) -> None:
    found = []
    for operation in operations:
        for product in ("S50", "s200p", "S200P%20", "a%20b", ""):
            if product and "{product}" in operation.path:
                url = filled(operation.path.replace("{product}", product))
                required = "?customer=new" if "authorisations" in url else ""
                found.append(one_system.http.request(operation.method, url + required))
            if any(
                one["name"] == "product" and one["in"] == "query" for one in operation.described.get("parameters", ())
            ):
                found.append(call(one_system, operation, f"?product={product}"))
    facts = "/certification/v1/"
    for product in ("S50", "s200p", "S200P ", "a b", ""):
        about = {"consultant_id": "C1", "product": product}
        change = {"portal_change_id": "X", "products": [product], "significant": True, "due_on": "2099-01-01"}
        for path, body in (
            ("course-completions", about),
            ("exam-registrations", {**about, "registration_id": "R"}),
            ("recognised-certifications", about),
            ("certification-revocations", {**about, "reason": "r"}),
            ("portal-changes", {**change, "summary": "s"}),
        ):
            found.append(one_system.http.post(facts + path, json=body, headers={"Idempotency-Key": "k"}))
        hook = {"url": "https://receiver.example", "filter": {"products": [product]}}
        found.append(one_system.http.post("/compliance/v1/webhook-endpoints", json=hook))
    assert len(found) > 50
    for answer in found:
        told = problem(answer, 422, answer.url)
        assert (told["type"], told["rule"]) == ("urn:sagecert:problem:unknown-product", "R2"), answer.url


def test_head_is_answered_as_get_without_a_body(one_system: System, operations: list[Operation]) -> None:
    for url in (*(one.url for one in operations if one.method == "GET"), *PAGES):
        got, head = one_system.http.get(url), one_system.http.head(url)
        assert (head.status_code, head.content) == (got.status_code, b""), url
        unlike = {"answer-at", "date", "etag", "transfer-encoding"}  # a stream has no length, and a head has no body
        assert {name: value for name, value in head.headers.items() if name not in unlike} == {
            name: value for name, value in got.headers.items() if name not in unlike
        }, url


def test_head_of_a_stream_ends(one_system: System) -> None:
    for part in ("certification", "compliance"):
        answer = one_system.http.head(f"/{part}/v1/events", headers={"Accept": "text/event-stream"})
        assert (answer.status_code, answer.content) == (200, b"")
        assert answer.headers["content-type"].startswith("text/event-stream")


def test_a_wrong_method_is_told_every_method_of_the_path(one_system: System, operations: list[Operation]) -> None:
    takes: dict[str, set[str]] = {}
    for operation in operations:
        takes.setdefault(operation.url, set()).update(
            {"GET", "HEAD"} if operation.method == "GET" else {operation.method}
        )
    takes |= {page: {"GET", "HEAD"} for page in PAGES}
    for url, methods in takes.items():
        for method in set(METHODS) - methods:
            answer = one_system.http.request(method, url)
            assert answer.status_code == 405, (method, url)
            assert set(answer.headers["allow"].split(", ")) == methods, (method, url)
            assert ("accept-patch" in answer.headers) is ("PATCH" in methods), url


def test_other_spellings_of_a_path_are_no_paths(one_system: System, operations: list[Operation]) -> None:
    for operation in operations:
        spellings = [operation.url + "/", operation.url.replace("/v1/", "//v1/"), operation.url.replace("/v1", "%2Fv1")]
        if "{" in operation.path:
            spellings += [re.sub(r"\{\w+\}", spelled, operation.path) for spelled in ("a%2Fb", "a%2fb", "%2F", "")]
        for url in spellings:
            if url != operation.url:
                answer = one_system.http.request(operation.method, url, follow_redirects=False)
                problem(answer, 404, (operation.method, url))


def test_every_answer_has_the_headers_that_protect_it(one_system: System, operations: list[Operation]) -> None:
    urls = [*(one.url for one in operations if one.method == "GET"), *PAGES, "/", "/nothing"]
    for method in ("GET", "DELETE"):
        for url in urls:
            answer = one_system.http.request(method, url) if url != "/" else one_system.http.get("/")
            assert not [name for name in SECURITY if name not in answer.headers], url
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]


def test_a_media_type_that_is_not_taken_is_refused(one_system: System, operations: list[Operation]) -> None:
    refused: tuple[dict[str, str], ...] = (
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/xml"},
        {"Content-Type": "application/merge-patch+json"},
        {"Content-Type": "application/json; charset=latin-1"},
        {"Content-Type": "application/json", "Content-Encoding": "gzip"},
        {},
    )
    for operation in operations:
        taken = operation.described.get("requestBody", {}).get("content", {})
        for headers in refused:
            answer = call(one_system, operation, content=b"{}", headers=headers)
            if not taken:
                assert "Nothing reads the body" in problem(answer, 422, operation.url)["detail"]
                continue
            problem(answer, 415, (operation, headers))
            header = {"POST": "accept-post", "PATCH": "accept-patch"}.get(operation.method, "accept")
            assert answer.headers[header] == ", ".join(taken)
    for media_type in ("application/json; charset=UTF-8", 'Application/JSON;charset="utf-8"', "application/json ;a=b"):
        answer = one_system.http.post("/certification/v1/partners", content=b"{", headers={"Content-Type": media_type})
        problem(answer, 422, media_type)


def test_lists_in_headers_may_be_written_over_several_lines(one_system: System) -> None:
    for part in ("certification", "compliance"):
        path = f"/{part}/v1/events"
        headers = [("Accept", "application/json"), ("Accept", "text/event-stream")]
        assert one_system.http.head(path, headers=headers).headers["content-type"].startswith("text/event-stream")
        tag = one_system.http.get(path).headers["etag"]
        known = [("If-None-Match", '"other"'), ("If-None-Match", tag)]
        assert one_system.http.get(path, headers=known).status_code == 304


@pytest.mark.parametrize("name", ["Last-Event-ID", "Content-Type", "Authorization"])
def test_what_is_no_list_is_given_once(one_system: System, name: str) -> None:
    answer = one_system.http.get("/certification/v1/events", headers=[(name, "1"), (name, "2")])
    assert problem(answer, 422)["parameter"] == name.lower()


def test_the_language_of_the_documentation_is_declared(one_system: System) -> None:
    assert '<html lang="en">' in one_system.http.get("/docs").text


# What no client library sends -----------------------------------------------------------------------


def raw(system: System, *sent: bytes) -> Iterator[tuple[int, dict[str, str], bytes]]:
    """What is answered to these bytes on one connection, answer by answer, until the server hangs up."""
    url = httpx.URL(system.url)
    with closing(socket.create_connection((url.host, url.port or 80), timeout=20)) as connection:
        for piece in sent:
            try:
                connection.sendall(piece)
            except OSError:
                break
        with connection.makefile("rb") as reader:
            while line := reader.readline():
                headers = {}
                while (header := reader.readline()) not in (b"\r\n", b""):
                    name, _, value = header.decode("latin-1").partition(":")
                    headers[name.lower()] = value.strip()
                yield int(line.split()[1]), headers, reader.read(int(headers.get("content-length", 0)))


def head(*headers: bytes, target: bytes = b"/certification/healthz", method: bytes = b"GET") -> bytes:
    return b"\r\n".join([method + b" " + target + b" HTTP/1.1", *headers, b"", b""])


CHUNKED: Final = head(
    b"Host: x",
    b"Content-Type: application/json",
    b"Idempotency-Key: k",
    b"Transfer-Encoding: chunked",
    target=b"/certification/v1/partners",
    method=b"POST",
)

REFUSED: Final = [
    pytest.param([b"nonsense\r\n\r\n"], 400, id="not HTTP"),
    pytest.param([b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n"], 400, id="a target that is not ASCII"),
    pytest.param([b"GET http://x HTTP/1.1\r\nHost: x\r\n\r\n"], 400, id="a target without a path"),
    pytest.param([b"GET http://[::1/ HTTP/1.1\r\nHost: x\r\n\r\n"], 400, id="a target that is no URL"),
    pytest.param([head(b"Host: x"), b"GET http://[x HTTP/1.1\r\nHost: x\r\n\r\n"], 400, id="the same later on"),
    pytest.param([head(b"Host: x", target=b"x:80", method=b"CONNECT")], 400, id="a target that is a host"),
    pytest.param([head(b"Host: x", target=b"//docs")], 404, id="a path that begins like a host"),
    pytest.param([b"BREW / HTTP/1.1\r\nHost: x\r\n\r\n"], 400, id="no such method"),
    pytest.param([head(b"Host: x", b"Bad Header: 1")], 400, id="a name with a space"),
    pytest.param([head(b"Host: x", b"Host: x")], 400, id="the host twice"),
    pytest.param([head(b"Host: x", b"Host: y")], 400, id="two hosts"),
    pytest.param([head()], 400, id="no host"),
    pytest.param([head(b"Host: x", b"Content-Length: 1", b"Content-Length: 2")], 400, id="two lengths"),
    pytest.param([head(b"Host: x", b"Content-Length: -1")], 400, id="a negative length"),
    pytest.param([head(b"Host: x", b"Content-Length: " + b"9" * 30)], 400, id="an endless length"),
    pytest.param([CHUNKED, b"zz\r\n"], 400, id="no chunk"),
    pytest.param([head(b"Host: x", b"A: " + b"b" * HEAD_BYTES_MAX)], 431, id="one big header at once"),
    pytest.param([b"GET / HTTP/1.1\r\nA: ", *[b"b" * 1000] * (HEAD_BYTES_MAX // 500)], 431, id="one that never ends"),
    pytest.param([head(b"Host: x", *[b"A: b"] * HEADERS_MAX)], 431, id="many small headers"),
    pytest.param([b"GET / HTTP/1.1\r\n", *[b"A: b\r\n"] * (HEAD_BYTES_MAX // 5)], 431, id="small ones without end"),
    pytest.param([head(b"Host: x", target=b"/" + b"a" * TARGET_BYTES_MAX)], 414, id="a long path"),
    pytest.param([head(b"Host: x", target=b"/?" + b"a" * TARGET_BYTES_MAX)], 414, id="a long query"),
    pytest.param([head(b"Host: x", target=b"/docs?" + b"a&" * 2_000)], 422, id="many parameters"),
    pytest.param([CHUNKED, b"30000\r\n" + b" " * 0x30000 + b"\r\n0\r\n\r\n"], 413, id="one big chunk"),
    pytest.param([CHUNKED, *[b"1\r\n \r\n"] * 150_000], 413, id="chunks without end"),
    pytest.param([CHUNKED, b"1;a=" + b"b" * 2_000_000], 413, id="a chunk extension without end"),
    pytest.param([CHUNKED, b"0\r\n", *[b"A: b\r\n"] * 200_000], 413, id="trailers without end"),
    pytest.param(
        [CHUNKED.replace(b"Transfer-Encoding: chunked", b"Content-Length: 200000")], 413, id="a length beyond the limit"
    ),
]


@pytest.mark.parametrize(("sent", "status"), REFUSED)
def test_what_the_server_itself_refuses_is_a_problem(one_system: System, sent: list[bytes], status: int) -> None:
    *_, (answered, headers, body) = raw(one_system, b"".join(sent))
    assert answered == status, body
    assert headers["content-type"] == "application/problem+json"
    assert json.loads(body)["status"] == status
    assert not [name for name in SECURITY if name not in headers]
    assert one_system.http.get("/certification/healthz").status_code == 200


def test_a_request_that_is_refused_does_not_speak_for_the_one_before_it(one_system: System) -> None:
    waiting = head(b"Host: x", target=b"/certification/v1/events?after=999999&timeout=1")
    answers = list(raw(one_system, waiting + b"nonsense\r\n\r\n"))
    assert [status for status, _, _ in answers] == [200, 400]


def test_what_follows_a_body_without_a_length_is_refused_after_its_answer(one_system: System) -> None:
    sent = CHUNKED.replace(b"Transfer-Encoding: chunked\r\n", b"")
    (status, _, body), (after, _, _) = raw(one_system, sent + b'{"partner_id": "P1"}')
    assert (status, after) == (422, 400)
    assert "body is needed" in json.loads(body)["detail"]


@pytest.mark.parametrize("cut", [0, 60, 10_000])
def test_a_caller_who_asks_for_another_protocol_is_answered_in_this_one(one_system: System, cut: int) -> None:
    """Clients that know HTTP/2 ask with the first request of a connection, whatever it is."""
    asks = (b"Host: x", b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABk")
    body = b'{"partner_id": "~"}'
    typed = (b"Content-Type: application/json", b"Idempotency-Key: k", b"Content-Length: %d" % len(body))
    target = b"/certification/v1/partners"
    chunked = CHUNKED.replace(b"Host: x", b"\r\n".join(asks)) + b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    sent = head(*asks) + head(*asks, *typed, target=target, method=b"POST") + body + chunked
    sent += head(b"Host: x", b"Connection: close")
    (first, _, _), *posted, (last, _, _) = raw(one_system, sent[:cut], sent[cut:])
    assert (first, last) == (200, 200)
    assert ["'partner_id'" in json.loads(body)["detail"] for _, _, body in posted] == [True, True]


def test_trailers_are_passed_over(one_system: System) -> None:
    (status, _, body), *_ = raw(one_system, CHUNKED + b"1\r\n{\r\n0\r\nHost: other\r\nA: b\r\n\r\n")
    assert status == 422
    assert "cannot be read from character 2" in json.loads(body)["detail"]


def test_requests_one_after_the_other_are_all_answered(one_system: System) -> None:
    """The limits on a head are of one request, not of a connection."""
    one = head(b"Host: x", b"A: " + b"b" * 5_000)
    answers = raw(one_system, one * 39 + head(b"Host: x", b"Connection: close"))
    assert [status for status, _, _ in answers] == [200] * 40
