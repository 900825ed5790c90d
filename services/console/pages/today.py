"""Today: what needs somebody now, and what changed."""

from typing import Any, Final

from starlette.responses import Response

from services.console.page import Page, page
from services.console.questions import Panel

SHOWN_MAX: Final = 12
"""Rows of each part; its list has the others."""


async def today(shown: Page) -> Response:
    """What needs somebody now."""
    ask, moment = shown.ask, shown.view.params
    panels = await ask.together(
        windows=ask.panel("/compliance/v1/windows", status="open", limit=SHOWN_MAX, **moment),
        suspended=ask.panel("/compliance/v1/partners", status="suspended", limit=SHOWN_MAX, **moment),
        without_effect=ask.panel("/compliance/v1/facts-without-effect", limit=SHOWN_MAX, **moment),
        held=ask.panel("/certification/v1/held-facts", limit=SHOWN_MAX),
        endpoints=ask.panel("/compliance/v1/webhook-endpoints"),
    )
    return shown.render(
        "today.html",
        now=_now(panels),
        failing=_failing(panels["endpoints"]),
        **panels,
    )


def _now(panels: dict[str, Panel]) -> str | None:
    """The moment that the answers are true at."""
    return next((panel.data["at"] for panel in panels.values() if panel.data and "at" in panel.data), None)


def _failing(endpoints: Panel) -> list[dict[str, Any]]:
    return [endpoint for endpoint in (endpoints.data or {}).get("endpoints", ()) if _is_failing(endpoint)]


def _is_failing(endpoint: dict[str, Any]) -> bool:
    health = endpoint["health"]
    return bool(health["failing_since"] or health["disabled_because"] or health["parked"])


ROUTES: Final = (page("/", today),)
