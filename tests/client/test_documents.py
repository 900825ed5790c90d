"""The client offers every operation of the OpenAPI documents, with their types."""

import inspect
import re
from importlib import import_module
from typing import Any

from sagecert_client import AsyncClient, Client
from tests.client.generator import differing
from tests.client.operations import calls


def test_the_calls_are_those_of_the_documents() -> None:
    assert list(differing()) == [], "run python -m tests.client.generator --write"


def test_every_operation_can_be_called() -> None:
    for call in calls():
        function = getattr(import_module(f"sagecert_client.calls.{call.group}"), call.name)
        parameters = inspect.signature(function).parameters.values()
        needed = [one.name for one in parameters if one.kind is one.KEYWORD_ONLY and one.default is one.empty]
        more: dict[str, Any] = {name: [{}] if name == "lines" else "x" for name in needed}
        request = function(*["x"] * call.path.count("{"), **more)
        request = request.table if call.is_table else request
        assert request.method == call.method
        assert request.path == re.sub(r"{\w+}", "x", call.path)
        assert request.repeatable or call.method in ("POST", "PATCH")


def test_both_clients_do_the_same() -> None:
    public = [
        {name: list(inspect.signature(one).parameters) for name, one in vars(kind).items() if not name.startswith("_")}
        for kind in (Client, AsyncClient)
    ]
    assert public[0].pop("close") == public[1].pop("aclose") == ["self"]
    assert public[0] == public[1]
