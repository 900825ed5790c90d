"""Services that answer the console what a test wants, in this process, and note what they were asked."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

MOMENT = {
    "at": "2026-11-30T15:00:00Z",
    "known_at": "2026-11-30T15:00:00Z",
    "position": 111,
    "policy_id": "2021-08",
    "engine": "0" * 16,
}

CALLER = {"name": "crm", "scopes": ["facts", "read"]}
"""Whose key every key is."""

Answer = Mapping[str, Any] | Callable[[Request], Response]


class Services:
    """An ASGI application. `answers`: by path; there is nothing else. `keys`: those let in; None: no key is needed."""

    def __init__(self, answers: Mapping[str, Answer] | None = None, keys: set[str] | None = None) -> None:
        self.answers: dict[str, Answer] = dict(answers or {})
        self.keys = keys
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        await (await self._answer(request))(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        key = request.headers.get("authorization", "").removeprefix("Bearer ")
        if self.keys is not None and key not in self.keys:
            return problem(401, "This system wants an API key.")
        if request.method == "OPTIONS":
            return problem(405, "It takes GET.")
        self.asked.append((request.method, request.url.path, dict(request.query_params), await request.body()))
        found = self.answers.get(request.url.path, CALLER if request.url.path == "/certification/v1/caller" else None)
        if found is None:
            return problem(404, f"There is no path {request.url.path}.")
        return found(request) if callable(found) else JSONResponse({**MOMENT, "next": None, **found})


def problem(status: int, detail: str, **members: Any) -> Response:
    """A problem as services answer it."""
    body = {"type": "about:blank", "title": "Refused", "status": status, "detail": detail, **members}
    return Response(msgspec.json.encode(body), status, media_type="application/problem+json")
