"""The routes that record facts: their parameters, determined once, and the calls that fit them."""

import json
from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import cache, partial
from typing import Any, Final, NamedTuple

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.routing import RouteContext, iter_route_contexts

from services.certification.api.command_request import Recorded, call
from services.web.field_errors import Fields, fields_of
from services.web.input_parsing import distinct_members


class FactRoute(NamedTuple):
    """A route that records facts. `parts`: those of its path; None: a parameter. `fixed`: the others after the noun.

    `path`: the fields of these parameters; `headers`: those of the key and the correlation id; `body`: the body's.
    `fields`: their schemas, made at the first call.
    """

    endpoint: Callable[..., Coroutine[Any, Any, Recorded]]
    parts: Sequence[str | None]
    fixed: Sequence[tuple[int, str]]
    path: Sequence[Any]
    headers: Sequence[Any]
    body: Any
    fields: Callable[[], Fields]

    def arguments(self, path: Sequence[str], headers: Mapping[str, str], body: object) -> "FactCall":
        """The arguments of a call. `path`: its parts; `body`: what its JSON says, or `MISSING`.

        Raises `RequestValidationError` with everything that does not fit.
        """
        errors: list[Any] = []
        key, correlation_id = (
            _valid(field, "header", headers.get(field.alias, MISSING), errors) for field in self.headers
        )
        in_path = [part for fixed, part in zip(self.parts, path, strict=True) if fixed is None]
        arguments = {
            field.name: _valid(field, "path", part, errors) for field, part in zip(self.path, in_path, strict=True)
        }
        arguments[self.body.name] = _valid(self.body, "body", body, errors)
        if errors:
            raise RequestValidationError(errors)
        return FactCall(arguments, key, correlation_id or "")


class FactCall(NamedTuple):
    """The arguments of the endpoint, the idempotency key and the correlation id; empty: none is given."""

    arguments: dict[str, Any]
    idempotency_key: str
    correlation_id: str


_NOUN: Final = 3
"""The place of the part of a path that says what is recorded: `/certification/v1/…`."""
MISSING: Final = object()
"""Stands for a header or a body that is not given."""


class FactRoutes:
    """The routes of an application that record facts, by path."""

    def __init__(self, app: FastAPI) -> None:
        self._routes: dict[tuple[int, str], list[FactRoute]] = {}
        for context in iter_route_contexts(app.routes):
            if "POST" in (context.methods or ()) and (route := _route(context)) is not None:
                noun = route.parts[_NOUN]
                assert noun is not None, "a path begins with a literal part"
                self._routes.setdefault((len(route.parts), noun), []).append(route)

    def find(self, path: Sequence[str]) -> FactRoute | None:
        """The route of the path, given by its parts; None: it records no fact."""
        for route in self._routes.get((len(path), path[_NOUN]), ()) if len(path) > _NOUN else ():
            for place, part in route.fixed:
                if path[place] != part:
                    break
            else:
                return route
        return None


def decode_body(content: bytes) -> Any:
    """What the JSON says, or `MISSING`. Raises `ValueError`, `RecursionError`, `RequestValidationError`."""
    return _JSON.decode(content.decode()) if content else MISSING


def _route(context: RouteContext) -> FactRoute | None:
    """The route; None: it records no fact."""
    dependant = context.dependant
    about_call = next((dependency for dependency in dependant.dependencies if dependency.call is call), None)
    if about_call is None or context.endpoint is None or context.body_field is None:
        return None
    parts = (context.path or "").split("/")
    in_path = {field.alias: field for field in dependant.path_params}
    assert not dependant.query_params, "nothing of a fact is in the query"
    path = [in_path[part[1:-1]] for part in parts if part.startswith("{")]
    others = {"path": path, "header": about_call.header_params}
    return FactRoute(
        context.endpoint,
        [None if part.startswith("{") else part for part in parts],
        [(place, part) for place, part in enumerate(parts) if place != _NOUN and not part.startswith("{")],
        path,
        about_call.header_params,
        context.body_field,
        cache(partial(fields_of, context.body_field.field_info, others)),
    )


def _valid(field: Any, where: str, value: object, errors: list[Any]) -> Any:
    """The value as the framework's field reads it; what does not fit is added to the errors."""
    loc = (where,) if where == "body" else (where, field.alias)
    if value is MISSING:
        if field.field_info.is_required():
            errors.append({"type": "missing", "loc": loc, "msg": "Field required", "input": None})
        return field.default
    valid, found = field.validate(value, {}, loc=loc)
    errors += found
    return valid


_JSON: Final = json.JSONDecoder(object_pairs_hook=distinct_members)
