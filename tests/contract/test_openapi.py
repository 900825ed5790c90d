"""The OpenAPI documents: what holds of each operation, and that the guard knows the same."""

import re
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any, Final

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from pydantic import SecretStr

from services.audit.app import create_app as create_audit
from services.audit.settings import AuditSettings
from services.certification.app import create_app as create_certification
from services.certification.settings import CertificationSettings
from services.compliance.app import create_app as create_compliance
from services.compliance.settings import ComplianceSettings
from services.host import sandbox
from services.host.api_keys.key_ring import NO_KEYS
from services.host.documented_operations import Paths
from services.host.gateway import Gateway
from services.host.wall_clock import wall_clock
from services.web.openapi import extend, operations
from services.web.scopes import Scope, is_open, required_scope

SOLD: Final = ("S200P", "S200X")
UNUSED: Final = SecretStr("postgresql://unused")


def apps() -> dict[str, FastAPI]:
    return {
        "certification": create_certification(CertificationSettings(database_url=UNUSED, products=SOLD)),
        "compliance": create_compliance(ComplianceSettings(database_url=UNUSED, products=SOLD), wall_clock),
        "audit": create_audit(AuditSettings(database_url=UNUSED)),
        "sandbox": sandbox.create_app("postgresql://unused"),
    }


def test_every_route_declares_the_scope_that_it_asks_of_a_key_or_that_it_is_open() -> None:
    for app in apps().values():
        for route in iter_route_contexts(app.routes):
            if route.path != app.openapi_url:
                declared = is_open(route.endpoint) or required_scope(route.endpoint) is not None
                assert declared, f"{route.path} declares no scope: see services/web/scopes.py"


def test_only_routes_about_health_are_open() -> None:
    for app in apps().values():
        for route in iter_route_contexts(app.routes):
            health = str(route.path).endswith(("/healthz", "/readyz"))
            assert is_open(route.endpoint) is health, route.path


ASKED_BY_POST: Final = {"/compliance/v1/previews", "/audit/v1/what-ifs", "/audit/v1/what-ifs/{what_if_id}"}
"""What-ifs are questions that take a while: they change nothing, and no database role behind them could."""


def test_whatever_changes_something_asks_for_more_than_reading() -> None:
    for app in apps().values():
        for route in iter_route_contexts(app.routes):
            if not set(route.methods or ()) <= {"GET", "HEAD"} and route.path not in ASKED_BY_POST:
                assert required_scope(route.endpoint) in (Scope.FACTS, Scope.ADMIN), route.path


def test_each_document_lists_the_scopes_that_the_guard_asks_for() -> None:
    served = apps()
    Gateway(served, keys=NO_KEYS, sandbox=True)
    for app in served.values():
        document = app.openapi()
        assert document["components"]["securitySchemes"]["key"]["scheme"] == "bearer"
        paths = Paths([app])
        for template, methods in document["paths"].items():
            resource = paths.find(re.sub(r"\{\w+\}", "x", template))
            assert resource is not None, template
            for method, operation in methods.items():
                scope = resource.operations[method.upper()].scope
                by_address: list[dict[str, list[Scope]]] = [{"address": []}] if scope is Scope.CALENDARS else []
                expected = [] if scope is None else [{"key": [scope]}, *by_address]
                assert operation["security"] == expected, template
                assert ({"401", "403"} <= operation["responses"].keys()) is (scope is not None), template


def test_nobody_sees_a_document_before_it_is_complete() -> None:
    """Several threads ask for it at once."""
    app, begun, seen = FastAPI(), Event(), Event()

    def add(document: dict[str, Any]) -> None:
        begun.set()
        seen.wait(0.2)
        document["security"] = []

    def ask() -> bool:
        complete = "security" in app.openapi()
        seen.set()
        return complete

    extend(app, add)
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(ask)
        assert begun.wait(60)
        assert threads.submit(ask).result()
        assert first.result()


def test_products_are_those_that_are_sold() -> None:
    for name in ("certification", "compliance"):
        text = str(apps()[name].openapi())
        assert "'format': 'product'" not in text
        assert text.count(f"'enum': {list(SOLD)}") > 3, name


def test_whatever_takes_a_body_is_refused_another_one_and_all_are_refused_odd_parameters() -> None:
    for app in apps().values():
        for operation in operations(app.openapi()):
            statuses = {int(status) for status in operation["responses"]}
            assert 422 in statuses
            assert ({408, 413, 415} <= statuses) is ("requestBody" in operation), operation["operationId"]


def test_problems_are_described_alike() -> None:
    for app in apps().values():
        for operation in operations(app.openapi()):
            for status, answer in operation["responses"].items():
                if status >= "400":
                    content = answer["content"]["application/problem+json"]
                    assert content == {"schema": {"$ref": "#/components/schemas/Problem"}}


def test_the_guard_knows_what_the_documents_say() -> None:
    for app in apps().values():
        paths = Paths([app])
        for template, methods in app.openapi()["paths"].items():
            resource = paths.find(re.sub(r"\{\w+\}", "x", template))
            assert resource is not None, template
            known = {method.lower() for method in resource.operations} - {"head"}
            assert known == set(methods), template
            for method, described in methods.items():
                operation = resource.operations[method.upper()]
                assert operation.query == query_of(described), (method, template)
                assert set(operation.media_types) == set(described.get("requestBody", {}).get("content", ()))


def query_of(operation: dict[str, Any]) -> dict[str, bool]:
    """The names of the query parameters, and whether each is a list."""
    parameters = operation.get("parameters", ())
    return {one["name"]: one["schema"].get("type") == "array" for one in parameters if one["in"] == "query"}
