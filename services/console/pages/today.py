"""Today: what needs action now, and what changed."""

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
CHANGES_SHOWN: Final = 6

_NOTHING: Final[Mapping[str, Sequence[Any]]] = dict.fromkeys(
    ("windows", "suspensions", "maintenance_due", "maintenance_overdue"), ()
)

COUNTS: Final = "/compliance/v1/recorded-events/counts"
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
    """The events recorded from a day on. `counts`: by type, as the page writes them. `events`: the newest."""

    title: str
    since: date
    counts: Sequence[tuple[str, str]]
    events: Sequence[Mapping[str, Any]]


async def today(shown: Page) -> Response:
    """What needs action now. Facts without effect are judged on a page of their own, which this page includes."""
    ask = shown.ask
    questions = {
        "totals": ask.panel("/compliance/v1/totals", first=SHOWN_MAX),
        "held": ask.panel("/certification/v1/held-facts", limit=SHOWN_MAX),
    }
    if shown.session.may("admin"):
        questions["endpoints"] = ask.panel("/compliance/v1/webhook-endpoints")
    panels = {"endpoints": Panel(None, None), **await ask.together(**questions)}
    now = panels["totals"].data["at"] if panels["totals"].data else None
    changed, changes = (Panel(None, None), []) if now is None else await _changes(shown, now)
    names = await names_in(ask, changed.data["newest"] if changed.data else ())
    failing = _failing(panels["endpoints"])
    return shown.render(
        "today.html",
        now=now,
        failing=failing,
        news=NEWS,
        changed=changed,
        changes=changes,
        names=names,
        first=_first(panels["totals"]),
        numbers=_numbers(panels, len(failing)),
        shown_max=SHOWN_MAX,
        windows_by=None if now is None else dates.day_of(now) + WINDOWS_AHEAD,
        **panels,
    )


def _first(totals: Panel) -> dict[str, Sequence[Mapping[str, Any]]]:
    """The first rows of each part. Maintenance that is overdue, for which it is too late, comes after what is due."""
    first = totals.data["first"] if totals.data else _NOTHING
    maintenance = [*first["maintenance_due"], *first["maintenance_overdue"]]
    return {"windows": first["windows"], "suspensions": first["suspensions"], "maintenance": maintenance[:SHOWN_MAX]}


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


async def _changes(shown: Page, now: str) -> tuple[Panel, list[Changes]]:
    """What changed since yesterday, and since last Monday, unless that is yesterday too, of one answer."""
    yesterday, monday = dates.day_of(now) - timedelta(days=1), dates.last_monday(now)
    days = {f"Since yesterday, {dates.london_day(yesterday)}": yesterday}
    if monday != yesterday:
        days[f"Since Monday, {dates.london_day(monday)}"] = monday
    since = [day.isoformat() for day in days.values()]
    changed = await shown.ask.panel(COUNTS, recorded_from=since, type=NEWS, newest=CHANGES_SHOWN)
    counts = changed.data["counts"] if changed.data else [{"types": ()}] * len(days)
    newest = changed.data["newest"] if changed.data else ()
    return changed, [
        Changes(
            title,
            day,
            [(short_type(count["type"]), _written(count)) for count in counted["types"]],
            [event for event in newest if dates.day_of(event["recordedtime"]) >= day],
        )
        for (title, day), counted in zip(days.items(), counts, strict=True)
    ]


def _failing(endpoints: Panel) -> list[dict[str, Any]]:
    return [endpoint for endpoint in endpoints.data["endpoints"] if _is_failing(endpoint)] if endpoints.data else []


def _is_failing(endpoint: Mapping[str, Any]) -> bool:
    health = endpoint["health"]
    return bool(health["failing_since"] or health["disabled_because"] or health["parked"])


ROUTES: Final = (page("/", today),)
