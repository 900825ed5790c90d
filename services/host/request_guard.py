"""The guard of a whole origin: a request refused here never reaches an application.

It checks the API key and its scope, the path and its method, the names of query parameters, the media type, and the
size, depth and encoding of the body. It reads a body whole, so that the applications behind never wait for a caller;
the server limits how long that takes.
"""

from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from typing import Final
from urllib.parse import unquote_plus

import msgspec
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.host.api_keys.key_in_address import take_key
from services.host.api_keys.key_ring import KeyRing
from services.host.caller_turns import CallerTurns, Lane
from services.host.documented_operations import Operation, Paths, Resource
from services.host.refused_request import RefusedRequest
from services.host.response_headers import completing
from services.web.bounded_places import Places
from services.web.fair_places import call_kind
from services.web.json_limits import shape_problem
from services.web.problem_details import (
    HOST_UNCLEAR,
    RETRY_AFTER_SECONDS,
    TYPE_PREFIX,
    Problem,
    malformed,
    problem_response,
    unexplained,
)
from services.web.rebinding_guard import LocalNames
from services.web.scopes import LOCAL, Caller, caller_of_scope, insufficient_scope, set_caller
from services.web.scopes import Scope as KeyScope

BODY_BYTES_MAX: Final = 128 << 10
"""The longest body that an endpoint takes, a webhook filter of a thousand partners, has 80 KiB."""
BODIES_BYTES_MAX: Final = 8 << 20
BODIES_BYTES_PER_CALLER_MAX: Final = 6 << 20
"""Bytes of heavy bodies held at once, in all and of one caller: what is made of a body is many times as large."""
HEAVY_BYTES_MIN: Final = 4 << 10
"""A body, or a query, from here on takes a millisecond and more to read."""
QUERY_PARAMETERS_MAX: Final = 1000

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
        b"origin",
    }
)
"""Headers that may be given once: of two, one reader could take the first and another the last."""

TOO_LARGE: Final = Problem(TYPE_PREFIX + "too-large", "Too large", 413, f"A body has at most {BODY_BYTES_MAX} bytes.")
TYPE_NOT_TAKEN: Final = Problem(
    TYPE_PREFIX + "unsupported-media-type",
    "A body of this type is not taken",
    415,
    "Send the body as JSON in UTF-8, with Content-Type: application/json and no Content-Encoding.",
)
OVERLOADED: Final = Problem(
    TYPE_PREFIX + "overloaded",
    "Too many calls wait",
    503,
    "Too many calls wait to begin, or hold large bodies. Nothing of this one was begun: send it again.",
)
NO_BODY_TAKEN: Final = malformed("Nothing reads the body of this call: leave it out.")
TOO_MANY_PARAMETERS: Final = malformed(f"A query has at most {QUERY_PARAMETERS_MAX} parameters.")


class _Gone(Exception):
    """The caller hung up before the body was whole."""


