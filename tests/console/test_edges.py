"""The edges of HTTP at the pages: every method is named, and no spelling of a path leads to another page."""

from typing import Final
from urllib.parse import unquote

import pytest
from starlette.routing import Route
from starlette.types import Message

from services.console.app import create_app
from services.host.api_keys.key_ring import NO_KEYS
from services.host.gateway import Gateway
from tests.console.conftest import SETTINGS, Visit
from tests.console.services import Services

METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
PATHS: Final = sorted({route.path for route in create_app(SETTINGS, Services()).routes if isinstance(route, Route)})


@pytest.mark.parametrize("path", PATHS)
async def test_a_wrong_method_is_told_every_method_of_the_path(visit: Visit, path: str) -> None:
    browser = visit(Services())
    routes = [route for route in create_app(SETTINGS, Services()).routes if isinstance(route, Route)]
    taken = set[str]().union(*(route.methods or set() for route in routes if route.path == path))
    url = path.replace("{service}/{rest:path}", "compliance/v1/x").replace("{", "").replace("}", "")
    for method in METHODS:
        answer = await browser.request(method, url)
        assert (answer.status_code == 405) == (method not in taken), method
        if answer.status_code == 405:
            assert taken <= set(answer.headers["Allow"].split(", "))
            assert method not in answer.headers["Allow"].split(", ")


@pytest.mark.parametrize("path", [path for path in PATHS if path != "/"])
async def test_a_trailing_slash_is_another_path(visit: Visit, path: str) -> None:
    if "rest:path" not in path:
        url = path.replace("{", "").replace("}", "")
        assert (await visit(Services()).get(f"{url}/")).status_code == 404


@pytest.mark.parametrize(
    ("raw_path", "hosts", "status"),
    [
        (b"/partners/P1%2Ftimeline", 1, 404),
        (b"/partners%2fP1", 1, 404),
        (b"/partners/P1/timeline", 2, 400),
        (b"/record", 1, 200),
    ],
)
async def test_the_guard_refuses_what_is_not_clear(raw_path: bytes, hosts: int, status: int) -> None:
    gateway = Gateway({}, keys=NO_KEYS, sandbox=False, console=lambda _: create_app(SETTINGS, Services()))
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    path = unquote(raw_path.decode())
    scope = {"type": "http", "http_version": "1.1", "method": "GET", "scheme": "http", "path": path}
    headers = [(b"host", b"localhost")] * hosts
    await gateway({**scope, "raw_path": raw_path, "query_string": b"", "headers": headers}, receive, send)
    assert sent[0]["status"] == status
