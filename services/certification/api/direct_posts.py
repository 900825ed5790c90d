"""Answers plain POSTs of facts without the framework's routing and dependencies.

The framework takes longer to solve the dependencies of a call than deciding and recording take together. Here the
parameters of a route are determined once; the framework's own fields validate them. The framework answers every call
that is not plain (an escape in the path, a query, a header twice, an invalid body), and explains what is wrong.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from fastapi.exceptions import RequestValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from services.certification.api.command_request import CommandRequest, Recorded, Service
from services.certification.api.fact_routes import FactCall, FactRoute, FactRoutes, decode_body
from services.certification.api.problems import PROBLEMS
from services.web.problem_details import answer_to, failed
from services.web.refusal import Refusal
from services.web.scopes import caller_of_scope

_NOT_PLAIN: Final = frozenset({b"content-encoding", b"expect", b"transfer-encoding"})


class DirectPosts:
    """Records the facts of plain POSTs to an application."""

    def __init__(self, routes: FactRoutes, service: Callable[[], Service]) -> None:
        self._routes = routes
        self._service = service

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> Receive | None:
        """Answers the call, or returns the `receive` with which the framework answers it."""
        parts = scope["path"].split("/")
        route = None if scope["query_string"] or b"%" in scope["raw_path"] else self._routes.find(parts)
        if route is None:
            return receive
        messages = [await receive()]
        while messages[-1].get("more_body"):
            messages.append(await receive())
        content = b"".join([message.get("body", b"") for message in messages])
        plain = _plain_call(route, scope["headers"], parts, content)
        if plain is None:
            return _again(messages, receive)
        response = Response()
        caller = caller_of_scope(scope)
        receipt_content = f"POST {scope['path']}\n".encode() + content
        call = CommandRequest(
            self._service(), caller, response, plain.idempotency_key, plain.correlation_id, receipt_content
        )
        try:
            recorded = await route.endpoint(**plain.arguments, call=call)
        except Refusal as refusal:
            await answer_to(refusal, PROBLEMS)(scope, receive, send)
        except Exception as error:
            await (await failed(Request(scope), error))(scope, receive, send)
        else:
            await _send(recorded, response, send)
        return None


def _plain_call(
    route: FactRoute, headers: Sequence[tuple[bytes, bytes]], path: Sequence[str], content: bytes
) -> FactCall | None:
    """The call; None: the framework answers it instead."""
    given: dict[str, str] = {}
    for name, value in headers:
        if name in _NOT_PLAIN or name.decode("latin-1") in given:
            return None
        given[name.decode("latin-1")] = value.decode("latin-1")
    if given.get("content-type") != "application/json":
        return None
    try:
        return route.arguments(path, given, decode_body(content))
    except (ValueError, RecursionError, RequestValidationError):
        return None


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
