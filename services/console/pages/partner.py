"""A partner: how it stands and why, its people, its time as a picture, and what was known when."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from typing import Any, Final, NamedTuple

from starlette.responses import Response

from services.console.as_of_view import AsOfView
from services.console.dates import day_of, last_instant, parsed
from services.console.fact_words import short_type
from services.console.names import names_in
from services.console.page import Page, page
from services.console.service_questions import Panel, path
from services.console.timeline_picture import history_rows, picture

ENTRIES_MAX: Final = 1000
SPANS_MAX: Final = 300
AHEAD_DAYS: Final = 60
"""How far *true at* goes into the future."""
EVENTS_SHOWN: Final = 50
PEOPLE_SHOWN: Final = 50
"""People and products of them on a page; the list of people has the others."""
COUNTED_SHOWN: Final = 12
"""The most counted people that are named; the list of people has the others."""
ENTRIES_SHOWN: Final = 100
"""Entries of the timeline on a page; the others follow on pages of their own."""
DRAWN_MAX: Final = 200
"""Windows, and suspensions, in a picture."""


class Answer(NamedTuple):
    """One of the answers side by side: what it is called, its moment, and how the partner stands then."""

    name: str
    view: AsOfView
    partner: Mapping[str, Any] | None
    problem: str | None


async def partner(shown: Page) -> Response:
    """The partner, at the moment that the address names."""
    if address := _of_sliders(shown):
        return shown.redirect(address)
    ask, view, partner_id = shown.ask, shown.view, shown.path["partner_id"]
    about = path("/compliance/v1/partners/{}", partner_id)
    asked = {
        "standing": ask.panel(about, **view.params),
        "standings": ask.panel(f"{about}/standings", limit=SPANS_MAX, **view.params),
        "timeline": ask.panel(f"{about}/timeline", limit=ENTRIES_MAX, **view.params),
        "people": ask.panel(f"{about}/consultants", limit=PEOPLE_SHOWN, **view.params),
        "policy": ask.panel("/compliance/v1/policy", **view.params),
        "live": ask.get(about) if not view.live else _nothing(),
    }
    found = await ask.together(**asked)
    if found["standing"].problem is not None and view.live:
        raise found["standing"].problem
    standing = found["standing"].data
    compared = await _compared(shown, about, found) if not view.live else {}
    now = (found["live"] or standing)["at"]
    name = (found["live"] or standing)["name"] or partner_id
    names = {**_names(found["standings"]), partner_id: name}
    return shown.render(
        "partner.html",
        partner_id=partner_id,
        name=name,
        about=about,
        now=now,
        products=_products(standing, found["standings"].data),
        pictures=_pictures(found, standing, names),
        sliders=_sliders(view, now, found),
        names=names,
        found=found,
        entries_shown=ENTRIES_SHOWN,
        counted_shown=COUNTED_SHOWN,
        answers=_answers(view, found, compared),
        changes=compared.get("changes"),
        happened=_happened(compared, view),
        merged=_merged(partner_id, found["timeline"]),
    )


async def _nothing() -> None:
    return None


async def _compared(shown: Page, about: str, found: Mapping[str, Any]) -> dict[str, Any]:
    """What is known now of the same instant, the facts that were learned since, and what happened since."""
    ask, view = shown.ask, shown.view
    standing, live = found["standing"].data, found["live"]
    then = {"at": view.at or live["at"]}
    asked = {"timeline": ask.panel(f"{about}/timeline", limit=ENTRIES_MAX)}
    if view.known_at or view.known_position:
        asked["same"] = ask.panel(about, **then)
        known_from = standing["known_at"] if standing else view.known_at
        if known_from:
            changes = about.replace("/compliance/", "/audit/", 1) + "/changes"
            asked["changes"] = ask.panel(changes, known_from=known_from, **then)
    return await ask.together(**asked)


def _answers(view: AsOfView, found: Mapping[str, Any], compared: Mapping[str, Any]) -> list[Answer]:
    """The answers side by side; none where the view is the present."""
    if view.live:
        return []
    chosen: Panel = found["standing"]
    answers = [Answer("As you chose", view, chosen.data, chosen.problem.detail if chosen.problem else None)]
    same: Panel | None = compared.get("same")
    if same is not None and view.at:
        detail = same.problem.detail if same.problem else None
        answers.append(Answer("The same instant, as known now", AsOfView(at=view.at), same.data, detail))
    return [*answers, Answer("Now", AsOfView(), found["live"], None)]


def _happened(compared: Mapping[str, Any], view: AsOfView) -> list[Mapping[str, Any]]:
    """What became true since the chosen instant, as known now."""
    timeline: Panel | None = compared.get("timeline")
    if timeline is None or timeline.data is None or not view.at:
        return []
    try:
        since = parsed(view.at)
    except ValueError:
        return []
    return [entry for entry in timeline.data["entries"] if parsed(entry["at"]) > since and entry["kind"] != "notice"]


def _products(standing: Mapping[str, Any] | None, standings: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """Each product of the answer, with the instant since when its status is what it is."""
    if standing is None:
        return []
    spans = standings["standings"] if standings else []
    return [{**product, "since": _since(product, spans, standing["at"])} for product in standing["products"]]


def _since(product: Mapping[str, Any], spans: Iterable[Mapping[str, Any]], at: str) -> str | None:
    since, status = None, None
    for span in spans:
        known = span["product"] == product["product"] and parsed(span["from"]) <= parsed(at)
        if known and span["status"] != status:
            since, status = span["from"], span["status"]
    return since if status == product["status"] else None


def _names(standings: Panel) -> dict[str, str]:
    """The names of the people who were ever linked, by id."""
    rows = standings.data["people"] if standings.data else []
    return {row["consultant_id"]: row["name"] for row in rows if row["name"]}


def _pictures(
    found: Mapping[str, Panel], standing: Mapping[str, Any] | None, names: Mapping[str, str]
) -> list[dict[str, Any]]:
    standings, timeline = found["standings"].data, found["timeline"].data
    if standing is None or standings is None:
        return []
    notices = [entry for entry in timeline["entries"] if entry["kind"] == "notice"] if timeline else []
    pictures = []
    for part in standing["products"]:
        product, entries = part["product"], [*_entries(part), *notices]
        drawn = picture(product, standings, entries, found["policy"].data, names)
        if drawn is not None:
            pictures.append({"drawn": drawn, "rows": history_rows(product, standings, entries, names)})
    return pictures


def _merged(partner_id: str, timeline: Panel) -> Mapping[str, Any] | None:
    """The fact by which the partner was merged into another, as known then; None: it was not."""
    entries = timeline.data["entries"] if timeline.data else []
    found = [entry for entry in entries if entry["kind"] == "fact" and short_type(entry["type"]) == "partners-merged"]
    standing = [entry for entry in found if entry["data"]["partner_id"] == partner_id and not entry["voided_by"]]
    return standing[-1] if standing else None


def _entries(part: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The latest windows and suspensions of a standing, in the shape of a timeline's."""
    for window in part["windows"][-DRAWN_MAX:]:
        yield {"kind": "window", "product": part["product"], **window}
    for suspension in part["suspensions"][-DRAWN_MAX:]:
        yield {"kind": "suspension", "product": part["product"], **suspension}


