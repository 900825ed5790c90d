"""The picture of a partner's time for one product: where each bar, step and mark lies.

It draws what an answer says and decides nothing. Units are those of the picture's view box.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from services.console.dates import london_day, parsed
from services.console.fact_words import fact_sentence
from shared.events.london import LONDON

WIDTH: Final = 1120
LEFT: Final = 148
"""Where time begins; names stand before."""
RIGHT: Final = 1108
AXIS_Y: Final = 24
ROW: Final = 24
HEADCOUNT_HEIGHT: Final = 64
TICKS_MAX: Final = 12
PEOPLE_MAX: Final = 24
"""Rows of people in a picture; its table has the others."""
AHEAD: Final = timedelta(days=14)
"""How much of the future is drawn at least."""
LEVEL_HEIGHT: Final = 12
"""How far apart two numbers of the axis stand."""
LABEL_WIDTH_PER_CHARACTER: Final = 6.6

_MONTHS: Final = (1, 2, 3, 6, 12, 24, 60, 120)


class Bar(NamedTuple):
    """A span. `kind`: of its colour and pattern. `label`: where it fits; `title`: always. `open`: it runs on."""

    x: float
    width: float
    y: float
    kind: str
    label: str
    title: str
    open: bool


class Mark(NamedTuple):
    """A point in time."""

    x: float
    y: float
    kind: str
    title: str


class Row(NamedTuple):
    """A name before bars and marks."""

    y: float
    name: str
    bars: Sequence[Bar]
    marks: Sequence[Mark]


class Steps(NamedTuple):
    """The headcount as an area, and the minimum as a line, both as SVG paths; the numbers of the axis at its left."""

    y: float
    area: str
    line: str
    minimum: str
    levels: Sequence[tuple[float, int]]


class Picture(NamedTuple):
    """All of it. `policies`: when a policy came into force. `now`: x of the instant that the answer is true at.

    `words`: the picture in one sentence.
    """

    product: str
    height: float
    ticks: Sequence[tuple[float, str]]
    people: Sequence[Row]
    people_omitted: int
    headcount: Steps
    rows: Sequence[Row]
    policies: Sequence[Mark]
    now: float
    end: float
    words: str


class Scale:
    """Where an instant lies, between the first and the last of the picture."""

    def __init__(self, first: datetime, last: datetime) -> None:
        self.first = first
        self.last = last
        self._seconds = max((last - first).total_seconds(), 1.0)

    def __call__(self, instant: str | datetime | None) -> float:
        """None: at the end."""
        if instant is None:
            return float(RIGHT)
        share = (parsed(instant) - self.first).total_seconds() / self._seconds
        return round(LEFT + min(max(share, 0.0), 1.0) * (RIGHT - LEFT), 1)

    def ticks(self) -> list[tuple[float, str]]:
        """The beginnings of months or years, few enough to be read; without a word where it would be cut off."""
        months = (self.last.year - self.first.year) * 12 + self.last.month - self.first.month + 1
        step = next((step for step in _MONTHS if months <= step * TICKS_MAX), _MONTHS[-1])
        number = self.first.year * 12 + self.first.month - 1
        number += -number % step
        found: list[tuple[float, str]] = []
        while (tick := datetime(number // 12, number % 12 + 1, 1, tzinfo=LONDON)) <= self.last:
            if tick >= self.first:
                x, word = self(tick), _tick_word(tick, step, first=not found)
                found.append((x, word if x + LABEL_WIDTH_PER_CHARACTER * len(word) < WIDTH else ""))
            number += step
        return found


def _tick_word(tick: datetime, step: int, *, first: bool) -> str:
    """The year, or the month, with its year where one begins."""
    if step >= 12:
        return f"{tick:%Y}"
    return f"{tick:%b %Y}" if first or tick.month == 1 else f"{tick:%b}"


def picture(
    product: str,
    standings: Mapping[str, Any],
    entries: Iterable[Mapping[str, Any]],
    names: Mapping[str, str],
) -> Picture | None:
    """The picture for one product; None if nothing is known. `entries`: of the timeline. `names`: of people, by id."""
    spans = [span for span in standings["standings"] if span["product"] == product]
    if not spans:
        return None
    at = parsed(standings["at"])
    ends = [span["from"] for span in spans]
    entries = [entry for entry in entries if product in (entry.get("product"), *entry.get("products", ()))]
    ends += [entry["deadline_at"] for entry in entries if entry["kind"] == "window" and entry["outcome"] == "open"]
    first = min(parsed(spans[0]["from"]), *(parsed(span["from"]) for span in spans), at)
    length = max(at, *map(parsed, ends)) - first
    scale = Scale(first, max(at, *map(parsed, ends)) + max(AHEAD, length / 24))
    people, omitted = _people(product, standings["people"], scale, names)
    omitted += standings.get("people_omitted", 0)
    y = AXIS_Y + 10 + ROW * len(people) + 10
    headcount = _steps(spans, scale, y)
    y += HEADCOUNT_HEIGHT + 14
    rows = [_windows(entries, scale, y), _status(spans, scale, y + ROW), _notices(entries, scale, y + 2 * ROW)]
    return Picture(
        product=product,
        height=y + 3 * ROW + 8,
        ticks=scale.ticks(),
        people=people,
        people_omitted=omitted,
        headcount=headcount,
        rows=rows,
        policies=_policies(standings["policies"], scale),
        now=scale(at),
        end=RIGHT,
        words=_words(product, spans, at, len(people) + omitted),
    )


def _people(
    product: str, spans: Sequence[Mapping[str, Any]], scale: Scale, names: Mapping[str, str]
) -> tuple[list[Row], int]:
    """A row for each person who was ever linked: a thin bar while linked, a thick one while counted."""
    by_person: dict[str, list[Mapping[str, Any]]] = {}
    for span in spans:
        by_person.setdefault(span["consultant_id"], []).append(span)
    rows = []
    drawn = _who_is_drawn(product, by_person, scale)
    called = Counter(names.get(consultant_id) for consultant_id in drawn)
    for number, consultant_id in enumerate(drawn):
        own, y = by_person[consultant_id], float(AXIS_Y + 10 + ROW * number)
        name = names.get(consultant_id, consultant_id)
        if called[name] > 1:
            name = consultant_id
        bars = [_bar(span, scale, y, "linked", "", f"{name}: linked") for span in own if span["product"] is None]
        bars += [_bar(span, scale, y, "counted", "", f"{name}: counted") for span in own if span["product"] == product]
        rows.append(Row(y, _short(name), bars, ()))
    return rows, max(0, len(by_person) - PEOPLE_MAX)


def _who_is_drawn(product: str, by_person: Mapping[str, Sequence[Mapping[str, Any]]], scale: Scale) -> list[str]:
    """The people who count for the product the longest, or are linked the longest; in the order given."""

    def width(consultant_id: str, which: str | None) -> float:
        spans = (span for span in by_person[consultant_id] if span["product"] == which)
        return sum(scale(span["to"]) - scale(span["from"]) for span in spans)

    longest = sorted(by_person, key=lambda consultant_id: (-width(consultant_id, product), -width(consultant_id, None)))
    kept = set(longest[:PEOPLE_MAX])
    return [consultant_id for consultant_id in by_person if consultant_id in kept]


def _windows(entries: Sequence[Mapping[str, Any]], scale: Scale, y: float) -> Row:
    windows = [entry for entry in entries if entry["kind"] == "window"]
    bars, marks = [], []
    for window in windows:
        outcome = window["outcome"].replace("_", " ")
        span = {"from": window["opened_at"], "to": window["closed_at"] or window["deadline_at"]}
        title = f"Window {outcome}, last day {london_day(window['deadline_on'])}"
        bars.append(_bar(span, scale, y, f"window-{window['outcome']}", outcome, title))
        marks.append(Mark(scale(window["deadline_at"]), y, "deadline", f"Deadline {london_day(window['deadline_on'])}"))
    return Row(y, "Windows", bars, marks)


def _status(spans: Sequence[Mapping[str, Any]], scale: Scale, y: float) -> Row:
    united: list[dict[str, Any]] = []
    for span in spans:
        if united and united[-1]["status"] == span["status"]:
            united[-1]["to"] = span["to"]
        else:
            united.append(dict(span))
    bars = [
        _bar(span, scale, y, span["status"], _status_words(span["status"]), _status_words(span["status"]))
        for span in united
    ]
    return Row(y, "Status", bars, ())


def _notices(entries: Sequence[Mapping[str, Any]], scale: Scale, y: float) -> Row:
    """Portal changes from their announcement to the last day on which maintenance is due."""
    bars = []
    for notice in (entry for entry in entries if entry["kind"] == "notice"):
        span = {"from": notice["at"], "to": f"{notice['due_on']}T23:59:59+00:00"}
        title = f"Portal change {notice['portal_change_id']}, due {london_day(notice['due_on'])}"
        bars.append(_bar(span, scale, y, "notice", notice["portal_change_id"], title))
    return Row(y, "Portal changes", bars, ())


def _policies(policies: Iterable[Mapping[str, Any]], scale: Scale) -> list[Mark]:
    """The revisions of the policy, from when each is in force."""
    return [
        Mark(scale(revision["from"]), AXIS_Y, "policy", f"Policy {revision['policy_id']} in force from {day}")
        for revision in policies
        if scale.first <= parsed(revision["from"]) <= scale.last
        for day in [london_day(revision["from"])]
    ]


def _steps(spans: Sequence[Mapping[str, Any]], scale: Scale, y: float) -> Steps:
    highest = max(1, *(span["headcount"] for span in spans), *(span["minimum"] or 0 for span in spans))
    base = y + HEADCOUNT_HEIGHT
    unit = (HEADCOUNT_HEIGHT - 8) / highest

    def height(people: int) -> float:
        return float(round(base - people * unit, 1))

    start = scale(spans[0]["from"])
    line = [f"M{start} {height(spans[0]['headcount'])}"]
    minimum: list[str] = []
    for span in spans:
        x, end = scale(span["from"]), scale(span["to"])
        line.append(f"V{height(span['headcount'])}H{end}")
        if span["minimum"] is not None:
            minimum.append(f"M{x} {height(span['minimum'])}H{end}")
    area = f"M{start} {base}{''.join(part.replace('M', 'L') for part in line)}V{base}Z"
    levels = [(height(level), level) for level in (0, highest)]
    least = spans[-1]["minimum"] or 0
    if least * unit >= LEVEL_HEIGHT and (highest - least) * unit >= LEVEL_HEIGHT:
        levels.insert(1, (height(least), least))
    return Steps(y, area, "".join(line), "".join(minimum), levels)


def _bar(span: Mapping[str, Any], scale: Scale, y: float, kind: str, label: str, title: str) -> Bar:
    x, end = scale(span["from"]), scale(span["to"])
    width = max(end - x, 2.0)
    fits = len(label) * LABEL_WIDTH_PER_CHARACTER + 12 < width
    until = f" to {london_day(span['to'])}" if span["to"] else " on"
    return Bar(
        x,
        round(width, 1),
        y,
        kind,
        label if fits else "",
        f"{title}, {london_day(span['from'])}{until}",
        not span["to"],
    )


def _status_words(status: str) -> str:
    return status.replace("_", " ").capitalize()


def _short(name: str) -> str:
    return name if len(name) <= 20 else f"{name[:19]}…"


def _words(product: str, spans: Sequence[Mapping[str, Any]], at: datetime, people: int) -> str:
    now = next((span for span in reversed(spans) if parsed(span["from"]) <= at), spans[0])
    return (
        f"{product}: {people} people over time, headcount against minimum, windows and status; "
        f"at this instant {now['status'].replace('_', ' ')}, headcount {now['headcount']}."
    )


def history_rows(
    product: str, standings: Mapping[str, Any], entries: Iterable[Mapping[str, Any]], names: Mapping[str, str]
) -> list[dict[str, Any]]:
    """The same as a table, in order: what, from when, to when."""
    rows = [
        {
            "from": span["from"],
            "to": span["to"],
            "what": _status_words(span["status"]),
            "detail": f"headcount {span['headcount']}, minimum {_known(span['minimum'])}",
            "ahead": parsed(span["from"]) > parsed(standings["at"]),
        }
        for span in standings["standings"]
        if span["product"] == product
    ]
    for span in standings["people"]:
        if span["product"] in (None, product):
            what = "linked" if span["product"] is None else "counted"
            name = names.get(span["consultant_id"], span["consultant_id"])
            rows.append({"from": span["from"], "to": span["to"], "what": name, "detail": what, "ahead": False})
    for entry in entries:
        if product in (entry.get("product"), *entry.get("products", ())):
            rows += _entry_rows(entry)
    return sorted(rows, key=lambda row: str(row["from"]))


def _known(number: int | None) -> str:
    return "unknown" if number is None else str(number)


def _entry_rows(entry: Mapping[str, Any]) -> list[dict[str, Any]]:
    if entry["kind"] == "window":
        detail = f"{entry['outcome'].replace('_', ' ')}, last day {london_day(entry['deadline_on'])}"
        return [_entry(entry["opened_at"], entry["closed_at"], "Replacement window", detail)]
    if entry["kind"] == "suspension":
        return [_entry(entry["from"], entry["to"], "Suspension", "no selling to new customers")]
    if entry["kind"] == "notice":
        detail = f"due on {london_day(entry['due_on'])}"
        return [_entry(entry["at"], None, f"Portal change {entry['portal_change_id']}", detail)]
    if entry["kind"] == "fact":
        return [_entry(entry["at"], None, fact_sentence(entry["type"], entry["data"]), "fact")]
    return []


def _entry(start: str, to: str | None, what: str, detail: str) -> dict[str, Any]:
    return {"from": start, "to": to, "what": what, "detail": detail, "ahead": False}
