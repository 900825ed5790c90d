"""Every list as a table: the whole list as CSV, under its path with `.csv`, or by `Accept: text/csv`.

A route that answers with a list in pages is declared with `list_of`. Its table asks the route for page after page and
writes the rows. So a table has the rows of all pages, and at most two pages in memory. All rows are of one moment.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, aclosing
from copy import copy
from functools import partial
from typing import Any, Final, NamedTuple, TypeVar
from urllib.parse import parse_qsl, urlencode

import msgspec
from fastapi import FastAPI, Request
from fastapi.routing import APIRoute, iter_route_contexts
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Send
from starlette.types import Scope as AsgiScope

from services.web.bounded_places import Places
from services.web.csv_table import MEDIA_TYPE, Table
from services.web.long_work import at_a_rest
from services.web.media_types import JSON, prefers
from services.web.openapi import extend, query_names
from services.web.refusal import Malformed, TooManyReaders
from services.web.scopes import Scope, caller_of, caller_of_scope, required_scope, requires, set_caller
from services.web.table_response import TableEndsEarly, TableResponse, kept

SUFFIX: Final = ".csv"
TABLES_MAX: Final = 8
TABLES_PER_CALLER_MAX: Final = 6
"""Tables that a process writes at once, in all and for one caller."""
ROWS_MAX: Final = 500
"""Rows of a page that a table asks for, unless the list says otherwise."""
_ROWS_AT_ONCE: Final = 50
"""Rows that are written without a break in which others are served: a millisecond or two."""
_AGAIN_SECONDS: Final = 1.0
"""Before a page is asked for again that is not answered at present."""
_TRIES_MAX: Final = 30

_DECLARED: Final = "_list_of"
_PAGED_BY: Final = ("after", "limit")
VARIES: Final = (b"vary", b"Accept")
"""The header of each answer at the path of a list."""
SNAPSHOT: Final = "sagecert.table_snapshot"
"""Of a scope: in which snapshot the page of a table is read."""
Hold = Callable[[], AbstractAsyncContextManager[object]]
_Endpoint = TypeVar("_Endpoint", bound=Callable[..., Any])


class ListOf(NamedTuple):
    """What a route says of its list. `member`: of the answer, which holds the rows. `rows_max`: of a page.

    `pages`: whether the answer has a `next`, which is the `after` of the next page. `live`: the present is read from
    tables that change, so that the pages of one table need one snapshot. `suffix`: of the path of the table.
    """

    member: str
    table: Table
    rows_max: int
    pages: bool
    live: bool
    suffix: str


def list_of(
    member: str,
    row: type | Sequence[str],
    *,
    rest: str | None = None,
    rows_max: int = ROWS_MAX,
    pages: bool = True,
    live: bool = False,
    suffix: str = SUFFIX,
) -> Callable[[_Endpoint], _Endpoint]:
    """Declares that a route answers with a list; see `ListOf`, and `Table` for `row` and `rest`.

    Below the decorator of the router, like `requires`.
    """

    def declare(endpoint: _Endpoint) -> _Endpoint:
        setattr(endpoint, _DECLARED, ListOf(member, Table(row, rest), rows_max, pages, live, suffix))
        return endpoint

    return declare


def declared_list(endpoint: object) -> ListOf | None:
    """What the route says of its list; None: it answers with none."""
    declared = getattr(endpoint, _DECLARED, None)
    return declared if isinstance(declared, ListOf) else None


def install(app: FastAPI, hold: Hold | None = None) -> None:
    """Adds the table of each list to the application, after its routes, and to its document.

    `hold`: takes the snapshot in which the pages of a live list are read; the calls for them get it from `snapshot_of`.
    """
    places = Places(TABLES_MAX, TABLES_PER_CALLER_MAX)
    tables: dict[str, str] = {}
    for context in list(iter_route_contexts(app.routes)):
        route, declared = context.original_route, declared_list(context.endpoint)
        if declared is None or not isinstance(route, APIRoute) or route.methods != {"GET"}:
            continue
        table = _Written(app, route, declared, places, hold if declared.live else None)
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


def _describe(app: FastAPI, tables: Mapping[str, str]) -> None:
    """Makes the document say what a table takes and gives, as its list does. `tables`: path to the path of the list."""

    def described(document: dict[str, Any]) -> None:
        for path, of_list in tables.items():
            listing, table = document["paths"][of_list]["get"], document["paths"][path]["get"]
            listing["responses"]["200"]["content"][MEDIA_TYPE] = _CONTENT
            table["responses"]["200"] = {"description": "The whole list.", "content": {MEDIA_TYPE: _CONTENT}}
            table["parameters"] = [
                dict(parameter) for parameter in listing.get("parameters", ()) if parameter["name"] not in _PAGED_BY
            ]

    extend(app, described)


_CONTENT: Final[dict[str, Any]] = {"schema": {"type": "string"}}


class _Written:
    """The table of one list."""

    def __init__(self, app: ASGIApp, route: APIRoute, declared: ListOf, places: Places, hold: Hold | None) -> None:
        self._app = app
        self._hold = hold
        self._declared = declared
        self._places = places
        names = query_names(route)
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
        query = parse_qsl(request.scope["query_string"].decode("latin-1"), keep_blank_values=True)
        paged = next((name for name, _ in query if name in _PAGED_BY), None)
        if paged is not None:
            raise Malformed(f"A table is the whole list: leave {paged} out.", paged)
        give_back = self._places.take(caller_of(request).name)
        if give_back is None:
            raise TooManyReaders("Too many tables are being written, in all or for this caller: ask again later.")
        held = AsyncExitStack()

        async def release() -> None:
            await held.aclose()
            give_back()

        try:
            pages = _Pages(self._app, request.scope, path, query, self._declared)
            answer = await pages.first(request.receive)
            if answer[0] == 200 and self._hold is not None and not any(name in _MOMENT for name, _ in query):
                pages.read_in(await held.enter_async_context(self._hold()))
                answer = await pages.first(request.receive)
            status, headers, body = answer
            if status != 200:
                await release()
                return Response(body, status, headers, headers.get("content-type"))
        except BaseException:
            await release()
            raise
        moment = pages.pin() if self._pinned else {}
        parts = _parts(pages, self._declared.table, held)
        if self._hold is not None:
            parts = kept(parts)
        return TableResponse(parts, release, path.rpartition("/")[2], moment)


class _Pages:
    """Asks the list itself for its pages."""

    def __init__(
        self, app: ASGIApp, scope: AsgiScope, path: str, query: list[tuple[str, str]], declared: ListOf
    ) -> None:
        self._app = app
        self._scope = _bare(scope, path)
        self._query = query
        self._declared = declared
        self._page: dict[str, Any] = {}

    def read_in(self, snapshot: object) -> None:
        """The pages are read in this snapshot, which is held for them."""
        self._scope[SNAPSHOT] = snapshot

    async def first(self, receive: Receive) -> tuple[int, Headers, bytes]:
        """The answer to the first page."""
        answer = await self._ask([], receive)
        if answer[0] == 200:
            self._page = _decode(answer[2])
        return answer

    def pin(self) -> dict[str, str]:
        """Every page answers for the moment of the first, whatever is recorded meanwhile. Its headers say so."""
        at, position = self._page["at"], str(self._page["position"])
        if SNAPSHOT not in self._scope:
            kept_query = [(name, value) for name, value in self._query if name not in _MOMENT]
            self._query = [*kept_query, ("at", at), ("known_position", position)]
        return {"Answer-At": at, "Answer-Position": position}

    async def rows(self) -> AsyncGenerator[list[Any]]:
        """The rows, page by page. Asks for the next page while one is written. Raises `TableEndsEarly`."""
        while True:
            following = self._page.get("next") if self._declared.pages else None
            if following is None:
                yield self._page[self._declared.member]
                return
            coming = asyncio.ensure_future(self._following(str(following)))
            try:
                yield self._page[self._declared.member]
                self._page = await coming
            finally:
                coming.cancel()
                await asyncio.gather(coming, return_exceptions=True)

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


_MOMENT: Final = ("at", "known_at", "known_position")
_decode: Final = msgspec.json.Decoder(dict[str, Any]).decode


class _Answer:
    """The answer of an application, collected."""

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
    """Never reports a disconnect: the outer response watches the caller."""
    never: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
    return await never


async def _parts(pages: _Pages, table: Table, held: AsyncExitStack) -> AsyncGenerator[bytes]:
    async with held:
        yield table.head()
        async with aclosing(pages.rows()) as read:
            async for rows in read:
                for first in range(0, len(rows), _ROWS_AT_ONCE):
                    some = rows[first : first + _ROWS_AT_ONCE]
                    yield await at_a_rest(partial(table.lines, some))


def snapshot_of(request: Request) -> object | None:
    """The snapshot in which the page of a table is read; None: no table asks."""
    snapshot: object | None = request.scope.get(SNAPSHOT)
    return snapshot


def prefers_table(scope: AsgiScope) -> bool:
    """Whether the caller would rather have CSV than JSON."""
    return scope["method"] == "GET" and prefers(Headers(scope=scope), MEDIA_TYPE, JSON)


class _ByAccept:
    """Answers with the table where the caller would rather have CSV than JSON."""

    def __init__(self, app: ASGIApp, respond: Callable[[Request, str], Any]) -> None:
        self._app = app
        self._respond = respond

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        async def varying(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], VARIES]
            await send(message)

        if prefers_table(scope):
            request = Request(scope, receive, send)
            response = await self._respond(request, scope["path"])
            await response(scope, receive, send)
        else:
            await self._app(scope, receive, varying)