class Slider(NamedTuple):
    """A choice among days: `first`, `last`, `day` and `today` are numbers of days since 1970."""

    name: str
    label: str
    first: int
    last: int
    day: int
    today: int

    @property
    def date(self) -> date:
        """The chosen day."""
        return _EPOCH + timedelta(days=self.day)


_EPOCH: Final = date(1970, 1, 1)


def _sliders(view: AsOfView, now: str, found: Mapping[str, Any]) -> list[Slider]:
    """From the first instant known of the partner to today; *true at* goes on into the future."""
    today = (day_of(now) - _EPOCH).days
    spans = found["standings"].data["standings"] if found["standings"].data else []
    first = min((day_of(span["from"]) - _EPOCH).days for span in spans) if spans else today - 365
    standing = found["standing"].data
    at = _day(view.at, today)
    known = _day(standing["known_at"] if standing and (view.known_at or view.known_position) else view.known_at, today)
    return [
        Slider("true_day", "True at", min(first, at), today + AHEAD_DAYS, min(at, today + AHEAD_DAYS), today),
        Slider("known_day", "Known at", min(first, known), today, min(known, today), today),
    ]


def _day(instant: str | None, today: int) -> int:
    try:
        return (day_of(instant) - _EPOCH).days if instant else today
    except ValueError:
        return today


def _of_sliders(shown: Page) -> str | None:
    """The address of the view that the sliders show; None: they were not used. Today is now, other days their end."""
    if "true_day" not in shown.query and "known_day" not in shown.query:
        return None
    today = shown.query.get("today")
    chosen = {
        "at": _instant(shown.query.get("true_day"), today),
        "known_at": _instant(shown.query.get("known_day"), today),
    }
    return shown.here(true_day=None, known_day=None, today=None, known_position=None, **chosen)


def _instant(day: str | None, today: str | None) -> str | None:
    if not day or day == today or not day.isdecimal() or int(day) > date.max.toordinal() - _EPOCH.toordinal() - 1:
        return None
    return last_instant(_EPOCH + timedelta(days=int(day)))


async def events(shown: Page) -> Response:
    """The events about the partner, as subscribers got them, newest first."""
    partner_id, after = shown.path["partner_id"], shown.query.get("after")
    found = await shown.ask.get(
        "/compliance/v1/recorded-events", partner_id=partner_id, after=after, limit=EVENTS_SHOWN
    )
    names = await names_in(shown.ask, [{"partner_id": partner_id}, *found["events"]])
    return shown.render(
        "partner_events.html", partner_id=partner_id, events=found["events"], next=found["next"], names=names
    )


async def timeline(shown: Page) -> Response:
    """Everything that happened to the partner, page by page."""
    partner_id = shown.path["partner_id"]
    about = path("/compliance/v1/partners/{}/timeline", partner_id)
    found = await shown.ask.get(about, limit=ENTRIES_SHOWN, after=shown.query.get("after"), **shown.view.params)
    names = await names_in(shown.ask, found["entries"])
    return shown.render("partner_timeline.html", partner_id=partner_id, about=about, found=found, names=names)


ROUTES: Final = (
    page("/partners/{partner_id}", partner),
    page("/partners/{partner_id}/timeline", timeline),
    page("/partners/{partner_id}/events", events),
)
