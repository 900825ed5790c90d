"""The guard of a whole origin: a request refused here never reaches an application.

It checks the API key, the path and its method, the names of query parameters, the media type, and the size, depth and
encoding of the body. It reads a body whole, so that the applications behind never wait for a caller; the server limits
how long that takes.
"""

import hmac
import json
import re
from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import unquote_plus

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.host.accepted_requests import Operation, Paths, Resource
from services.host.response_headers import completed
from services.web.problem_details import HOST_UNCLEAR, TYPE_PREFIX, Problem, malformed, problem_response, unexplained

BODY_BYTES_MAX: Final = 128 << 10
"""The longest body that an endpoint takes, a webhook filter of a thousand partners, has 80 KiB."""
DEPTH_MAX: Final = 32
"""Brackets open at once in a JSON body; no call of the contract needs more than three."""
PARTS_MAX: Final = 8_000
"""Commas and opening brackets of a JSON body, in strings too: they bound the work of parsing it."""
QUERY_PARAMETERS_MAX: Final = 1000

_STRING_OR_BRACKET: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[\[\]{}]', re.DOTALL)
_UTF_8: Final = frozenset({"utf-8", "utf8"})
_PLAIN: Final = b"identity"
_ONCE: Final = frozenset(
    {
        b"host",
        b"authorization",
        b"content-length",
        b"content-type",
        b"content-encoding",
        b"transfer-encoding",
        b"last-event-id",
    }
)
"""Headers that may be given once: of two, one reader could take the first and another the last."""

TOO_LARGE: Final = Problem(TYPE_PREFIX + "too-large", "Too large", 413, f"A body has at most {BODY_BYTES_MAX} bytes.")
TOO_MANY_PARTS: Final = Problem(
    TYPE_PREFIX + "too-large", "Too large", 413, f"A body has at most {PARTS_MAX} commas and opening brackets."
)
KEY_MISSING: Final = Problem(
    TYPE_PREFIX + "not-authenticated",
    "Not authenticated",
    401,
    "This system wants its API key: send the header Authorization: Bearer <key>.",
)
TYPE_NOT_TAKEN: Final = Problem(
    TYPE_PREFIX + "unsupported-media-type",
    "A body of this type is not taken",
    415,
    "Send the body as JSON in UTF-8, with Content-Type: application/json and no Content-Encoding.",
)
TOO_DEEP: Final = malformed(f"The body nests deeper than {DEPTH_MAX} levels.")
NOT_UTF_8: Final = malformed("The body is not UTF-8: send JSON in that encoding (RFC 8259, section 8.1).")
NO_BODY_TAKEN: Final = malformed("Nothing reads the body of this call: leave it out.")
TOO_MANY_PARAMETERS: Final = malformed(f"A query has at most {QUERY_PARAMETERS_MAX} parameters.")


