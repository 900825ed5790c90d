"""Every list as a table: the whole list as CSV, under its path with `.csv`, or by `Accept: text/csv`.

A route that answers with a list in pages declares so with `list_of`. Its table asks it for page after page and writes
the rows, so it holds what the pages hold, and never more than one of them in memory.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from copy import copy
from typing import Any, Final, NamedTuple, TypeVar, get_origin
from urllib.parse import parse_qsl, urlencode

import msgspec
from fastapi import FastAPI, Request
from fastapi.routing import APIRoute, iter_route_contexts
from starlette.datastructures import Headers
from starlette.responses import Response, StreamingResponse
from starlette.types import ASGIApp, Message, Receive, Send
from starlette.types import Scope as AsgiScope

from services.web.csv_table import CONTENT_TYPE, MEDIA_TYPE, Table
from services.web.media_types import JSON, prefers
from services.web.refusal import Malformed, TooManyReaders
from services.web.scopes import Scope, caller_of_scope, required_scope, requires, set_caller

SUFFIX: Final = ".csv"
TABLES_MAX: Final = 8
"""Tables that a process writes at once."""
ROWS_MAX: Final = 500
"""Rows of a page that a table asks for, unless the list says otherwise."""
_ROWS_AT_ONCE: Final = 250
"""Rows that are written without a break in which others are served."""
SEND_SECONDS_MAX: Final = 30.0
"""How long a caller may take for a part of a table."""
TABLE_SECONDS_MAX: Final = 900.0
_AGAIN_SECONDS: Final = 1.0
"""Before a page is asked for again that is not answered at present."""
_TRIES_MAX: Final = 30

_DECLARED: Final = "_list_of"
_PAGED_BY: Final = ("after", "limit")
_Endpoint = TypeVar("_Endpoint", bound=Callable[..., Any])


class ListOf(NamedTuple):
    """What a route says of its list. `member`: of the answer, which holds the rows. `rows_max`: of a page.

    `pages`: whether the answer has a `next`, which is the `after` of the next page. `suffix`: of the path of the table.
    """

    member: str
    table: Table
    rows_max: int
    pages: bool
    suffix: str


class TableEndsEarly(Exception):
    """The rest of a table cannot be had: its connection is closed, so that the caller does not take it for whole."""


def list_of(
    member: str,
    row: type | Sequence[str],
    *,
    rest: str | None = None,
    rows_max: int = ROWS_MAX,
    pages: bool = True,
    suffix: str = SUFFIX,
) -> Callable[[_Endpoint], _Endpoint]:
    """Declares that a route answers with a list; see `ListOf`, and `Table` for `row` and `rest`.

    Below the decorator of the router, like `requires`.
    """

    def declare(endpoint: _Endpoint) -> _Endpoint:
        setattr(endpoint, _DECLARED, ListOf(member, Table(row, rest), rows_max, pages, suffix))
        return endpoint

    return declare


def declared_list(endpoint: object) -> ListOf | None:
    """What the route says of its list; None: it answers with none."""
    declared = getattr(endpoint, _DECLARED, None)
    return declared if isinstance(declared, ListOf) else None


def install(app: FastAPI) -> None:
    """Adds the table of each list to the application, after its routes, and to its document."""
    places = asyncio.Semaphore(TABLES_MAX)
    tables: dict[str, str] = {}
    for context in list(iter_route_contexts(app.routes)):
        route, declared = context.original_route, declared_list(context.endpoint)
        if declared is None or not isinstance(route, APIRoute) or route.methods != {"GET"}:
            continue
        table = _Written(app, route, declared, places)
        path = f"{route.path}{declared.suffix}"
        tables[path] = route.path
        app.add_api_route(
            path,
            table.endpoint,
            name=f"{route.name}_table",
            tags=route.tags,
            description=f"{table.title} As a table: the whole list, in CSV (RFC 4180).",
            responses={code: dict(answer) for code, answer in route.responses.items() if code != 200},
            response_class=Response,
            openapi_extra={"parameters": table.parameters},
        )
        negotiating = copy(route)  # the routers of a module are those of every application in the process
        negotiating.app = _ByAccept(route.app, table.respond)
        app.router.routes[app.router.routes.index(route)] = negotiating
    _describe(app, tables)


def _query_names(route: APIRoute) -> dict[str, bool]:
    """The names of the query parameters, and whether each can be given several times."""
    described = (route.openapi_extra or {}).get("parameters", ())
    names = {item["name"]: item["schema"].get("type") == "array" for item in described if item["in"] == "query"}
    given = {field.alias: get_origin(field.field_info.annotation) is tuple for field in route.dependant.query_params}
    return names | given


def _describe(app: FastAPI, tables: Mapping[str, str]) -> None:
    """Makes the document say what a table takes and gives, as its list does. `tables`: path to the path of the list."""
    plain = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            paths = plain()["paths"]
            for path, of_list in tables.items():
                listing, table = paths[of_list]["get"], paths[path]["get"]
                listing["responses"]["200"]["content"][MEDIA_TYPE] = _CONTENT
                table["responses"]["200"] = {"description": "The whole list.", "content": {MEDIA_TYPE: _CONTENT}}
                table["parameters"] = [
                    dict(parameter) for parameter in listing.get("parameters", ()) if parameter["name"] not in _PAGED_BY
                ]
        return plain()

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way to extend the document


_CONTENT: Final[dict[str, Any]] = {"schema": {"type": "string"}}


class _Written:
    """The table of one list."""

    def __init__(self, app: ASGIApp, route: APIRoute, declared: ListOf, places: asyncio.Semaphore) -> None:
        self._app = app
        self._declared = declared
        self._places = places
        names = _query_names(route)
        self._pinned = "known_position" in names
        self.title = (route.description or "").partition("\n\n")[0]
        self.parameters = [
            {"name": name, "in": "query", "required": False, "schema": {"type": "array" if repeated else "string"}}
            for name, repeated in names.items()
            if name not in _PAGED_BY
        ]

        async def endpoint(request: Request) -> Response:
            return await self.respond(request, request.scope["path"].removesuffix(declared.suffix))

        self.endpoint = requires(required_scope(route.endpoint) or Scope.ADMIN)(endpoint)

    async def respond(self, request: Request, path: str) -> Response:
        """The table of the list at the path, or the answer of the list where that is a refusal.

        Raises `Malformed` for a parameter that pages a list, and `TooManyReaders`.
        """
        if self._places.locked():
            raise TooManyReaders("As many tables are written as may be at once: ask again in a moment.")
        await self._places.acquire()
        try:
            query = parse_qsl(request.scope["query_string"].decode("latin-1"), keep_blank_values=True)
            paged = next((name for name, _ in query if name in _PAGED_BY), None)
            if paged is not None:
                raise Malformed(f"A table is the whole list: leave {paged} out.", paged)
            asking = _Pages(self._app, request.scope, path, query, self._declared, pinned=self._pinned)
            status, headers, body = await asking.first(request.receive)
            if status != 200:
                self._places.release()
                return Response(body, status, headers, headers.get("content-type"))
        except BaseException:
            self._places.release()
            raise
        name = path.rpartition("/")[2]
        return _TableResponse(_parts(asking, self._declared.table), self._places.release, name)


class _Pages:
    """Asks the list itself for its pages."""

    def __init__(
        self,
        app: ASGIApp,
        scope: AsgiScope,
        path: str,
        query: list[tuple[str, str]],
        declared: ListOf,
        *,
        pinned: bool,
    ) -> None:
        self._app = app
        self._scope = _bare(scope, path)
        self._query = query
        self._declared = declared
        self._pinned = pinned and any(name in _MOMENT for name, _ in query)
        self._page: dict[str, Any] = {}

    async def first(self, receive: Receive) -> tuple[int, Headers, bytes]:
        """The answer to the first page."""
        answer = await self._ask([], receive)
        if answer[0] == 200:
            self._page = _decode(answer[2])
            if self._pinned:
                self._pin()
        return answer

    async def rows(self) -> AsyncIterator[list[Any]]:
        """The rows, page by page. Raises `TableEndsEarly`."""
        while True:
            yield self._page[self._declared.member]
            following = self._page.get("next") if self._declared.pages else None
            if following is None:
                return
            self._page = await self._following(str(following))

    async def _following(self, after: str) -> dict[str, Any]:
        for _ in range(_TRIES_MAX):
            status, _, body = await self._ask([("after", after)], _never)
            if status == 200:
                return _decode(body)
            if status != 503:
                break
            await asyncio.sleep(_AGAIN_SECONDS)
        raise TableEndsEarly(f"{self._scope['path']}: a page is answered with {status}")

    async def _ask(self, more: list[tuple[str, str]], receive: Receive) -> tuple[int, Headers, bytes]:
        limit = [("limit", str(self._declared.rows_max))] if self._declared.pages else []
        scope = {**self._scope, "query_string": urlencode([*self._query, *limit, *more]).encode()}
        answer = _Answer()
        try:
            await self._app(scope, receive, answer.take)
        except Exception:
            if answer.status == 0:
                raise
        return answer.status, Headers(raw=answer.headers), bytes(answer.body)

    def _pin(self) -> None:
        """Every page answers for the moment of the first, whatever is recorded meanwhile."""
        kept = [(name, value) for name, value in self._query if name not in _MOMENT]
        self._query = [*kept, ("at", self._page["at"]), ("known_position", str(self._page["position"]))]


_MOMENT: Final = ("at", "known_at", "known_position")
_decode: Final = msgspec.json.Decoder(dict[str, Any]).decode


class _Answer:
    """What an application sends."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.body = bytearray()

    async def take(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], list(message["headers"])
        else:
            self.body += message.get("body", b"")


