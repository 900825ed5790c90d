"""Portal changes: announced and corrected; of each, who must do what by when, partner by partner."""

from itertools import groupby
from typing import Any, Final

from starlette.responses import Response

from services.console.page import Page, page
from services.console.questions import Refused, path

ROWS: Final = 50
OWED_MAX: Final = 200
PORTAL_CHANGES: Final = "/compliance/v1/portal-changes"
MAINTENANCE: Final = "/compliance/v1/maintenance"
_NO_SUCH: Final = {"title": "Not found", "detail": "No portal change of this id is declared, as known then."}


async def portal_changes(shown: Page) -> Response:
    """A page of portal changes, latest announced first."""
    moment = shown.view.params
    found = await shown.ask.get(PORTAL_CHANGES, limit=ROWS, after=shown.query.get("after"), **moment)
    return shown.render("portal_changes.html", found=found, listed=PORTAL_CHANGES)


async def portal_change(shown: Page) -> Response:
    """Its terms, what is still owed because of it, and the facts about it."""
    moment, change_id = shown.view.params, shown.path["portal_change_id"]
    owed = {**moment, "portal_change_id": change_id}
    found = await shown.ask.together(
        changes=shown.ask.get(PORTAL_CHANGES, limit=500, **moment),
        owed=shown.ask.panel(MAINTENANCE, limit=OWED_MAX, after=shown.query.get("after"), **owed),
        notified=shown.ask.panel(path(PORTAL_CHANGES + "/{}/notifications", change_id), **moment),
    )
    changes = found["changes"]["portal_changes"]
    change = next((change for change in changes if change["portal_change_id"] == change_id), None)
    if change is None:
        raise Refused(404, _NO_SUCH)
    return shown.render(
        "portal_change.html",
        change=change,
        at=found["changes"]["at"],
        owed=found["owed"],
        asked=owed,
        listed=MAINTENANCE,
        partners=_by_partner((found["owed"].data or {}).get("maintenance", [])),
        notified=found["notified"],
    )


def _by_partner(owed: list[dict[str, Any]]) -> list[tuple[str | None, list[dict[str, Any]]]]:
    """What is owed, by the partner for which the person counts; those who count nowhere come last."""
    ordered = sorted(owed, key=_partner)
    return [(rows[0]["partner_id"], rows) for rows in (list(group) for _, group in groupby(ordered, _partner))]


def _partner(row: dict[str, Any]) -> tuple[bool, str]:
    return row["partner_id"] is None, row["partner_id"] or ""


ROUTES: Final = (page("/portal-changes", portal_changes), page("/portal-changes/{portal_change_id}", portal_change))
