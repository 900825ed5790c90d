"""Caps on what a call may bring, and documentation that loads nothing from elsewhere."""

import asyncio
import re
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from starlette.types import Message, Receive, Scope, Send
from uvicorn.server import ServerState

from services.host import asgi_server
from services.host.api_keys.key_ring import NO_KEYS
from services.host.asgi_server import Protocol
from services.host.documented_operations import Paths
from services.host.request_guard import BODY_BYTES_MAX, RequestGuard
from services.web.json_limits import DEPTH_MAX, depth
from tests.systems import System

PATH = "/certification/v1/partners"


async def nothing_behind(scope: Scope, receive: Receive, send: Send) -> None:
    raise AssertionError("the door should have refused")


APP = FastAPI()


@APP.post(PATH)
async def takes_a_body(body: dict[str, str]) -> None:
    raise AssertionError("the door should have refused")


PATHS = Paths([APP])


async def call(receive: Receive, **headers: str) -> list[Message]:
    """What the door answers to a call with this body."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope: dict[str, Any] = {"type": "http", "method": "POST", "path": PATH, "query_string": b"", "headers": raw}
    await RequestGuard(nothing_behind, PATHS, keys=NO_KEYS, sandbox=False)(scope, receive, send)
    return sent


async def answered(sent: bytes) -> bytes:
    """What the server answers to these bytes before it hangs up, where nobody is behind it."""
    door = RequestGuard(nothing_behind, PATHS, keys=NO_KEYS, sandbox=False)
    configuration = asgi_server.configuration(door, sandbox=False)
    state = ServerState()
    server = await asyncio.get_running_loop().create_server(
        lambda: Protocol(config=configuration, server_state=state, app_state={}, sandbox=False), "127.0.0.1", 0
    )
    async with server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(sent)
        found = await asyncio.wait_for(reader.read(), 20)
        writer.close()
        await writer.wait_closed()
        return found


async def test_a_head_that_does_not_arrive_in_time_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asgi_server, "HEAD_SECONDS_MAX", 0.05)
    assert (await answered(b"POST / HTTP/1.1\r\nHost: x\r\n")).startswith(b"HTTP/1.1 408 ")
    assert await answered(b"") == b"", "nobody asked for anything"


async def test_a_body_that_turns_out_too_large_is_refused() -> None:
    async def more() -> Message:
        return {"type": "http.request", "body": b"x" * 65536, "more_body": True}

    start, *_ = await call(more, transfer_encoding="chunked")
    assert start["status"] == 413


async def test_who_hangs_up_gets_no_answer() -> None:
    async def hang_up() -> Message:
        return {"type": "http.disconnect"}

    assert await call(hang_up, content_length="10") == []


async def test_a_body_that_does_not_arrive_in_time_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asgi_server, "BODY_SECONDS_MAX", 0.05)
    head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n{{"
    assert (await answered(head.encode())).startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize(
    ("body", "levels"),
    [
        (b"", 0),
        (b"[[1], [2]]", 2),
        (b'{"a": "[[[["}', 1),
        (b'{"a": "\\"[[["}', 1),
        (b'["unfinished [[', 1),
        (b'[["\\\\"], [[]]]', 3),
        (b"]]]][", 0),
    ],
)
def test_depth_counts_brackets_that_are_open_at_once(body: bytes, levels: int) -> None:
    assert depth(body) == levels


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"x" * (BODY_BYTES_MAX + 1), 413),
        (b"[" * (DEPTH_MAX + 1) + b"]" * (DEPTH_MAX + 1), 422),
        (b"[" * 900, 422),
    ],
    ids=["size", "depth", "depth, unbalanced"],
)
def test_what_is_too_much_is_answered_with_a_problem(system: System, body: bytes, status: int) -> None:
    answer = system.http.post(PATH, content=body, headers={"Content-Type": "application/json", "Idempotency-Key": "k"})
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["X-Sandbox"] == "true"
    assert answer.json()["status"] == status


NOT_UTF_8 = "The body is not UTF-8: send JSON in that encoding (RFC 8259, section 8.1)."
BODIES = [
    ("post", PATH),
    ("put", "/certification/v1/consultants/C1/profile"),
    ("post", "/compliance/v1/webhook-endpoints"),
    ("put", "/sandbox/v1/clock"),
]
"""A call with a body for each part that takes one."""


@pytest.mark.parametrize(("method", "path"), BODIES)
@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        pytest.param(b"\xff", NOT_UTF_8, id="not text"),
        pytest.param(b'{"partner_id": "\xff"}', NOT_UTF_8, id="not text in a string"),
        pytest.param(b'"\xed\xa0\x80"', NOT_UTF_8, id="half a character"),
        pytest.param("{}".encode("utf-16-le"), NOT_UTF_8, id="UTF-16"),
        pytest.param("{}".encode("utf-32"), NOT_UTF_8, id="UTF-32"),
        pytest.param(b"{", "The body is not JSON: it cannot be read from character 2 on.", id="no JSON"),
        pytest.param(b"", "A body is needed: a JSON object, with Content-Type: application/json.", id="empty"),
        pytest.param(b"9" * 5000, "The body has a number with too many digits to be read.", id="long number"),
    ],
)
def test_a_body_that_cannot_be_read_is_malformed(
    one_system: System, method: str, path: str, body: bytes, sentence: str
) -> None:
    headers = {"Content-Type": "application/json", "Idempotency-Key": "k"}
    answer = one_system.http.request(method, path, content=body, headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    problem = answer.json()
    assert problem.pop("type").endswith(":malformed-request")
    assert problem == {"title": "The request is malformed", "status": 422, "detail": sentence}


def test_a_byte_order_mark_is_let_pass(one_system: System) -> None:
    headers = {"Content-Type": "application/json"}
    answer = one_system.http.post("/compliance/v1/webhook-endpoints", content=b"\xef\xbb\xbf{}", headers=headers)
    assert answer.json()["parameter"] == "url", "it is read, and lacks a field"


def test_the_documentation_loads_nothing_from_elsewhere(system: System) -> None:
    page = system.http.get("/docs")
    loaded = re.findall(r"""(?:src|href)=["']([^"']+)""", page.text) + re.findall(r"url: '([^']+)'", page.text)
    assert len(loaded) == 4
    for path in loaded:
        assert "//" not in path
        assert system.http.get(httpx.URL(page.url).join(path)).status_code == 200
    assert page.headers["Content-Security-Policy"].startswith("default-src 'self'")


def test_one_document_describes_everything(system: System) -> None:
    document = system.http.get("/openapi.json").json()
    for path in ("/certification/v1/partners", "/compliance/v1/windows", "/sandbox/v1/clock"):
        assert path in document["paths"]
    schemas = document["components"]["schemas"]
    named = set(re.findall(r"#/components/schemas/([^'\"]+)", str(document)))
    assert named <= set(schemas)
