"""Completes the OpenAPI document of an application: refusals, products, links, what an operation asks of a key."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from threading import Lock
from typing import Any, Final, NamedTuple, get_origin

import msgspec
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from services.web.problem_details import MEDIA_TYPE, Problem
from services.web.scopes import MEANING, Scope, is_open, required_scope
from services.web.sold_products import FORMAT

_LISTS: Final = (tuple, list, set, frozenset)
_METHODS: Final = ("get", "put", "post", "delete", "patch")
_TEMPLATE: Final = "#/components/schemas/{name}"
_OF_EVERY_CALL: Final = {422: "Malformed or not acceptable; `parameter` names what is meant, where one part is."}
_OF_BODIES: Final = {
    408: "The body did not arrive in time.",
    413: "The body is too large.",
    415: "The body is not `application/json` in UTF-8.",
}
_OF_KEYS: Final = {
    401: "The API key is missing or wrong.",
    403: "The API key does not allow this.",
    503: "The keys cannot be checked at present; the same call can be made again.",
}
_SCHEME: Final = {
    "key": {
        "type": "http",
        "scheme": "bearer",
        "description": "An API key. "
        + " ".join(f"`{scope}`: {meaning}." for scope, meaning in MEANING.items())
        + " A system on loopback that never had a key needs none.",
    },
    "address": {
        "type": "apiKey",
        "in": "query",
        "name": "key",
        "description": "A key of the scope `calendars` alone, for programs that send no header.",
    },
}
_FORGOTTEN: Final = ("HTTPValidationError", "ValidationError")
"""The framework's schemas of errors, which no answer uses."""


class Link(NamedTuple):
    """A link from the answer to a POST to another operation. `parameters`: name to the expression of its value."""

    path: str
    method: str
    parameters: Mapping[str, str]


def extend(app: FastAPI, add: Callable[[dict[str, Any]], None]) -> None:
    """Makes the application call `add` with its OpenAPI document when somebody first asks for the document."""
    plain = app.openapi
    completing = Lock()

    def openapi() -> dict[str, Any]:
        with completing:  # another thread never sees it half complete
            if app.openapi_schema is None:
                add(plain())
        return plain()

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way to extend the document


def complete(app: FastAPI, products: Sequence[str], links: Mapping[str, Sequence[Link]]) -> None:
    """Makes the application complete its document. `links`: by the path of the POST that they follow."""
    extend(app, lambda document: _complete(document, products, links))


def secure(app: FastAPI) -> None:
    """Declares in the document which scope each call asks of an API key."""

    def secured(document: dict[str, Any]) -> None:
        document["components"]["securitySchemes"] = _SCHEME
        for route in iter_route_contexts(app.routes):
            for method in route.methods or ():
                operation = document["paths"].get(route.path, {}).get(method.lower())
                if operation is not None:
                    _declare(operation, route.endpoint)

    extend(app, secured)


def _declare(operation: dict[str, Any], endpoint: object) -> None:
    if is_open(endpoint):
        operation["security"] = []
        return
    scope = required_scope(endpoint) or Scope.ADMIN
    operation["security"] = [{"key": [scope]}, *([{"address": []}] if scope is Scope.CALENDARS else [])]
    _refuse(operation, _OF_KEYS)


def query_names(route: Any) -> dict[str, bool]:
    """The names of the query parameters of a route, and whether each can be given several times."""
    described = (getattr(route, "openapi_extra", None) or {}).get("parameters", ())
    dependant = getattr(route, "dependant", None)
    fields = dependant.query_params if dependant else ()
    return {
        **{item["name"]: item["schema"].get("type") == "array" for item in described if item["in"] == "query"},
        **{field.alias: get_origin(field.field_info.annotation) in _LISTS for field in fields},
    }


def operations(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Every operation of the document."""
    for methods in document["paths"].values():
        yield from (methods[method] for method in _METHODS if method in methods)


def _complete(document: dict[str, Any], products: Sequence[str], links: Mapping[str, Sequence[Link]]) -> None:
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for name in _FORGOTTEN:
        schemas.pop(name, None)
    (problem,), described = msgspec.json.schema_components((Problem,), ref_template=_TEMPLATE)
    schemas.update(described)
    for operation in operations(document):
        _refuse(operation, _OF_EVERY_CALL)
        if "requestBody" in operation:
            _refuse(operation, _OF_BODIES)
        for status, answer in operation["responses"].items():
            if status >= "400":
                answer["content"] = {MEDIA_TYPE: {"schema": problem}}
        operation["responses"] = dict(sorted(operation["responses"].items()))
    _name_products(document, list(products))
    for path, followed in links.items():
        for answer in document["paths"][path]["post"]["responses"].values():
            if "application/json" in answer.get("content", {}):
                answer["links"] = {f"{link.method} {link.path}": _link(document, link) for link in followed}


def _refuse(operation: dict[str, Any], statuses: Mapping[int, str]) -> None:
    for status, description in statuses.items():
        found = operation["responses"].setdefault(str(status), {"description": description})
        found.setdefault("content", {MEDIA_TYPE: {"schema": {"$ref": _TEMPLATE.format(name="Problem")}}})


def _name_products(part: Any, products: list[str]) -> None:
    """Makes each schema of a product list those sold."""
    if isinstance(part, dict):
        if part.get("format") == FORMAT:
            del part["format"]
            part["enum"] = products
        for value in part.values():
            _name_products(value, products)
    elif isinstance(part, list):
        for value in part:
            _name_products(value, products)


def _link(document: Mapping[str, Any], link: Link) -> dict[str, Any]:
    operation_id = document["paths"][link.path][link.method]["operationId"]
    return {"operationId": operation_id, "parameters": dict(link.parameters)}
