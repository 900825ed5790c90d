"""Today: what needs somebody now, and what changed."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Final, NamedTuple

from starlette.responses import Response

from services.console import dates
from services.console.fact_words import short_type
from services.console.page import Page, page
from services.console.questions import Panel

SHOWN_MAX: Final = 12
"""Rows of each part; its list has the others."""
CHANGES_MAX: Final = 200
"""Events that are counted; a page says when there are more."""
CHANGES_SHOWN: Final = 8

NEWS: Final = (
    "selling-suspended",
    "selling-reinstated",
    "minimum-reached",
    "authorisation-ended",
    "replacement-window-opened",
    "replacement-window-closed",
    "replacement-window-expired",
    "certification-lapsed",
    "retracted",
)
"""The events that somebody wants to hear of; the others repeat a standing or remind."""


class Changes(NamedTuple):
    """The events recorded since a day. `counts`: by type. `more`: there are others. `events`: the newest."""

    title: str
    since: date
    panel: Panel
    counts: Sequence[tuple[str, int]]
    more: bool
    events: Sequence[Mapping[str, Any]]


async def today(shown: Page) -> Response:
    """What needs somebody now. Facts without effect are judged on a page of their own, which this one takes in."""
    ask = shown.ask
    panels = await ask.together(
        windows=ask.panel("/compliance/v1/windows", status="open", limit=SHOWN_MAX),
        suspended=ask.panel("/compliance/v1/partners", status="suspended", limit=SHOWN_MAX),
        maintenance=ask.panel("/compliance/v1/maintenance", limit=SHOWN_MAX),
        held=ask.panel("/certification/v1/held-facts", limit=SHOWN_MAX),
        endpoints=ask.panel("/compliance/v1/webhook-endpoints"),
    )
    now = _now(panels)
    changes = [] if now is None else await _changes(shown, now)
    return shown.render("today.html", now=now, failing=_failing(panels["endpoints"]), changes=changes, **panels)


async def _changes(shown: Page, now: str) -> list[Changes]:
    """What changed since yesterday, and since last Monday, unless that is yesterday too."""
    yesterday, monday = dates.day_of(now) - timedelta(days=1), dates.last_monday(now)
    days = {f"Since yesterday, {dates.london_day(yesterday)}": yesterday}
    if monday != yesterday:
        days[f"Since Monday, {dates.london_day(monday)}"] = monday
    asked = {title: _since(shown, day) for title, day in days.items()}
    found = await shown.ask.together(**asked)
    return [_counted(title, day, found[title]) for title, day in days.items()]


async def _since(shown: Page, day: date) -> Panel:
    return await shown.ask.panel(
        "/compliance/v1/recorded-events", recorded_from=day.isoformat(), type=NEWS, limit=CHANGES_MAX
    )


def _counted(title: str, since: date, panel: Panel) -> Changes:
    events = panel.data["events"] if panel.data else []
    counts = Counter(short_type(event["type"]) for event in events).most_common()
    return Changes(title, since, panel, counts, bool(panel.data and panel.data["next"]), events[:CHANGES_SHOWN])


def _now(panels: Mapping[str, Panel]) -> str | None:
    """The moment that the answers are true at."""
    return next((panel.data["at"] for panel in panels.values() if panel.data and "at" in panel.data), None)


def _failing(endpoints: Panel) -> list[dict[str, Any]]:
    return [endpoint for endpoint in endpoints.data["endpoints"] if _is_failing(endpoint)] if endpoints.data else []


def _is_failing(endpoint: Mapping[str, Any]) -> bool:
    health = endpoint["health"]
    return bool(health["failing_since"] or health["disabled_because"] or health["parked"])


ROUTES: Final = (page("/", today),)
