"""The log: any fact, what followed from it, what voided it, its proof; and how to find one."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from starlette.responses import Response
from starlette.routing import Route

from services.console.names import names_in
from services.console.page import Page, page
from services.console.service_questions import Panel, panel_of, path

FACTS: Final = "/certification/v1/recorded-facts"
SHOWN: Final = 50
FOUND_SHOWN: Final = 25
"""Facts of a finding; its list has the others."""

_FACT: Final = "/certification/v1/facts/{}"
_EVENT: Final = "/compliance/v1/events/{}"
_FILTERS: Final = ("about", "consultant_id", "partner_id", "correlation_id", "causation_id", "type")
_ID: Final = re.compile(r"[A-Za-z0-9_\-]{1,64}")
_TOKEN: Final = re.compile(r"[\x21-\x7e]{1,255}")
_EVENTS_SHOWN: Final = 50
_WITHOUT_EFFECT_MAX: Final = 200
_HELD_MAX: Final = 200


async def log(shown: Page) -> Response:
    """The newest facts, or what is found: a fact by its id or key leads to its page."""
    sought = shown.query.get("q", "").strip()
    if sought:
        return await _find(shown, sought)
    filters = {name: shown.query[name] for name in _FILTERS if shown.query.get(name)}
    answer = await shown.ask.panel(FACTS, after=shown.query.get("after"), limit=SHOWN, **filters)
    names = await names_in(shown.ask, (answer.data or {}).get("facts", ()))
    context: dict[str, Any] = {"filters": filters, "listed": filters, "q": "", "findings": None, "names": names}
    return shown.render("log.html", status=shown.status_of(answer), facts=answer, **context)


async def _find(shown: Page, sought: str) -> Response:
    """Everything that the text may name: a fact, a key, an event, a person, a partner, a conversation."""
    ask = shown.ask
    found: dict[str, Any] = {}
    if _TOKEN.fullmatch(sought):
        questions = {
            "key": ask.panel("/certification/v1/facts", idempotency_key=sought),
            "about": ask.panel(FACTS, limit=FOUND_SHOWN, about=sought),
        }
        if _ID.fullmatch(sought) is not None:
            questions["fact"] = ask.panel(path(_FACT, sought))
            questions["event"] = ask.panel(path(_EVENT, sought))
        found = {name: panel.data for name, panel in (await ask.together(**questions)).items()}
    for name in ("fact", "key"):
        if found.get(name):
            return shown.redirect(path("/log/{}", found[name]["fact_id"]))
    if found.get("event"):
        return shown.redirect(path("/log/events/{}", found["event"]["id"]))
    findings = found.get("about") or {"facts": [], "next": None}
    names = await names_in(ask, findings["facts"])
    context: dict[str, Any] = {"filters": {}, "listed": {"about": sought}, "q": sought, "findings": findings}
    return shown.render("log.html", facts=Panel(None, None), names=names, **context)


async def fact(shown: Page) -> Response:
    """One fact: what it says, what followed from it, what voided it, its proof."""
    about = shown.path["fact_id"]
    answers = await shown.ask.together(
        fact=shown.ask.get(path(_FACT, about)),
        events=shown.ask.panel(
            path("/compliance/v1/facts/{}/events", about), after=shown.query.get("after"), limit=_EVENTS_SHOWN
        ),
        proof=panel_of(shown.ask.text(path(_FACT + "/proof", about))),
    )
    more = await _more(shown, answers["fact"], answers["events"])
    decisions = more["decisions"].data or {}
    followed = (*decisions.get("facts", ()), *(answers["events"].data or {}).get("events", ()))
    names = await names_in(shown.ask, (answers["fact"], *followed))
    return shown.render("log_fact.html", names=names, **answers, **more)


async def _more(shown: Page, found: Mapping[str, Any], events: Panel) -> dict[str, Any]:
    """What else a fact can have: decisions that follow from it, what it waits for, or why it changed nothing."""
    more: dict[str, Any] = {"decisions": Panel(None, None), "waits": None, "no_effect": None}
    if found["append_position"] > found["position"] and found["causation_id"] is None and not _is_of_partner(found):
        more["decisions"] = await shown.ask.panel(FACTS, causation_id=found["fact_id"], limit=SHOWN)
    elif found["held"] and not found["voided"]:
        more["waits"] = await _waits(shown, found)
    elif not found["voided"] and events.data and not events.data["events"]:
        more["no_effect"] = await _no_effect(shown, found)
    return more


def _is_of_partner(found: Mapping[str, Any]) -> bool:
    """Decisions are about people: none follows from a fact about a partner, such as a link."""
    return "partner_id" in found["data"]


async def event(shown: Page) -> Response:
    """One compliance event, as it was published."""
    found = await shown.ask.get(path(_EVENT, shown.path["event_id"]))
    return shown.render("log_event.html", event=found, names=await names_in(shown.ask, (found,)))


async def _waits(shown: Page, found: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """What the fact waits for at present; None: nothing, or it is not among the two hundred that wait longest."""
    answer = await shown.ask.panel("/certification/v1/held-facts", limit=_HELD_MAX)
    return _of(found, (answer.data or {}).get("held_facts", ()))


async def _no_effect(shown: Page, found: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Why the fact changed nothing, where that is known; None: it changed something, or concerns several."""
    about = {name: found["data"][name] for name in ("consultant_id", "partner_id") if name in found["data"]}
    if not about:
        return None
    answer = await shown.ask.panel("/compliance/v1/facts-without-effect", limit=_WITHOUT_EFFECT_MAX, **about)
    return _of(found, (answer.data or {}).get("facts", ()))


def _of(found: Mapping[str, Any], listed: Iterable[dict[str, Any]]) -> Mapping[str, Any] | None:
    return next((item for item in listed if item["fact_id"] == found["fact_id"]), None)


ROUTES: Final[tuple[Route, ...]] = (
    page("/log", log),
    page("/log/events/{event_id}", event),
    page("/log/{fact_id}", fact),
)