def _bare(scope: AsgiScope, path: str) -> AsgiScope:
    """The request for the list, without what routing has put into its scope."""
    kept = ("type", "asgi", "http_version", "server", "client", "scheme", "root_path", "state", "extensions")
    bare: AsgiScope = {name: scope[name] for name in kept if name in scope}
    headers = [(name, value) for name, value in scope["headers"] if name != b"accept"]
    set_caller(bare, caller_of_scope(scope))
    return {**bare, "method": "GET", "path": path, "raw_path": path.encode(), "headers": headers}


async def _never() -> Message:
    """Of a call whose caller is looked after elsewhere."""
    never: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
    return await never


async def _parts(pages: _Pages, table: Table) -> AsyncIterator[bytes]:
    yield table.head()
    async for rows in pages.rows():
        for first in range(0, len(rows), _ROWS_AT_ONCE):
            yield table.lines(rows[first : first + _ROWS_AT_ONCE])
            await asyncio.sleep(0)


class _TableResponse(StreamingResponse):
    """Ends when the caller is gone or takes nothing for too long, and gives its place back."""

    def __init__(self, parts: AsyncIterator[bytes], release: Callable[[], None], name: str) -> None:
        headers = {
            "Content-Type": CONTENT_TYPE,
            "Content-Disposition": f'attachment; filename="{name}{SUFFIX}"',
            "Vary": "Accept",
        }
        super().__init__(parts, headers=headers)
        self._release = release

    async def __call__(self, _scope: AsgiScope, receive: Receive, send: Send) -> None:
        async def sending(message: Message) -> None:
            async with asyncio.timeout(SEND_SECONDS_MAX):
                await send(message)

        writing = asyncio.ensure_future(self.stream_response(sending))
        hanging_up = asyncio.ensure_future(_hang_up(receive))
        try:
            async with asyncio.timeout(TABLE_SECONDS_MAX):
                await asyncio.wait((writing, hanging_up), return_when=asyncio.FIRST_COMPLETED)
            if writing.done():
                writing.result()
        except asyncio.CancelledError:  # its key was revoked, or the server stops
            raise TableEndsEarly("The call was ended before the table.") from None
        finally:
            writing.cancel()
            hanging_up.cancel()
            await asyncio.gather(writing, hanging_up, return_exceptions=True)
            self._release()


async def _hang_up(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


class _ByAccept:
    """Answers with the table where the caller would rather have CSV than JSON."""

    def __init__(self, app: ASGIApp, respond: Callable[[Request, str], Any]) -> None:
        self._app = app
        self._respond = respond

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        async def varying(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"vary", b"Accept")]
            await send(message)

        if scope["method"] == "GET" and prefers(Headers(scope=scope), MEDIA_TYPE, JSON):
            request = Request(scope, receive, send)
            response = await self._respond(request, scope["path"])
            await response(scope, receive, send)
        else:
            await self._app(scope, receive, varying)
