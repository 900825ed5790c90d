"""Every call, with everything wrong at once: each fault is named, with what was expected and an example."""

import re
from collections.abc import Iterator
from typing import Any, Final

import httpx
import pytest

from tests.contract.test_openapi import apps
from tests.systems import System

WRONG: Final = [[1]]
"""Of a member of a body: no field takes it."""
FREE_TEXTS: Final = ("q", "mechanism")
"""Parameters that take any text."""
LOOKED_UP: Final = ("product", "type")
"""Words that are looked up once everything has its form: what is sold, and the types of events."""
OF_THE_SERVER: Final = ("after",)
"""Parameters that only an answer can give: no example of one would be acceptable."""


def calls() -> Iterator[tuple[str, str, dict[str, Any], dict[str, Any]]]:
    """Method, path, document of the operation, and the members of its body."""
    for app in apps().values():
        document = app.openapi()
        for path, methods in document["paths"].items():
            for method, operation in methods.items():
                if path.startswith(("/certification/v1", "/compliance/v1")):
                    yield method, path, operation, _members(document, operation)


def _members(document: dict[str, Any], operation: dict[str, Any]) -> dict[str, Any]:
    schema = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    members: dict[str, Any] = schema.get("properties", {})
    return members


def named(response: httpx.Response) -> dict[str, dict[str, Any]]:
    """The errors of a refusal, by the first part of the name."""
    if response.status_code != 422:
        return {}
    return {error["parameter"].partition(".")[0]: error for error in response.json().get("errors", ())}


@pytest.mark.parametrize("place", ["body", "query", "path"])
def test_each_fault_is_named_with_what_was_expected_and_an_example(place: str, system: System) -> None:
    tried, faults = 0, []
    for method, path, operation, members in calls():
        parameters = [item["name"] for item in operation.get("parameters", ()) if item["in"] == place]
        asked = [name for name in parameters if name not in FREE_TEXTS]
        wanted = list(members) if place == "body" else asked
        if len(wanted) < (1 if place == "path" else 2) or not _takes_json(operation):
            continue
        response = system.http.request(
            method,
            re.sub(r"\{[^}]*\}", "a b" if place == "path" else "1", path),
            params=dict.fromkeys(asked, "%00 ?") if place == "query" else {},
            json=dict.fromkeys(members, WRONG) if members else None,
            headers={"Idempotency-Key": "k"},
        )
        found = named(response)
        for name in set(wanted) - set(LOOKED_UP):
            if name not in found or not found[name]["expected"]:
                faults.append(f"{method} {path}: {name} is not named")
            elif name not in OF_THE_SERVER and "example" not in found[name]:
                faults.append(f"{method} {path}: {name} has no example")
        tried += 1
    assert not faults, "\n".join(faults)
    assert tried > 20


def _takes_json(operation: dict[str, Any]) -> bool:
    return "application/json" in operation.get("requestBody", {}).get("content", {"application/json": {}})
