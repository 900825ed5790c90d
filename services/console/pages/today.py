"""Today: what needs action now, and what changed."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Final, NamedTuple

from starlette.responses import Response

from services.console import dates
from services.console.fact_words import short_type
from services.console.names import names_in
from services.console.page import Page, page
from services.console.service_questions import Panel

SHOWN_MAX: Final = 8
"""Rows of each part; its list has the others."""
CHANGES_MAX: Final = 200
"""Events that are counted; a page says when there are more."""
CHANGES_SHOWN: Final = 6

WINDOWS_AHEAD: Final = timedelta(days=400)
"""Every open window ends by then."""

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


class Number(NamedTuple):
    """How many there are, as the page writes it. `note`: the line below the number."""

    title: str
    number: str
    note: str


class Changes(NamedTuple):
    """The events recorded from a day on. `counts`: by type. `more`: there are others. `events`: the newest."""

    title: str
    since: date
    panel: Panel
    counts: Sequence[tuple[str, int]]
    more: bool
    events: Sequence[Mapping[str, Any]]


async def today(shown: Page) -> Response:
    """What needs action now. Facts without effect are judged on a page of their own, which this page includes."""
    ask = shown.ask
    panels = await ask.together(
        windows=ask.panel("/compliance/v1/windows", status="open", limit=SHOWN_MAX),
        suspended=ask.panel("/compliance/v1/suspensions", limit=SHOWN_MAX),
        maintenance=ask.panel("/compliance/v1/maintenance", limit=SHOWN_MAX),
        held=ask.panel("/certification/v1/held-facts", limit=SHOWN_MAX),
        endpoints=ask.panel("/compliance/v1/webhook-endpoints"),
        totals=ask.panel("/compliance/v1/totals"),
    )
    now = _now(panels)
    changes = [] if now is None else await _changes(shown, now)
    panels["maintenance"] = await _soonest(shown, panels["maintenance"], now)
    names = await names_in(ask, [event for change in changes for event in change.events])
    failing = _failing(panels["endpoints"])
    return shown.render(
        "today.html",
        now=now,
        failing=failing,
        changes=changes,
        names=names,
        numbers=_numbers(panels, len(failing)),
        shown_max=SHOWN_MAX,
        windows_by=None if now is None else dates.day_of(now) + WINDOWS_AHEAD,
        **panels,
    )


async def _soonest(shown: Page, due: Panel, now: str | None) -> Panel:
    """Maintenance due soonest, then overdue maintenance, for which it is too late. The list has both by day."""
    if due.data is None or now is None:
        return due
    ahead = [row for row in due.data["maintenance"] if not row["overdue"]]
    if due.data["next"] and len(ahead) < SHOWN_MAX:
        today = dates.day_of(now).isoformat()
        soon = await shown.ask.panel("/compliance/v1/maintenance", due_from=today, limit=SHOWN_MAX)
        ahead = soon.data["maintenance"] if soon.data else ahead
    overdue = [row for row in due.data["maintenance"] if row["overdue"]]
    return Panel({**due.data, "maintenance": [*ahead, *overdue][:SHOWN_MAX]}, None)


def _numbers(panels: Mapping[str, Panel], failing: int) -> dict[str, Number]:
    """How many each part of the page has, by its name; a part without an answer is left out."""
    totals, held = panels["totals"].data, panels["held"].data
    numbers: dict[str, Number] = {}
    if totals is not None:
        closing, overdue = _written(totals["closing_windows"]), _written(totals["maintenance_overdue"])
        ends = "ends" if closing == "1" else "end"
        numbers["windows"] = Number("Open windows", _written(totals["open_windows"]), f"{closing} {ends} within 7 days")
        numbers["suspended"] = Number("Suspended", _written(totals["suspended"]), "may not sell to new customers")
        numbers["maintenance"] = Number("Maintenance owed", _written(totals["maintenance_owed"]), f"{overdue} overdue")
    if held is not None:
        number = dates.count(len(held["held_facts"])) + ("+" if held["next"] else "")
        numbers["held"] = Number("Held facts", number, "wait for another fact")
    if panels["endpoints"].data is not None:
        numbers["failing"] = Number("Failing endpoints", dates.count(failing), "do not get their messages")
    return numbers


def _written(total: Mapping[str, Any]) -> str:
    return dates.count(total["count"]) + ("+" if total["more"] else "")


async def _changes(shown: Page, now: str) -> list[Changes]:
    """What changed since yesterday, and since last Monday, unless that is yesterday too, of one answer."""
    yesterday, monday = dates.day_of(now) - timedelta(days=1), dates.last_monday(now)
    days = {f"Since yesterday, {dates.london_day(yesterday)}": yesterday}
    if monday != yesterday:
        days[f"Since Monday, {dates.london_day(monday)}"] = monday
    found = await _since(shown, min(days.values()))
    return [_counted(title, day, found) for title, day in days.items()]


async def _since(shown: Page, day: date) -> Panel:
    return await shown.ask.panel(
        "/compliance/v1/recorded-events", recorded_from=day.isoformat(), type=NEWS, limit=CHANGES_MAX
    )


def _counted(title: str, since: date, panel: Panel) -> Changes:
    recorded = panel.data["events"] if panel.data else []
    events = [event for event in recorded if dates.day_of(event["recordedtime"]) >= since]
    counts = Counter(short_type(event["type"]) for event in events).most_common()
    return Changes(
        title,
        since,
        panel,
        counts,
        bool(panel.data and panel.data["next"] and len(events) == len(recorded)),
        events[:CHANGES_SHOWN],
    )


def _now(panels: Mapping[str, Panel]) -> str | None:
    """The moment that the answers are true at."""
    return next((panel.data["at"] for panel in panels.values() if panel.data and "at" in panel.data), None)


def _failing(endpoints: Panel) -> list[dict[str, Any]]:
    return [endpoint for endpoint in endpoints.data["endpoints"] if _is_failing(endpoint)] if endpoints.data else []


def _is_failing(endpoint: Mapping[str, Any]) -> bool:
    health = endpoint["health"]
    return bool(health["failing_since"] or health["disabled_because"] or health["parked"])


ROUTES: Final = (page("/", today),)
