"""System: how far everything has come, who does it, which versions, and the clock of a sandbox."""

from datetime import datetime, timedelta
from typing import Final

from starlette.responses import Response
from starlette.routing import Route

from services.console.as_of_view import instant_of
from services.console.page import Page, form, page
from services.console.service_questions import Refused

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
    return await _system(shown, None)


async def _system(shown: Page, refused: Refused | None) -> Response:
    ask = shown.ask
    questions = {
        "certification": ask.panel("/certification/readyz"),
        "compliance": ask.panel("/compliance/readyz"),
        "audit": ask.panel("/audit/readyz"),
        "processes": ask.panel("/compliance/v1/processes"),
        "policy": ask.panel("/compliance/v1/policy"),
    }
    if ask.sandbox:
        questions["clock"] = ask.panel(CLOCK)
    answers = {"clock": None, **await ask.together(**questions)}
    status = 200 if refused is None else refused.status
    return shown.render("system.html", refused=refused, status=status, **answers)


async def move_clock(shown: Page) -> Response:
    """Moves the clock of a sandbox forward: by a step, or to an instant; it goes on from there, or stands still."""
    try:
        clock = await shown.ask.get(CLOCK)
        running = clock["running"] if "step" in shown.form else shown.form.get("running") == "yes"
        moved = await shown.ask.put(CLOCK, {"now": _goal(shown, clock["now"]), "running": running})
    except Refused as refused:
        return await _system(shown, refused)
    return shown.redirect("/system", flash=f"The clock was moved, and everything is up to date. {_says(moved)}")


def _goal(shown: Page, now: str) -> str:
    """The instant to set. Raises `Refused` if the form names none."""
    step = STEPS.get(shown.form.get("step", ""))
    if step is not None:
        return (datetime.fromisoformat(now) + step).isoformat().replace("+00:00", "Z")
    goal = instant_of(shown.form.get("now"))
    if goal is None:
        raise Refused(422, _NOT_A_STEP)
    return goal


def _says(clock: dict[str, object]) -> str:
    return "It runs on." if clock["running"] else "It stands still."


ROUTES: Final[tuple[Route, ...]] = (page("/system", system), form("/system/clock", move_clock))