class _Refused(Exception):
    def __init__(self, problem: Problem, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(problem.title)
        self.problem = problem
        self.headers = headers or {}


class _Gone(Exception):
    """The caller hung up before the body was whole."""


class RequestGuard:
    """ASGI middleware around a whole origin, which has these paths.

    `api_key`: if set, every call needs it as a bearer token. `sandbox`: every answer says so.
    """

    def __init__(self, app: ASGIApp, paths: Paths, *, api_key: str | None, sandbox: bool) -> None:
        self._app = app
        self._paths = paths
        self._api_key = api_key.encode() if api_key else None
        self._sandbox = sandbox

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuses the call with a problem, or passes it on with its body. HEAD is passed on as GET."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        send = self._completing(send)
        announced = True
        try:
            headers = _single_headers(scope)
            announced = b"content-length" in headers or b"transfer-encoding" in headers
            self._authenticate(headers)
            operation = _operation(self._resource(scope), scope)
            if scope["query_string"]:
                _check_query(scope["query_string"], operation)
            body = await _body(headers, operation, receive) if announced else b""
        except _Refused as refused:
            await _refuse(refused, scope, receive, send, close=announced)
        except _Gone:
            return
        else:
            receive = _replay(body, receive)
            if scope["method"] == "HEAD":
                scope, receive, send = {**scope, "method": "GET"}, *_headless(receive, send)
            await self._app(scope, receive, send)

    def _completing(self, send: Send) -> Send:
        async def completing(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = completed(message.get("headers", ()), sandbox=self._sandbox)
            await send(message)

        return completing

    def _authenticate(self, headers: Mapping[bytes, bytes]) -> None:
        """Raises `_Refused`. The comparison takes the same time for every wrong key."""
        if self._api_key is None:
            return
        scheme, _, token = headers.get(b"authorization", b"").partition(b" ")
        right = hmac.compare_digest(token.strip(), self._api_key)
        if scheme.lower() != b"bearer" or not right:
            raise _Refused(KEY_MISSING, {"WWW-Authenticate": "Bearer"})

    def _resource(self, scope: Scope) -> Resource:
        """Raises `_Refused`. An encoded slash is part of no id; decoded, it would lead to another path."""
        raw_path = scope.get("raw_path") or b""
        resource = None
        if b"%" not in raw_path or b"%2f" not in raw_path.lower():
            resource = self._paths.find(scope["path"])
        if resource is None:
            raise _Refused(unexplained(404, f"There is no path {scope['path'][:200]}."))
        return resource


def _single_headers(scope: Scope) -> dict[bytes, bytes]:
    """The headers that can be given once. Raises `_Refused` where one is given twice."""
    found: dict[bytes, bytes] = {}
    for name, value in scope["headers"]:
        if name in _ONCE:
            if name in found:
                if name == b"host":
                    raise _Refused(HOST_UNCLEAR)
                text = name.decode()
                raise _Refused(malformed(f"The header {text!r} is given twice.", text))
            found[name] = value
    return found


def _operation(resource: Resource, scope: Scope) -> Operation:
    """Raises `_Refused` for a method that the path does not take."""
    operation = resource.operations.get(scope["method"])
    if operation is None:
        detail = f"{scope['path'][:200]} does not take {scope['method']}; it takes {resource.allow.decode()}."
        headers = {"Allow": resource.allow, "Accept-Post": resource.accept_post, "Accept-Patch": resource.accept_patch}
        raise _Refused(unexplained(405, detail), {name: value.decode() for name, value in headers.items() if value})
    return operation


def _check_query(query: bytes, operation: Operation) -> None:
    """Rejects unknown query parameters, and single-valued ones given twice, with `_Refused`."""
    if query.count(b"&") >= QUERY_PARAMETERS_MAX:
        raise _Refused(TOO_MANY_PARAMETERS)
    given: set[str] = set()
    for pair in query.split(b"&"):
        if not pair:
            continue
        name = unquote_plus(pair.partition(b"=")[0].decode("latin-1"), errors="replace")
        repeatable = operation.query.get(name)
        shown = name[:100]
        if repeatable is None:
            raise _Refused(malformed(f"There is no query parameter {shown!r} here.", shown))
        if name in given and not repeatable:
            detail = f"The query parameter {shown!r} is not acceptable: it is given twice."
            raise _Refused(malformed(detail, shown))
        given.add(name)


async def _body(headers: Mapping[bytes, bytes], operation: Operation, receive: Receive) -> bytes:
    """The whole body. Raises `_Refused` and `_Gone`. No more than the limit and one message is ever held."""
    announced = headers.get(b"content-length", b"0")
    if len(announced) > 18 or (announced.isdigit() and int(announced) > BODY_BYTES_MAX):
        raise _Refused(TOO_LARGE)
    body = bytearray()
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _Gone
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > BODY_BYTES_MAX:
            raise _Refused(TOO_LARGE)
    whole = bytes(body)
    if whole:
        _check_body(whole, headers, operation)
    return whole


def _check_body(body: bytes, headers: Mapping[bytes, bytes], operation: Operation) -> None:
    """Raises `_Refused`."""
    if not operation.media_types:
        raise _Refused(NO_BODY_TAKEN)
    if not _is_taken(headers, operation.media_types):
        raise _Refused(TYPE_NOT_TAKEN, {operation.accept: ", ".join(operation.media_types)})
    opening = body.count(b"[") + body.count(b"{")
    if opening + body.count(b",") > PARTS_MAX:
        raise _Refused(TOO_MANY_PARTS)
    if opening > DEPTH_MAX and depth(body) > DEPTH_MAX:
        raise _Refused(TOO_DEEP)
    if not _is_utf_8(body):
        raise _Refused(NOT_UTF_8)


def _is_taken(headers: Mapping[bytes, bytes], media_types: Iterable[str]) -> bool:
    """Whether the body is of one of these types, in UTF-8 and not compressed."""
    if headers.get(b"content-encoding", _PLAIN) is not _PLAIN and headers[b"content-encoding"].lower() != _PLAIN:
        return False
    written = headers.get(b"content-type", b"").decode("latin-1")
    if written in media_types:
        return True
    media_type, *parameters = written.lower().split(";")
    charsets = (parameter.partition("=") for parameter in parameters)
    return media_type.strip() in media_types and all(
        value.strip().strip('"') in _UTF_8 for name, _, value in charsets if name.strip() == "charset"
    )


def _is_utf_8(body: bytes) -> bool:
    """JSON in UTF-16 or UTF-32 is not, though its bytes can be read so. A byte order mark is let pass."""
    if body.isascii():
        return b"\0" not in body or json.detect_encoding(body).startswith("utf-8")
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return json.detect_encoding(body).startswith("utf-8")


def depth(body: bytes) -> int:
    """How many brackets are open at once at most, not counting those in strings. Ends beyond `DEPTH_MAX`."""
    opened = deepest = 0
    for token in _STRING_OR_BRACKET.finditer(body):
        if token[0] in b"[{":
            opened += 1
            if opened > deepest:
                deepest = opened
                if deepest > DEPTH_MAX:
                    break
        elif token[0] in b"]}":
            opened -= 1
    return deepest


async def _refuse(refused: _Refused, scope: Scope, receive: Receive, send: Send, *, close: bool) -> None:
    """`close`: the connection ends with the refusal, and the rest of the body is not read."""
    headers = {**refused.headers, "connection": "close"} if close else refused.headers
    await problem_response(refused.problem, headers)(scope, receive, send)


def _replay(body: bytes, receive: Receive) -> Receive:
    """The body as one message, then the further messages of the server, such as a disconnect."""
    unread = True

    async def replaying() -> Message:
        nonlocal unread
        if unread:
            unread = False
            return {"type": "http.request", "body": body, "more_body": False}
        return await receive()

    return replaying


def _headless(receive: Receive, send: Send) -> tuple[Receive, Send]:
    """The answer without its body; after the headers a stream sees a disconnected caller."""
    answered = False

    async def receiving() -> Message:
        return {"type": "http.disconnect"} if answered else await receive()

    async def sending(message: Message) -> None:
        nonlocal answered
        if message["type"] == "http.response.start":
            await send(message)
            await send({"type": "http.response.body", "body": b"", "more_body": False})
            answered = True

    return receiving, sending
