"""Audit: checkpoints and witnesses, claims with their verdicts, exports, what-ifs with their progress."""

from collections.abc import Mapping
from typing import Any, Final

from starlette.responses import Response
from starlette.routing import Route

from services.console.audit_checkpoint import Checkpoint, parse_checkpoint
from services.console.names import names_in
from services.console.page import Page, form, page
from services.console.service_questions import Panel, Refused, panel_of, path

CLAIMS: Final = 50
DIFFERENCES: Final = 50
WHAT_IFS: Final = "/audit/v1/what-ifs"

_RUNNING: Final = ("waiting", "running")
_NUMBERS: Final = {"window_days": "window_days", "var": "VAR", "developer": "DEVELOPER"}


async def audit_trail(shown: Page) -> Response:
    """How far the logs are sealed and by whom, what was answered to whom, what is being asked."""
    return await _audit_trail(shown, None)


async def _audit_trail(shown: Page, refused: Refused | None) -> Response:
    partner = shown.query.get("partner_id", "").strip()
    questions = {
        "sealed": shown.ask.panel("/audit/readyz"),
        "facts": panel_of(_checkpoint(shown, "/audit/v1/checkpoint")),
        "events": panel_of(_checkpoint(shown, "/audit/v1/compliance/checkpoint")),
    }
    if shown.session.may("audit"):
        questions["what_ifs"] = shown.ask.panel(WHAT_IFS)
    if partner and shown.session.may("audit"):
        after = shown.query.get("after")
        questions["claims"] = shown.ask.panel("/audit/v1/claims", partner_id=partner, after=after, limit=CLAIMS)
    answers = {"claims": None, "what_ifs": Panel(None, None), **await shown.ask.together(**questions)}
    running = any(run["state"] in _RUNNING for run in (answers["what_ifs"].data or {}).get("what_ifs", ()))
    status = 200 if refused is None else refused.status
    context: dict[str, Any] = {"partner_id": partner, "running": running, "refused": refused, "given": shown.form}
    return shown.render("audit_trail.html", status=status, **context, **answers)


async def _checkpoint(shown: Page, address: str) -> Checkpoint | None:
    """The latest checkpoint of a log in its parts."""
    return parse_checkpoint(await shown.ask.text(address))


async def ask_what_if(shown: Page) -> Response:
    """Asks for the whole history under other terms."""
    try:
        run = await shown.ask.post(WHAT_IFS, _terms(shown.form))
    except Refused as refused:
        return await _audit_trail(shown, refused)
    return shown.redirect(path("/audit-trail/what-ifs/{}", run["what_if_id"]))


def _terms(given: Mapping[str, str]) -> dict[str, Any]:
    """The terms of the form as the question takes them. The service refuses what is not a number."""
    numbers: dict[str, Any] = {
        term: int(given[field]) if given[field].isdecimal() and len(given[field]) < 10 else given[field]
        for field, term in _NUMBERS.items()
        if given.get(field)
    }
    minimum = {kind: numbers.pop(kind) for kind in ("VAR", "DEVELOPER") if kind in numbers}
    return {**numbers, **({"minimum": minimum} if minimum else {})}


async def what_if(shown: Page) -> Response:
    """One what-if: how far it has come, and which partners would have another standing."""
    about = path(WHAT_IFS + "/{}", shown.path["what_if_id"])
    found = await shown.ask.get(about, after=shown.query.get("after"), limit=DIFFERENCES)
    names = await names_in(shown.ask, found["differences"])
    return shown.render("what_if.html", run=found, running=found["state"] in _RUNNING, names=names)


async def cancel_what_if(shown: Page) -> Response:
    """Ends a what-if and forgets it."""
    await shown.ask.delete(path(WHAT_IFS + "/{}", shown.path["what_if_id"]))
    return shown.redirect("/audit-trail", flash="The what-if was cancelled and its result deleted.")


ROUTES: Final[tuple[Route, ...]] = (
    page("/audit-trail", audit_trail),
    form("/audit-trail/what-ifs", ask_what_if),
    page("/audit-trail/what-ifs/{what_if_id}", what_if),
    form("/audit-trail/what-ifs/{what_if_id}/cancel", cancel_what_if),
)
