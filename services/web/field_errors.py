"""Every part of a request that is not acceptable, with what was expected there and an example."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import islice
from typing import Any, Final, NamedTuple

import msgspec
from pydantic import BaseModel, TypeAdapter
from pydantic.fields import FieldInfo

from services.web.refusal import FieldError

ERRORS_MAX: Final = 100
"""Parts at fault that one answer names: of a long list each member can be one."""


class Fields(NamedTuple):
    """The schemas of what a call takes. `body`: of the whole; the others by place and name."""

    body: Mapping[str, Any]
    others: Mapping[tuple[str, str], Mapping[str, Any]]


def fields_of(body: FieldInfo | None, others: Mapping[str, Iterable[Any]]) -> Fields:
    """The schemas of a route. `others`: the framework's fields of headers, paths and queries, by place."""
    return Fields(
        {} if body is None else _schema(body),
        {(place, field.alias): _schema(field.field_info) for place, fields in others.items() for field in fields},
    )


_fields_of_routes: Final[dict[int, tuple[object, Fields]]] = {}
"""By the identity of the route, which is kept so that no other gets it."""


def fields_of_route(route: Any) -> Fields:
    """The schemas of a route of the framework, made at its first refusal."""
    dependant = getattr(route, "dependant", None)
    if dependant is None:
        return Fields({}, {})
    if id(route) not in _fields_of_routes:
        others = {place: list(_parameters(dependant, place)) for place in ("path", "query", "header")}
        body = route.body_field and route.body_field.field_info
        _fields_of_routes[id(route)] = route, fields_of(body, others)
    return _fields_of_routes[id(route)][1]


@cache
def fields_of_query(model: type[BaseModel]) -> Fields:
    """The schemas of a query that this model reads."""
    properties = _whole(TypeAdapter[Any](model))["properties"]
    return Fields({}, {("query", name): schema for name, schema in properties.items()})


def _parameters(dependant: Any, place: str) -> Iterator[Any]:
    """The framework's fields of this place, those of dependencies included."""
    yield from getattr(dependant, f"{place}_params")
    for dependency in dependant.dependencies:
        yield from _parameters(dependency, place)


def field_errors(errors: Iterable[Mapping[str, Any]], fields: Fields) -> Iterator[FieldError]:
    """What is wrong with each of the first hundred parts. The values that were sent are never repeated.

    `errors`: as pydantic lists them.
    """
    for error in islice(errors, ERRORS_MAX):
        place, *names = error["loc"]
        name = ".".join(str(part) for part in names)[:200]
        schema = _at(fields.body, names) if place == "body" else _at(_other(fields, place, names), names[1:])
        yield FieldError(place, name, _expected(error, schema, fields), _example(schema))


def _schema(field: FieldInfo) -> dict[str, Any]:
    """The schema with every reference resolved; of a field that may be null, the schema of its value."""
    assert field.annotation is not None, "a field of the framework has a type"
    schema = _whole(TypeAdapter[Any](field.annotation))
    for constraint in field.metadata:
        schema.update(getattr(constraint, "json_schema", None) or {})
    return schema | ({"examples": field.examples} if field.examples else {})


def _whole(adapter: TypeAdapter[Any]) -> dict[str, Any]:
    whole = adapter.json_schema()
    schema: dict[str, Any] = _resolved(whole, whole.pop("$defs", {}))
    return schema


def _resolved(part: Any, definitions: Mapping[str, Any]) -> Any:
    if isinstance(part, dict):
        if "$ref" in part:
            return _resolved(definitions[part["$ref"].rpartition("/")[2]], definitions)
        of_value = [branch for branch in part.get("anyOf", ()) if branch.get("type") != "null"]
        if of_value and "properties" not in part:
            return _resolved({**part, **of_value[0], "anyOf": ()}, definitions)
        return {name: _resolved(item, definitions) for name, item in part.items()}
    return [_resolved(item, definitions) for item in part] if isinstance(part, list) else part


def _other(fields: Fields, place: str, names: Sequence[str | int]) -> Mapping[str, Any]:
    return fields.others.get((place, str(names[0])), {}) if names else {}


def _at(schema: Mapping[str, Any], names: Sequence[str | int]) -> Mapping[str, Any]:
    for name in names:
        schema = schema.get("items", {}) if isinstance(name, int) else schema.get("properties", {}).get(name, {})
    return schema


def _expected(error: Mapping[str, Any], schema: Mapping[str, Any], fields: Fields) -> str:
    if error["type"] == "extra_forbidden":
        known = _at(fields.body, error["loc"][1:-1]).get("properties", {})
        return f"nothing: the fields are {', '.join(known)}" if known else "nothing"
    if error["type"] == "missing":
        return "it is needed"
    if error["type"].startswith("string_pattern") and "description" in schema:
        return str(schema["description"])
    return str(error["msg"]).removeprefix("Value error, ")


def _example(schema: Mapping[str, Any]) -> Any:
    """An acceptable value; UNSET where the schema gives none."""
    for name in ("examples", "enum"):
        if schema.get(name):
            return schema[name][0]
    if "const" in schema:
        return schema["const"]
    match schema.get("type"):
        case "integer" | "number":
            return schema.get("minimum", 1)
        case "boolean":
            return True
        case "array" if (item := _example(schema.get("items", {}))) is not msgspec.UNSET:
            return [item]
        case "object":
            return _example_of_members(schema.get("properties", {}), schema.get("required", ()))
    return msgspec.UNSET


def _example_of_members(properties: Mapping[str, Any], required: Sequence[str]) -> Any:
    """The members that are needed; where none is, the first."""
    names = required or list(properties)[:1]
    members = {name: _example(properties.get(name, {})) for name in names}
    return msgspec.UNSET if msgspec.UNSET in members.values() else members
