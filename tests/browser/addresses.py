"""An address of every page, on the story of the demo."""

from collections.abc import Iterator
from typing import Any, Final

from starlette.routing import Route

from services.console.app import PAGES
from tests.systems import System

ADDRESSES: Final = (
    "/",
    "/partners",
    "/partners/cedar",
    "/partners/cedar?at=2026-11-20T12:00:00Z&known_at=2026-11-20T12:00:00Z",
    "/partners/cedar/events",
    "/partners/cedar/timeline",
    "/partners/cedar/proof/S200P",
    "/people",
    "/people/jude",
    "/portal-changes",
    "/portal-changes/portal-2",
    "/portal-changes/portal-2/notified",
    "/policy",
    "/record",
    "/record/departure",
    "/record/policy-revision",
    "/record/facts/{fact}",
    "/webhooks",
    "/webhooks/new",
    "/webhooks/{endpoint}",
    "/log",
    "/log?q=ben",
    "/log/{fact}",
    "/log/events/{event}",
    "/facts-without-effect",
    "/audit-trail?partner_id=cedar",
    "/audit-trail/what-ifs/{what_if}",
    "/system",
)
"""What is in braces is filled in by `ids`."""


PARTS: Final = ("/record/suggestions/{whom}",)
"""Paths of what only ever stands within a page."""


def page_routes() -> Iterator[Route]:
    """The routes of pages."""
    for module in PAGES:
        for route in module.ROUTES:
            if isinstance(route, Route) and "GET" in (route.methods or ()) and route.path not in PARTS:
                yield route


def served() -> list[str]:
    """The addresses that lead to a page."""
    routes = list(page_routes())
    return [address for address in ADDRESSES if any(route.path_regex.match(_path(address)) for route in routes)]


def _path(address: str) -> str:
    return address.partition("?")[0]


def ids(system: System) -> dict[str, str]:
    """The ids that the story leaves to the system."""

    def ask(path: str, **query: Any) -> Any:
        answer = system.http.get(path, params=query)
        answer.raise_for_status()
        return answer.json()

    (fact,) = ask("/certification/v1/recorded-facts", type="consultant-left", partner_id="cedar")["facts"]
    event = ask(f"/compliance/v1/facts/{fact['fact_id']}/events")["events"][0]
    endpoint = ask("/compliance/v1/webhook-endpoints")["endpoints"][0]
    what_if = system.http.post("/audit/v1/what-ifs", json={"window_days": 45}).json()
    found = {"fact": fact["fact_id"], "event": event["id"]}
    return {**found, "endpoint": endpoint["endpoint_id"], "what_if": what_if["what_if_id"]}
