"""Portal changes: announced and corrected; of each, who must do what by when, partner by partner."""

from itertools import groupby
from typing import Any, Final

from starlette.responses import Response

from services.console.names import names_in
from services.console.page import Page, page
from services.console.service_questions import path

ROWS: Final = 50
OWED_MAX: Final = 200
PEOPLE_SHOWN: Final = 12
"""The most people of a partner that are named; the answer in JSON has the others."""
PORTAL_CHANGES: Final = "/compliance/v1/portal-changes"
MAINTENANCE: Final = "/compliance/v1/maintenance"


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
        change=shown.ask.get(path(PORTAL_CHANGES + "/{}", change_id), **moment),
        owed=shown.ask.panel(MAINTENANCE, limit=OWED_MAX, after=shown.query.get("after"), **owed),
    )
    partners = _by_partner((found["owed"].data or {}).get("maintenance", []))
    return shown.render(
        "portal_change.html",
        asked_of=await _asked_of(shown, change_id, [partner_id for partner_id, _ in partners if partner_id]),
        change=found["change"],
        at=found["change"]["at"],
        owed=found["owed"],
        asked=owed,
        listed=MAINTENANCE,
        people_shown=PEOPLE_SHOWN,
        partners=partners,
    )


async def _asked_of(shown: Page, change_id: str, partner_ids: list[str]) -> dict[str, dict[str, Any]]:
    """How far the partners are now, by id; empty for another moment, because no endpoint answers for it."""
    if not partner_ids or not shown.view.live:
        return {}
    found = await shown.ask.panel(path(PORTAL_CHANGES + "/{}/progress", change_id), partner_id=partner_ids)
    return {row["partner_id"]: row for row in found.data["partners"]} if found.data else {}


async def notified(shown: Page) -> Response:
    """To whom it is announced: every partner enrolled then. The whole log is read for it: it has a page of its own."""
    moment, change_id = shown.view.params, shown.path["portal_change_id"]
    listed = path(PORTAL_CHANGES + "/{}/notifications", change_id)
    found = await shown.ask.panel(listed, **moment)
    told = (found.data or {}).get("notified", ())
    names = await names_in(shown.ask, [{"partner_id": partner_id} for partner_id in told])
    status = shown.status_of(found)
    return shown.render(
        "portal_change_notified.html", status=status, change_id=change_id, found=found, listed=listed, names=names
    )


def _by_partner(owed: list[dict[str, Any]]) -> list[tuple[str | None, list[dict[str, Any]]]]:
    """What is owed, by the partner for which the person counts; those who count nowhere come last."""
    ordered = sorted(owed, key=_partner)
    return [(rows[0]["partner_id"], rows) for rows in (list(group) for _, group in groupby(ordered, _partner))]


def _partner(row: dict[str, Any]) -> tuple[bool, str]:
    return row["partner_id"] is None, row["partner_id"] or ""


ROUTES: Final = (
    page("/portal-changes", portal_changes),
    page("/portal-changes/{portal_change_id}", portal_change),
    page("/portal-changes/{portal_change_id}/notified", notified),
)