class RequestGuard:
    """ASGI middleware around a whole origin, which has these paths.

    `keys`: who may call; paths that are open need none. `names`: by which callers without a key call it; None: by any,
    without a server. `sandbox`: every answer says so.
    """

    def __init__(
        self, app: ASGIApp, paths: Paths, *, keys: KeyRing, sandbox: bool, names: LocalNames | None = None
    ) -> None:
        self._app = app
        self._paths = paths
        self._keys = keys
        self._names = names
        self._sandbox = sandbox
        self._bodies = Places(BODIES_BYTES_MAX, BODIES_BYTES_PER_CALLER_MAX)
        self._turns = CallerTurns()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuses the call with a problem, or passes it on with its body. HEAD is passed on as GET."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        send = completing(send, sandbox=self._sandbox)
        announced = True
        with ExitStack() as held:
            try:
                headers = _single_headers(scope)
                announced = b"content-length" in headers or b"transfer-encoding" in headers
                operation = self._operation(scope, headers)
                body = b""
                if announced and not operation.reads_itself:
                    body = await self._whole_body(scope, headers, operation, receive, held)
                await self._take_turn(scope, operation, len(body))
                if scope["query_string"]:
                    _check_query(scope["query_string"], operation)
                if operation.reads_itself:
                    _check_type(headers, operation)
                else:
                    if body:
                        _check_body(body, headers, operation)
                    receive = _replay(body, receive)
            except RefusedRequest as refused:
                await _refuse(refused, scope, receive, send, close=announced)
            except _Gone:
                return
            else:
                await self._pass_on(scope, operation, receive, send)

    async def _whole_body(
        self, scope: Scope, headers: Mapping[bytes, bytes], operation: Operation, receive: Receive, held: ExitStack
    ) -> bytes:
        """The body, for which there is room until the call ends. Raises `RefusedRequest` and `_Gone`."""
        length = _announced_bytes(headers)
        if length > BODY_BYTES_MAX:
            raise RefusedRequest(TOO_LARGE)
        name = "" if operation.scope is None else caller_of_scope(scope).name
        with ExitStack() as while_read:
            self._hold(name, length, while_read)
            body = await _body(receive)
        self._hold(name, len(body), held)
        return body

    def _hold(self, caller: str, length: int, held: ExitStack) -> None:
        """Takes room for a heavy body. Raises `RefusedRequest`."""
        if length >= HEAVY_BYTES_MIN:
            give_back = self._bodies.take(caller, length)
            if give_back is None:
                raise _overloaded()
            held.callback(give_back)

    async def _take_turn(self, scope: Scope, operation: Operation, body_bytes: int) -> None:
        """Waits until the call may begin. One about health waits for its like alone. Raises `RefusedRequest`."""
        name = "" if operation.scope is None else caller_of_scope(scope).name
        heavy = max(body_bytes, len(scope["query_string"])) >= HEAVY_BYTES_MIN
        if not await self._turns.take(Lane(name, heavy, operation.kind)):
            raise _overloaded()

    async def _pass_on(self, scope: Scope, operation: Operation, receive: Receive, send: Send) -> None:
        if scope["method"] == "HEAD":
            scope, receive, send = {**scope, "method": "GET"}, *_headless(receive, send)
        if scope["method"] == "GET" and operation.scope is not None:
            await self._read(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _read(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes on a call that can last: a long poll or a stream ends when its key is revoked."""
        begun = False

        async def sending(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            with self._keys.while_let_in(caller_of_scope(scope)):
                await self._app(scope, receive, sending)
        except RefusedRequest as refused:
            if begun:
                await send({"type": "http.response.body", "body": b"", "more_body": False})
            else:
                await _refuse(refused, scope, receive, send, close=False)

    def _operation(self, scope: Scope, headers: Mapping[bytes, bytes]) -> Operation:
        """What is asked for, by a caller who may. Raises `RefusedRequest`: 401, 421, 404, 405, 403, in this order."""
        resource = self._resource(scope)
        operation = None if resource is None else resource.operations.get(scope["method"])
        if operation is not None and operation.scope is None:
            return operation
        caller = self._caller(scope, headers.get(b"authorization"), operation)
        if caller is LOCAL and self._names is not None:
            problem = self._names.problem(scope["method"], headers)
            if problem is not None:
                raise RefusedRequest(problem)
        if resource is None:
            raise RefusedRequest(unexplained(404, f"There is no path {scope['path'][:200]}."))
        if operation is None:
            raise _method_not_taken(resource, scope)
        if operation.scope is not None and operation.scope not in caller.allowed:
            raise _not_allowed(operation.scope, caller)
        set_caller(scope, caller)
        call_kind.set(operation.kind)
        return operation

    def _caller(self, scope: Scope, authorization: bytes | None, operation: Operation | None) -> Caller:
        """Who calls. Calendars are also read by a key in the address, which nothing behind the guard sees."""
        if operation is not None and operation.scope is KeyScope.CALENDARS:
            key = take_key(scope, authorization)
            if key is not None:
                return self._keys.caller_by_address(key)
        return self._keys.caller(authorization)

    def _resource(self, scope: Scope) -> Resource | None:
        """An encoded slash is part of no id; decoded, it would lead to another path."""
        raw_path = scope.get("raw_path") or b""
        if b"%" in raw_path and b"%2f" in raw_path.lower():
            return None
        return self._paths.find(scope["path"])


def _single_headers(scope: Scope) -> dict[bytes, bytes]:
    """The headers that can be given once. Raises `RefusedRequest` if one is given twice."""
    found: dict[bytes, bytes] = {}
    for name, value in scope["headers"]:
        if name in _ONCE:
            if name in found:
                if name == b"host":
                    raise RefusedRequest(HOST_UNCLEAR)
                text = name.decode()
                raise RefusedRequest(malformed(f"The header {text!r} is given twice.", text))
            found[name] = value
    return found


def _method_not_taken(resource: Resource, scope: Scope) -> RefusedRequest:
    detail = f"{scope['path'][:200]} does not take {scope['method']}; it takes {resource.allow.decode()}."
    headers = {"Allow": resource.allow, "Accept-Post": resource.accept_post, "Accept-Patch": resource.accept_patch}
    return RefusedRequest(unexplained(405, detail), {name: value.decode() for name, value in headers.items() if value})


def _not_allowed(needed: KeyScope, caller: Caller) -> RefusedRequest:
    problem = insufficient_scope(needed, caller)
    challenge = f'Bearer error="insufficient_scope", scope="{needed}"'
    return RefusedRequest(problem, {"WWW-Authenticate": challenge})


def _check_query(query: bytes, operation: Operation) -> None:
    """Rejects unknown query parameters, and single-valued ones given twice, with `RefusedRequest`."""
    if query.count(b"&") >= QUERY_PARAMETERS_MAX:
        raise RefusedRequest(TOO_MANY_PARAMETERS)
    given: set[str] = set()
    for pair in query.split(b"&"):
        if not pair:
            continue
        name = unquote_plus(pair.partition(b"=")[0].decode("latin-1"), errors="replace")
        repeatable = operation.query.get(name)
        shown = name[:100]
        if repeatable is None:
            raise RefusedRequest(malformed(f"There is no query parameter {shown!r} here.", shown))
        if name in given and not repeatable:
            detail = f"The query parameter {shown!r} is not acceptable: it is given twice."
            raise RefusedRequest(malformed(detail, shown))
        given.add(name)


def _overloaded() -> RefusedRequest:
    return RefusedRequest(OVERLOADED, {"Retry-After": str(RETRY_AFTER_SECONDS)})


def _announced_bytes(headers: Mapping[bytes, bytes]) -> int:
    """The length that the head announces; that of the longest body where it comes in parts of any number."""
    announced = headers.get(b"content-length", b"")
    if len(announced) > 18:
        return BODY_BYTES_MAX + 1
    return int(announced) if announced.isdigit() else BODY_BYTES_MAX


async def _body(receive: Receive) -> bytes:
    """The whole body. Raises `RefusedRequest` and `_Gone`. No more than the limit and one message is ever held."""
    body = bytearray()
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _Gone
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > BODY_BYTES_MAX:
            raise RefusedRequest(TOO_LARGE)
    return bytes(body)


def _check_body(body: bytes, headers: Mapping[bytes, bytes], operation: Operation) -> None:
    """Raises `RefusedRequest`."""
    if not operation.media_types:
        raise RefusedRequest(NO_BODY_TAKEN)
    _check_type(headers, operation)
    problem = shape_problem(body)
    if problem is not None:
        raise RefusedRequest(problem)


def _check_type(headers: Mapping[bytes, bytes], operation: Operation) -> None:
    """Raises `RefusedRequest` for a body of another type than the operation takes."""
    if not _is_taken(headers, operation.media_types):
        taken = ", ".join(operation.media_types)
        problem = msgspec.structs.replace(
            TYPE_NOT_TAKEN, detail=f"Send the body in UTF-8, with Content-Type: {taken} and no Content-Encoding."
        )
        raise RefusedRequest(problem, {operation.accept: taken})


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


async def _refuse(refused: RefusedRequest, scope: Scope, receive: Receive, send: Send, *, close: bool) -> None:
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
