"""What every call passes before it reaches a service: the API key, and limits on the size and time of its body."""

import asyncio
from secrets import compare_digest
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.problems import TYPE_PREFIX, Problem, problem_response

BODY_BYTES_MAX: Final = 64 * 1024
BODY_SECONDS_MAX: Final = 10.0
OPEN_PATHS: Final = frozenset({"/healthz", "/readyz"})
"""Reachable without the key: they tell a supervisor whether the process is well, and nothing else."""

NOT_AUTHENTICATED: Final = Problem(
    TYPE_PREFIX + "not-authenticated", "The API key is missing or wrong", 401, "Send it as Authorization: Bearer <key>."
)
TOO_LARGE: Final = Problem(
    TYPE_PREFIX + "body-too-large", "The body is too large", 413, f"A body has at most {BODY_BYTES_MAX} bytes."
)
TOO_SLOW: Final = Problem(
    TYPE_PREFIX + "body-too-slow", "The body did not arrive in time", 408, f"It may take {BODY_SECONDS_MAX:g} seconds."
)


class Door:
    """ASGI middleware. `api_key` None: no key is needed. `sandbox`: every answer says so."""

    def __init__(self, app: ASGIApp, *, api_key: str | None, sandbox: bool) -> None:
        self._app = app
        self._bearer = None if api_key is None else f"Bearer {api_key}".encode()
        self._extra = [(b"x-sandbox", b"true")] if sandbox else []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Lets a call through, or answers it with a problem."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), *self._extra]}
            await send(message)

        headers = dict(scope["headers"])
        if self._bearer is not None and scope["path"] not in OPEN_PATHS:
            shown = headers.get(b"authorization", b"")
            if not compare_digest(shown, self._bearer):
                await problem_response(NOT_AUTHENTICATED, {"WWW-Authenticate": "Bearer"})(scope, receive, send_marked)
                return
        if b"content-length" in headers or b"transfer-encoding" in headers:
            body = await _whole_body(headers.get(b"content-length"), receive)
            if isinstance(body, Problem):
                await problem_response(body, {"Connection": "close"})(scope, receive, send_marked)
                return
            receive = _replaying(body, receive)
        await self._app(scope, receive, send_marked)


async def _whole_body(announced: bytes | None, receive: Receive) -> bytes | Problem:
    if announced is not None and announced.isdigit() and int(announced[:20]) > BODY_BYTES_MAX:
        return TOO_LARGE
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS_MAX):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    return TOO_SLOW
                body += message.get("body", b"")
                if len(body) > BODY_BYTES_MAX:
                    return TOO_LARGE
                if not message.get("more_body", False):
                    return bytes(body)
    except TimeoutError:
        return TOO_SLOW


def _replaying(body: bytes, receive: Receive) -> Receive:
    """The body once, then what the server says."""
    left = [body]

    async def replay() -> Message:
        if left:
            return {"type": "http.request", "body": left.pop(), "more_body": False}
        return await receive()

    return replay
