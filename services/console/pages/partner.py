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
from services.console.service_questions import Panel, Refused, path
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
HAPPENED_SHOWN: Final = 40
"""Entries of the timeline since another instant; the timeline has the others."""
ENTRIES_SHOWN: Final = 100
"""Entries of the timeline on a page; the others follow on pages of their own."""
DRAWN_MAX: Final = 200
"""Windows, and suspensions, in a picture."""


class Answer(NamedTuple):
    """One of the answers side by side: what it is called, and its moment with how the partner stands then."""

    name: str
    partner: Mapping[str, Any] | None
    problem: str | None


async def partner(shown: Page) -> Response:
    """The partner, at the moment that the address names."""
    if address := _of_sliders(shown):
        return shown.redirect(address)
    ask, view, partner_id = shown.ask, shown.view, shown.path["partner_id"]
    about = path("/compliance/v1/partners/{}", partner_id)
    found = await ask.together(
        view=_live(shown, about) if view.live else _compared(shown, partner_id),
        standings=ask.panel(f"{about}/standings", limit=SPANS_MAX, **view.params),
        timeline=ask.panel(f"{about}/timeline", limit=ENTRIES_MAX, **view.params),
        people=ask.panel(f"{about}/consultants", limit=PEOPLE_SHOWN, **view.params),
    )
    viewed: Viewed = found["view"]
    name = viewed.name or partner_id
    names = {**_names(found["standings"]), partner_id: name}
    return shown.render(
        "partner.html",
        partner_id=partner_id,
        name=name,
        about=about,
        standing=viewed.standing,
        products=_products(viewed.standing.data, found["standings"].data),
        pictures=_pictures(found, viewed.standing.data, names),
        sliders=_sliders(view, viewed, found["standings"]),
        names=names,
        found=found,
        entries_shown=ENTRIES_SHOWN,
        counted_shown=COUNTED_SHOWN,
        viewed=viewed,
        answers=[] if view.live else _answers(view, viewed),
        merged=_merged(partner_id, found["timeline"]),
        status=shown.status_of(viewed.standing) if viewed.standing is not _UNKNOWN_THEN else 200,
    )


class Viewed(NamedTuple):
    """How the partner stands at the moment of the view; or why nobody can say. `now`: the present instant.

    Of another moment than the present also: `comparison` with the present, or None if that is refused; `changes`: the
    facts learned since; and `live`, how it stands now, where there is no comparison.
    """

    name: str | None
    now: str
    standing: Panel
    comparison: Mapping[str, Any] | None = None
    changes: Panel = Panel(None, None)
    live: Mapping[str, Any] | None = None


async def _live(shown: Page, about: str) -> Viewed:
    """Raises `Refused`."""
    standing = await shown.ask.get(about)
    return Viewed(standing["name"], standing["at"], Panel(standing, None))


async def _compared(shown: Page, partner_id: str) -> Viewed:
    """Of another moment than the present. Raises `Refused` if nothing is known of the partner now, either."""
    ask, view = shown.ask, shown.view
    about = path("/compliance/v1/partners/{}", partner_id)
    compared = await ask.panel(f"{about}/comparison", happened=HAPPENED_SHOWN, **view.params)
    if compared.data is None:
        live = await ask.get(about)
        return Viewed(live["name"], live["at"], compared, live=live)
    comparison = compared.data
    then, changes = comparison["then"], Panel(None, None)
    if then is not None and (view.known_at or view.known_position):
        known = {"at": then["at"], "known_from": then["known_at"]}
        changes = await ask.panel(path("/audit/v1/partners/{}/changes", partner_id), **known)
    standing = _UNKNOWN_THEN if then is None else Panel(then, None)
    return Viewed(comparison["name"], comparison["now"]["at"], standing, comparison, changes)


_UNKNOWN_THEN: Final = Panel(
    None, Refused(404, {"title": "Not known then", "detail": "No fact known by then mentions the partner."})
)
"""A page shows it beside how the partner stands now."""


def _answers(view: AsOfView, viewed: Viewed) -> list[Answer]:
    """The answers side by side."""
    problem = viewed.standing.problem
    answers = [Answer("As you chose", viewed.standing.data, problem.detail if problem else None)]
    if viewed.comparison is None:
        return [*answers, Answer("Now", viewed.live, None)]
    if view.at and (view.known_at or view.known_position):
        answers.append(Answer("The same instant, as known now", viewed.comparison["hindsight"], None))
    return [*answers, Answer("Now", viewed.comparison["now"], None)]


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
        drawn = picture(product, standings, entries, names)
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
_DAY_DIGITS_MAX: Final = 6
"""So many of the number of a day: beyond the years that questions take, and within those of a calendar."""


def _sliders(view: AsOfView, viewed: Viewed, standings: Panel) -> list[Slider]:
    """From the first instant known of the partner to today; *true at* goes on into the future."""
    today = (day_of(viewed.now) - _EPOCH).days
    spans = standings.data["standings"] if standings.data else []
    first = min((day_of(span["from"]) - _EPOCH).days for span in spans) if spans else today - 365
    standing = viewed.standing.data
    at = _day(view.at, today)
    known = _day(standing["known_at"] if standing and (view.known_at or view.known_position) else view.known_at, today)
    return [
        Slider("true_day", "True at", min(first, at), today + AHEAD_DAYS, min(at, today + AHEAD_DAYS), today),
        Slider("known_day", "Known at", min(first, known), today, min(known, today), today),
    ]


def _day(instant: str | None, today: int) -> int:
    try:
        return (day_of(instant) - _EPOCH).days if instant else today
    except (ValueError, OverflowError):  # no instant, or one that London's calendar does not reach
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
    if not day or day == today or not day.isdecimal() or len(day) > _DAY_DIGITS_MAX:
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
