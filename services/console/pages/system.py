"""System: how far everything has come, who does it, which versions, and the clock of a sandbox."""

from collections.abc import Coroutine
from datetime import datetime, timedelta
from typing import Any, Final

from starlette.responses import Response
from starlette.routing import Route

from services.console.as_of_view import instant_of
from services.console.page import Page, form, page
from services.console.service_questions import Panel, Refused

CLOCK: Final = "/sandbox/v1/clock"
STEPS: Final = {
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(weeks=1),
    "month": timedelta(30),
}
"""The steps by which buttons move the clock."""

_NOT_A_STEP: Final = {
    "title": "Not a step",
    "detail": "The clock is moved by an hour, a day, a week, 30 days, or to an instant.",
}


async def system(shown: Page) -> Response:
    """Lag, processes, versions, and the clock of a sandbox."""
    ask = shown.ask
    services = {
        "certification": ask.panel("/certification/readyz"),
        "compliance": ask.panel("/compliance/readyz"),
        "audit": ask.panel("/audit/readyz"),
    }
    return _shown(shown, None, await ask.together(**services, **_processes_and_clock(shown)))


def _shown(shown: Page, refused: Refused | None, found: dict[str, Panel]) -> Response:
    """The page of the answers that are there. A clock that is not moved is shown without the progress of services."""
    panels: dict[str, Any] = {**dict.fromkeys(("certification", "compliance", "audit", "clock")), **found}
    return shown.render("system.html", status=200 if refused is None else refused.status, refused=refused, **panels)


def _processes_and_clock(shown: Page) -> dict[str, Coroutine[Any, Any, Panel]]:
    questions = {"processes": shown.ask.panel("/compliance/v1/processes")}
    if shown.ask.sandbox:
        questions["clock"] = shown.ask.panel(CLOCK)
    return questions


async def move_clock(shown: Page) -> Response:
    """Moves the clock of a sandbox forward: by a step, or to an instant; it goes on from there, or stands still."""
    try:
        moved = await shown.ask.put(CLOCK, await _goal(shown))
    except Refused as refused:
        return _shown(shown, refused, await shown.ask.together(**_processes_and_clock(shown)))
    return shown.redirect("/system", flash=f"The clock was moved, and everything is up to date. {_says(moved)}")


async def _goal(shown: Page) -> dict[str, Any]:
    """The clock to set. Raises `Refused` if the form names none."""
    step = STEPS.get(shown.form.get("step", ""))
    if step is not None:
        clock = await shown.ask.get(CLOCK)
        goal = (datetime.fromisoformat(clock["now"]) + step).isoformat().replace("+00:00", "Z")
        return {"now": goal, "running": clock["running"]}
    instant = instant_of(shown.form.get("now"))
    if instant is None:
        raise Refused(422, _NOT_A_STEP)
    return {"now": instant, "running": shown.form.get("running") == "yes"}


def _says(clock: dict[str, object]) -> str:
    return "It runs on." if clock["running"] else "It stands still."


ROUTES: Final[tuple[Route, ...]] = (page("/system", system), form("/system/clock", move_clock))
