"""Reported facts that changed nothing, and why. A page of them is judged when it is asked for, which takes a while."""

from typing import Final

from starlette.responses import Response

from services.console.names import names_in
from services.console.page import Page, page

ROWS: Final = 25
LISTED: Final = "/compliance/v1/facts-without-effect"


async def facts_without_effect(shown: Page) -> Response:
    """A page of them, newest first; it can list none, and go on."""
    asked = {**shown.view.params, "order": "newest"}
    limit = shown.query.get("limit") or ROWS
    found = await shown.ask.get(LISTED, limit=limit, after=shown.query.get("after"), **asked)
    names = await names_in(shown.ask, found["facts"])
    return shown.render("facts_without_effect.html", found=found, listed=LISTED, asked=asked, names=names)


ROUTES: Final = (page("/facts-without-effect", facts_without_effect),)
