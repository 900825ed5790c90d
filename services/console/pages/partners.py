"""Partners: who stands how, found by name, status, product and the day by which somebody must act."""

from typing import Any, Final

from starlette.responses import Response

from services.console.page import Page, page

ROWS: Final = 50
STATUSES: Final = ("suspended", "in_window", "compliant", "not_yet_authorised", "not_enrolled")

PARTNERS: Final = "/compliance/v1/partners"
SUSPENSIONS: Final = "/compliance/v1/suspensions"
WINDOWS: Final = "/compliance/v1/windows"


async def partners(shown: Page) -> Response:
    """A page of partners, by the filters in the address.

    With a due day: a page of open windows, soonest first. With the status `suspended` alone: a page of suspensions,
    latest first.
    """
    due, product = shown.query.get("due"), shown.query.get("product")
    asked: dict[str, Any] = {**shown.view.params, "product": product}
    if due:
        asked |= {"status": "open", "due_before": due}
        listed = WINDOWS
    elif shown.query_all("status") == ["suspended"] and shown.view.live and not shown.query.get("q"):
        listed = SUSPENSIONS
    else:
        asked |= {"status": shown.query_all("status"), "q": shown.query.get("q")}
        listed = PARTNERS
    found = await shown.ask.together(
        rows=shown.ask.panel(listed, limit=ROWS, after=shown.query.get("after"), **asked),
        products=shown.console.products.of(shown.ask),
    )
    return shown.render(
        "partners.html",
        status=shown.status_of(found["rows"]),
        found=found["rows"],
        by_due=bool(due),
        latest_first=listed == SUSPENSIONS,
        listed=listed,
        asked=asked,
        products=found["products"],
        statuses=STATUSES,
        chosen=shown.query_all("status"),
    )


ROUTES: Final = (page("/partners", partners),)
