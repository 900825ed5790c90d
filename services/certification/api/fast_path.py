"""Answers plain POSTs of facts without the framework's routing and dependencies.

The framework takes longer to solve the dependencies of a call than deciding and recording take together. Here the
parameters of a route are determined once; the framework's own fields validate them. The framework answers every call
that is not plain (an escape in the path, a query, a header twice, an invalid body), and explains what is wrong.
"""

import json
from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import Any, Final, NamedTuple

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.routing import RouteContext, iter_route_contexts
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from services.certification.api.command_request import CommandRequest, Recorded, Service, call
from services.certification.api.problems import PROBLEMS
from services.web.input_parsing import distinct_members
from services.web.problem_details import answer_to, failed
from services.web.refusal import Refusal
from services.web.scopes import caller_of_scope

_NOT_PLAIN: Final = frozenset({b"content-encoding", b"expect", b"transfer-encoding"})


class _Unfit(Exception):
    """The framework answers this call instead."""


class _Route(NamedTuple):
    """A route that records facts. `parts`: those of its path; None: a parameter.

    `path`: the fields of these parameters; `headers`: those of the key and the correlation id; `body`: the body's.
    """

    endpoint: Callable[..., Coroutine[Any, Any, Recorded]]
    parts: Sequence[str | None]
    path: Sequence[Any]
    headers: Sequence[Any]
    body: Any


class DirectPosts:
    """Records the facts of plain POSTs to an application."""

    def __init__(self, app: FastAPI, service: Callable[[], Service]) -> None:
        self._service = service
        self._routes: dict[tuple[int, str], list[_Route]] = {}
        for context in iter_route_contexts(app.routes):
            if "POST" in (context.methods or ()) and (route := _route(context)) is not None:
                noun = route.parts[3]
                assert noun is not None, "a path begins with a literal part"
                self._routes.setdefault((len(route.parts), noun), []).append(route)

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> Receive | None:
        """Answers the call, or returns the `receive` with which the framework answers it."""
        parts = scope["path"].split("/")
        routes = self._routes.get((len(parts), parts[3])) if len(parts) > 3 else None
        if routes is None or scope["query_string"] or b"%" in scope["raw_path"]:
            return receive
        messages = [await receive()]
        while messages[-1].get("more_body"):
            messages.append(await receive())
        content = b"".join([message.get("body", b"") for message in messages])
        for route in routes:
            if all(fixed is None or fixed == part for fixed, part in zip(route.parts, parts, strict=True)):
                try:
                    arguments, key, correlation_id = _read(route, scope["headers"], parts, content)
                except _Unfit:
                    return _again(messages, receive)
                break
        else:
            return _again(messages, receive)
        response = Response()
        caller = caller_of_scope(scope)
        receipt_content = f"POST {scope['path']}\n".encode() + content
        request = CommandRequest(self._service(), caller, response, key, correlation_id or "", receipt_content)
        try:
            recorded = await route.endpoint(**arguments, call=request)
        except Refusal as refusal:
            await answer_to(refusal, PROBLEMS)(scope, receive, send)
        except Exception as error:
            await (await failed(Request(scope), error))(scope, receive, send)
        else:
            await _send(recorded, response, send)
        return None


def _route(context: RouteContext) -> _Route | None:
    """The route; None: it records no fact."""
    dependant = context.dependant
    about_call = next((dependency for dependency in dependant.dependencies if dependency.call is call), None)
    if about_call is None or context.endpoint is None or context.body_field is None:
        return None
    parts = (context.path or "").split("/")
    in_path = {field.alias: field for field in dependant.path_params}
    assert not dependant.query_params, "nothing of a fact is in the query"
    return _Route(
        context.endpoint,
        [None if part.startswith("{") else part for part in parts],
        [in_path[part[1:-1]] for part in parts if part.startswith("{")],
        about_call.header_params,
        context.body_field,
    )


def _read(
    route: _Route, headers: Sequence[tuple[bytes, bytes]], parts: Sequence[str], content: bytes
) -> tuple[dict[str, Any], str, str | None]:
    """The arguments of the endpoint, the idempotency key and the correlation id. Raises `_Unfit`."""
    given: dict[bytes, bytes] = {}
    for header, its_value in headers:
        if header in given or header in _NOT_PLAIN:
            raise _Unfit
        given[header] = its_value
    if given.get(b"content-type") != b"application/json":
        raise _Unfit
    key, correlation_id = (
        _valid(field, given[name].decode("latin-1")) if (name := field.alias.encode()) in given else field.default
        for field in route.headers
    )
    if not isinstance(key, str):
        raise _Unfit
    try:
        body = _JSON.decode(content.decode())
    except (ValueError, RecursionError, RequestValidationError):
        raise _Unfit from None
    arguments = {route.body.name: _valid(route.body, body)}
    in_path = (part for fixed, part in zip(route.parts, parts, strict=True) if fixed is None)
    for field, value in zip(route.path, in_path, strict=True):
        arguments[field.name] = _valid(field, value)
    return arguments, key, correlation_id


def _valid(field: Any, value: object) -> Any:
    """The value as the framework's field reads it. Raises `_Unfit`."""
    valid, errors = field.validate(value, {}, loc=())
    if errors:
        raise _Unfit
    return valid


async def _send(recorded: Recorded, response: Response, send: Send) -> None:
    """`response`: the status and the headers that the call has set."""
    body = recorded.__pydantic_serializer__.to_json(recorded, exclude_none=True)
    headers = [(b"content-length", b"%d" % len(body)), (b"content-type", b"application/json")]
    headers += [header for header in response.raw_headers if header[0] != b"content-length"]
    await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _again(messages: Iterable[Message], receive: Receive) -> Receive:
    """The messages that were received already, then what follows."""
    received = iter(messages)

    async def receiving() -> Message:
        message = next(received, None)
        return await receive() if message is None else message

    return receiving


_JSON: Final = json.JSONDecoder(object_pairs_hook=distinct_members)
