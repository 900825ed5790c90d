"""Reported facts that changed nothing, and why. A page of them is judged when it is asked for, which takes a while."""

from typing import Final

from starlette.responses import Response

from services.console.page import Page, page

ROWS: Final = 12
LISTED: Final = "/compliance/v1/facts-without-effect"


async def facts_without_effect(shown: Page) -> Response:
    """A page of them, in log order; it can list none, and go on."""
    moment = shown.view.params
    found = await shown.ask.get(LISTED, limit=ROWS, after=shown.query.get("after"), **moment)
    return shown.render("facts_without_effect.html", found=found, listed=LISTED)


ROUTES: Final = (page("/facts-without-effect", facts_without_effect),)
