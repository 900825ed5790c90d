"""What every call passes before an application sees it: the key, caps on size, depth and time, and UTF-8.

A body is read whole here, so that the applications behind never wait for a caller and never see more than they
can take.
"""

import asyncio
import hmac
import json
import re
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.problems import TYPE_PREFIX, Problem, problem_response

BODY_BYTES_MAX: Final = 1 << 20
BODY_SECONDS_MAX: Final = 10.0
DEPTH_MAX: Final = 32
"""Brackets open at once in a JSON body; no call of the contract needs more than three."""

_STRING_OR_BRACKET: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[\[\]{}]', re.DOTALL)

TOO_LARGE: Final = Problem(TYPE_PREFIX + "too-large", "Too large", 413, f"A body has at most {BODY_BYTES_MAX} bytes.")
TOO_SLOW: Final = Problem(
    TYPE_PREFIX + "too-slow", "Too slow", 408, f"The body did not arrive within {BODY_SECONDS_MAX:g} seconds."
)
TOO_DEEP: Final = Problem(
    TYPE_PREFIX + "malformed-request",
    "The request is malformed",
    422,
    f"The body nests deeper than {DEPTH_MAX} levels.",
)
NOT_UTF_8: Final = Problem(
    TYPE_PREFIX + "malformed-request",
    "The request is malformed",
    422,
    "The body is not UTF-8: send JSON in that encoding (RFC 8259, section 8.1).",
)
KEY_MISSING: Final = Problem(
    TYPE_PREFIX + "not-authenticated",
    "Not authenticated",
    401,
    "This system wants its API key: send the header Authorization: Bearer <key>.",
)


class _Refused(Exception):
    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.title)
        self.problem = problem


class _Gone(Exception):
    """The caller hung up before the body was whole."""


class Door:
    """ASGI middleware around a whole origin.

    `api_key`: where it is set, every call needs it as a bearer token. `sandbox`: every answer says so.
    """

    def __init__(self, app: ASGIApp, *, api_key: str | None, sandbox: bool) -> None:
        self._app = app
        self._api_key = api_key.encode() if api_key else None
        self._sandbox = sandbox

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuses the call with a problem, or hands it on with its body."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if self._sandbox:
            send = _marked(send)
        headers = Headers(scope=scope)
        try:
            self._authenticate(headers)
            body = await _body(headers, receive)
        except _Refused as refused:
            await _refusal(refused.problem)(scope, receive, send)
        except _Gone:
            return
        else:
            await self._app(scope, _replay(body, receive), send)

    def _authenticate(self, headers: Headers) -> None:
        """Raises `_Refused`. The comparison takes as long for a key that is nearly right as for any other."""
        if self._api_key is None:
            return
        scheme, _, token = headers.get("authorization", "").partition(" ")
        right = hmac.compare_digest(token.strip().encode("latin-1"), self._api_key)
        if scheme.lower() != "bearer" or not right:
            raise _Refused(KEY_MISSING)


async def _body(headers: Headers, receive: Receive) -> bytes:
    """The whole body. Raises `_Refused` and `_Gone`."""
    announced = headers.get("content-length")
    if announced is None and "transfer-encoding" not in headers:
        return b""
    if announced is not None and int(announced) > BODY_BYTES_MAX:
        raise _Refused(TOO_LARGE)
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS_MAX):
            more = True
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise _Gone
                body += message.get("body", b"")
                more = message.get("more_body", False)
                if len(body) > BODY_BYTES_MAX:
                    raise _Refused(TOO_LARGE)
    except TimeoutError:
        raise _Refused(TOO_SLOW) from None
    whole = bytes(body)
    if whole.count(b"[") + whole.count(b"{") > DEPTH_MAX and depth(whole) > DEPTH_MAX:
        raise _Refused(TOO_DEEP)
    if not _is_utf_8(whole):
        raise _Refused(NOT_UTF_8)
    return whole


def _is_utf_8(body: bytes) -> bool:
    """JSON in UTF-16 or UTF-32 is not, though its bytes can be read so. A byte order mark is let pass."""
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return json.detect_encoding(body).startswith("utf-8")


def depth(body: bytes) -> int:
    """How many brackets are open at once at most, not counting those in strings."""
    opened = deepest = 0
    for token in _STRING_OR_BRACKET.finditer(body):
        if token[0] in b"[{":
            opened += 1
            deepest = max(deepest, opened)
        elif token[0] in b"]}":
            opened -= 1
    return deepest


def _refusal(problem: Problem) -> Response:
    """The connection ends with the refusal: what is left of the body is not read."""
    headers = {"connection": "close"}
    if problem.status == 401:
        headers["www-authenticate"] = "Bearer"
    return problem_response(problem, headers)


def _marked(send: Send) -> Send:
    async def marking(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(raw=message.setdefault("headers", []))["X-Sandbox"] = "true"
        await send(message)

    return marking


def _replay(body: bytes, receive: Receive) -> Receive:
    """The body as one message, then what else the caller does: hang up."""
    unread = True

    async def replaying() -> Message:
        nonlocal unread
        if unread:
            unread = False
            return {"type": "http.request", "body": body, "more_body": False}
        return await receive()

    return replaying
