"""The paths of an origin and what each method of them takes: what the OpenAPI documents say, in a shape to look up.

It is read from the routes, which the documents are made of: making these takes longer than a start may take.
"""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from fastapi import FastAPI
from fastapi.routing import RouteContext, iter_route_contexts

from services.web.openapi import query_names
from services.web.scopes import Scope, is_open, required_scope

JSON: Final = "application/json"
_ACCEPT: Final = {"POST": "Accept-Post", "PATCH": "Accept-Patch"}


class Operation(NamedTuple):
    """One method of a path.

    `query`: the names of its query parameters, and whether each can be given several times. `media_types`: of its
    body; none where it takes no body. `accept`: the header that says so. `scope`: what it asks of a key; None: it needs
    no key. `reads_itself`: the application reads and limits the body. `kind`: the method, and the path with its
    parameters open.
    """

    query: Mapping[str, bool]
    media_types: tuple[str, ...]
    accept: str = "Accept"
    scope: Scope | None = None
    reads_itself: bool = False
    kind: str = ""


class Resource(NamedTuple):
    """The operations of one path. `allow`, `accept_post`, `accept_patch`: the headers of these names, or empty."""

    operations: Mapping[str, Operation]
    allow: bytes
    accept_post: bytes
    accept_patch: bytes


class _Node:
    __slots__ = ("literal", "parameter", "resource")

    def __init__(self) -> None:
        self.literal: dict[str, _Node] = {}
        self.parameter: _Node | None = None
        self.resource: Resource | None = None


class Paths:
    """The paths of these applications, and `pages`, which only answer GET, take no parameters and need no key.

    So does the document of an application. A route that declares no scope asks for `ADMIN`.

    A part of a path in braces stands for any text without a slash, at least one character; a literal part goes before.
    """

    def __init__(self, apps: Iterable[FastAPI], pages: Iterable[str] = ()) -> None:
        self._root = _Node()
        found: dict[str, dict[str, Operation]] = {page: {"GET": Operation({}, (), kind=page)} for page in pages}
        for app in apps:
            for route in iter_route_contexts(app.routes):
                methods = found.setdefault(route.path or "/", {})
                open_page = route.path == app.openapi_url
                methods |= {method: _operation(route, method, open_page) for method in route.methods or ()}
        for template, operations in found.items():
            self._add(template, operations)

    def find(self, path: str) -> Resource | None:
        """The resource at the decoded path, or None. Takes time in proportion to the length of the path."""
        node = self._root
        for part in path.split("/")[1:]:
            following = node.literal.get(part)
            if following is None:
                following = node.parameter
                if following is None or not part:
                    return None
            node = following
        return node.resource

    def _add(self, template: str, operations: dict[str, Operation]) -> None:
        node = self._root
        for part in template.split("/")[1:]:
            if part.startswith("{"):
                node.parameter = node.parameter or _Node()
                node = node.parameter
            else:
                node = node.literal.setdefault(part, _Node())
        if "GET" in operations:
            operations["HEAD"] = operations["GET"]
        allow = ", ".join(sorted(operations)).encode()
        node.resource = Resource(operations, allow, _taken(operations, "POST"), _taken(operations, "PATCH"))


def _operation(route: RouteContext, method: str, open_page: bool) -> Operation:
    extra = getattr(route, "openapi_extra", None) or {}
    own_types = tuple(extra.get("requestBody", {}).get("content", ()))
    media_types = own_types or ((JSON,) if getattr(route, "body_field", None) else ())
    endpoint = route.endpoint
    scope = None if open_page or is_open(endpoint) else required_scope(endpoint) or Scope.ADMIN
    kind = f"{method} {route.path}"
    return Operation(query_names(route), media_types, _ACCEPT.get(method, "Accept"), scope, bool(own_types), kind)


def _taken(operations: Mapping[str, Operation], method: str) -> bytes:
    return ", ".join(operations[method].media_types).encode() if method in operations else b""
