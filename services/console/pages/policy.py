"""The policy: in force and coming, and the revisions that set it."""

from typing import Final

from starlette.responses import Response

from services.console.page import Page, page

COMING_MAX: Final = 10
REVISIONS_MAX: Final = 50


async def policy(shown: Page) -> Response:
    """The terms in force at the moment in question, those that follow, and every revision as recorded."""
    found = await shown.ask.together(
        now=shown.ask.get("/compliance/v1/policy", coming=COMING_MAX, **shown.view.params),
        revisions=shown.ask.panel(
            "/certification/v1/recorded-facts",
            type="policy-revised",
            limit=REVISIONS_MAX,
            after=shown.query.get("after"),
        ),
    )
    return shown.render("policy.html", **found)


ROUTES: Final = (page("/policy", policy),)
