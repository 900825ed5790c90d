"""Partners: who stands how, found by name, status, product and the day by which somebody must act."""

from typing import Any, Final

from starlette.responses import Response

from services.console.page import Page, page

ROWS: Final = 50
STATUSES: Final = ("suspended", "in_window", "compliant", "not_yet_authorised", "not_enrolled")

PARTNERS: Final = "/compliance/v1/partners"
WINDOWS: Final = "/compliance/v1/windows"


async def partners(shown: Page) -> Response:
    """A page of partners, or with a due day of open windows, soonest first. The filters are in the address."""
    due, product = shown.query.get("due"), shown.query.get("product")
    asked: dict[str, Any] = {**shown.view.params, "product": product}
    if due:
        asked |= {"status": "open", "due_before": due}
    else:
        asked |= {"status": shown.query_all("status"), "q": shown.query.get("q")}
    listed = WINDOWS if due else PARTNERS
    found = await shown.ask.together(
        rows=shown.ask.panel(listed, limit=ROWS, after=shown.query.get("after"), **asked),
        policy=shown.ask.panel("/compliance/v1/policy"),
    )
    return shown.render(
        "partners.html",
        found=found["rows"],
        by_due=bool(due),
        listed=listed,
        asked=asked,
        products=(found["policy"].data or {}).get("products", ()),
        statuses=STATUSES,
        chosen=shown.query_all("status"),
    )


ROUTES: Final = (page("/partners", partners),)
