"""The policy: in force and coming, and the revisions that set it."""

from typing import Any, Final

from starlette.responses import Response

from services.console.page import Page, page
from services.console.service_questions import Json

COMING_MAX: Final = 5
REVISIONS_MAX: Final = 50


async def policy(shown: Page) -> Response:
    """The terms in force at the moment in question, those that follow, and every revision as recorded."""
    moment = shown.view.params
    now: Json = await shown.ask.get("/compliance/v1/policy", **moment)
    coming: list[dict[str, Any]] = []
    at = now["next_change_at"]
    while at is not None and len(coming) < COMING_MAX:
        later = await shown.ask.get("/compliance/v1/policy", **{**moment, "at": at})
        coming.append(later)
        at = later["next_change_at"]
    revisions = await shown.ask.panel(
        "/certification/v1/recorded-facts", type="policy-revised", limit=REVISIONS_MAX, after=shown.query.get("after")
    )
    return shown.render("policy.html", now=now, coming=coming, revisions=revisions)


ROUTES: Final = (page("/policy", policy),)
