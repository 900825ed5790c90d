"""The log: any fact, what followed from it, what voided it, its proof; and how to find one."""

import re
from collections.abc import Mapping
from typing import Any, Final

from starlette.responses import Response
from starlette.routing import Route

from services.console.names import names_in
from services.console.page import Page, page
from services.console.service_questions import Panel, panel_of, path

FACTS: Final = "/certification/v1/recorded-facts"
SHOWN: Final = 50
FOUND_SHOWN: Final = 10
"""Facts of each kind of finding; its list has the others."""

_FACT: Final = "/certification/v1/facts/{}"
_EVENT: Final = "/compliance/v1/events/{}"
_FILTERS: Final = ("consultant_id", "partner_id", "correlation_id", "causation_id", "type")
_ID: Final = re.compile(r"[A-Za-z0-9_\-]{1,64}")
_TOKEN: Final = re.compile(r"[\x21-\x7e]{1,255}")
_EVENTS_SHOWN: Final = 50
_WITHOUT_EFFECT_MAX: Final = 200


async def log(shown: Page) -> Response:
    """The newest facts, or what is found: a fact by its id or key leads to its page."""
    sought = shown.query.get("q", "").strip()
    if sought:
        return await _find(shown, sought)
    filters = {name: shown.query[name] for name in _FILTERS if shown.query.get(name)}
    answer = await shown.ask.panel(FACTS, after=shown.query.get("after"), limit=SHOWN, **filters)
    names = await names_in(shown.ask, (answer.data or {}).get("facts", ()))
    return shown.render("log.html", facts=answer, filters=filters, q="", findings=None, names=names)


async def _find(shown: Page, sought: str) -> Response:
    """Everything that the text may name: a fact, a key, an event, a person, a partner, a conversation."""
    ask = shown.ask
    findings: dict[str, Any] = {}
    if _TOKEN.fullmatch(sought):
        is_id = _ID.fullmatch(sought) is not None
        questions = {"key": ask.panel("/certification/v1/facts", idempotency_key=sought)}
        for name in ("consultant_id", "partner_id") if is_id else ():
            questions[name] = ask.panel(FACTS, limit=FOUND_SHOWN, **{name: sought})
        if is_id:
            questions["fact"] = ask.panel(path(_FACT, sought))
            questions["event"] = ask.panel(path(_EVENT, sought))
        questions["correlation_id"] = ask.panel(FACTS, limit=FOUND_SHOWN, correlation_id=sought)
        findings = await ask.together(**questions)
    for name in ("fact", "key"):
        if (found := findings.get(name)) and found.data:
            return shown.redirect(path("/log/{}", found.data["fact_id"]))
    if (found := findings.get("event")) and found.data:
        return shown.redirect(path("/log/events/{}", found.data["id"]))
    listed = {name: panel.data for name, panel in findings.items() if panel.data and panel.data.get("facts")}
    names = await names_in(ask, [fact for found in listed.values() for fact in found["facts"]])
    return shown.render("log.html", facts=Panel(None, None), filters={}, q=sought, findings=listed, names=names)


async def fact(shown: Page) -> Response:
    """One fact: what it says, what followed from it, what voided it, its proof."""
    about = shown.path["fact_id"]
    answers = await shown.ask.together(
        fact=shown.ask.get(path(_FACT, about)),
        decisions=shown.ask.panel(FACTS, causation_id=about, limit=SHOWN),
        events=shown.ask.panel(
            path("/compliance/v1/facts/{}/events", about), after=shown.query.get("after"), limit=_EVENTS_SHOWN
        ),
        proof=panel_of(shown.ask.text(path(_FACT + "/proof", about))),
    )
    found = answers["fact"]
    followed = (*(answers["decisions"].data or {}).get("facts", ()), *(answers["events"].data or {}).get("events", ()))
    more = await shown.ask.together(
        waits=_waits(shown, found),
        no_effect=_no_effect(shown, found, answers["events"]),
        names=names_in(shown.ask, (found, *followed)),
    )
    return shown.render("log_fact.html", **answers, **more)


async def event(shown: Page) -> Response:
    """One compliance event, as it was published."""
    found = await shown.ask.get(path(_EVENT, shown.path["event_id"]))
    return shown.render("log_event.html", event=found, names=await names_in(shown.ask, (found,)))


async def _waits(shown: Page, found: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """What the fact waits for at present; None: nothing, or it is not among the two hundred that wait longest."""
    if found["voided"] or not found["held"]:
        return None
    answer = await shown.ask.panel("/certification/v1/held-facts", limit=200)
    waiting: list[dict[str, Any]] = (answer.data or {}).get("held_facts", [])
    return next((held for held in waiting if held["fact_id"] == found["fact_id"]), None)


async def _no_effect(shown: Page, found: Mapping[str, Any], events: Panel) -> Mapping[str, Any] | None:
    """Why the fact changed nothing, where that is known; None: it changed something, or concerns several."""
    said = found["data"]
    about = {name: said[name] for name in ("consultant_id", "partner_id") if name in said}
    if found["voided"] or not about or not events.data or events.data["events"]:
        return None
    answer = await shown.ask.panel("/compliance/v1/facts-without-effect", limit=_WITHOUT_EFFECT_MAX, **about)
    listed: list[dict[str, Any]] = (answer.data or {}).get("facts", [])
    return next((item for item in listed if item["fact_id"] == found["fact_id"]), None)


ROUTES: Final[tuple[Route, ...]] = (
    page("/log", log),
    page("/log/events/{event_id}", event),
    page("/log/{fact_id}", fact),
)
