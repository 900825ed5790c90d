"""The operations of the OpenAPI documents, and by which call of the client each is made."""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any, Final, NamedTuple

from tests.contract.test_openapi import apps

PAGED_BY: Final = ("after", "limit")
TABLE: Final = ".csv"
LAST: Final = "/differences"
"""Of the one list that is a part of an answer: its table has a path of its own."""


@cache
def documents() -> dict[str, dict[str, Any]]:
    """The document of each service. Its products are configured: to the client they are text."""
    return {name: app.openapi() for name, app in apps().items()}


class Call(NamedTuple):
    """An operation of a document. `service`: whose; `name`: of its function.

    `table`: what its table adds to the path; None: it has none. `is_table`: it is the table of what the function asks.
    """

    service: str
    group: str
    name: str
    method: str
    path: str
    operation: Mapping[str, Any]
    document: Mapping[str, Any]
    table: str | None
    is_table: bool


def calls() -> list[Call]:
    """Every operation of every document, in their order."""
    found = []
    for service, document in documents().items():
        tables = _tables(document["paths"])
        lists = {path + suffix for path, suffix in tables.items()}
        for path, methods in document["paths"].items():
            for method, operation in methods.items():
                slug = re.sub(r"\W", "_", path) + "_" + method
                name = operation["operationId"].removesuffix(slug).rstrip("_").removesuffix("_table")
                group = operation["tags"][0].lower().replace(" ", "_")
                name = _distinct(name, service, group, path)
                table = tables.get(path) if method == "get" else None
                call = Call(service, group, name, method.upper(), path, operation, document, table, path in lists)
                found.append(call)
    return found


def _tables(paths: Mapping[str, Any]) -> dict[str, str]:
    """What each list that has a table adds to its path for it. The table takes what the list takes, but for pages."""
    found = {}
    for path, methods in paths.items():
        if path.endswith(TABLE):
            listed = next(one for one in paths if path.startswith(one) and path[len(one) :] in (TABLE, LAST + TABLE))
            asked = [one for one in paths[listed]["get"].get("parameters", ()) if one["name"] not in PAGED_BY]
            assert asked == methods["get"].get("parameters", []), f"{path} takes something else than {listed}"
            found[listed] = path.removeprefix(listed)
    return found


SEALED_LOGS: Final = {"compliance": "compliance_", "claim-log": "claims_"}
"""What the calls of each log begin with, by a part of its paths."""


def _distinct(name: str, service: str, group: str, path: str) -> str:
    """The name, told apart from that of the same function at another path."""
    if group == "health":
        return f"{service}_{name}"
    if group == "sealed_logs":
        return next((log for part, log in SEALED_LOGS.items() if f"/{part}/" in path), "") + name
    return name
