"""The small parts that a page repeats in every row. Made here: a macro takes several times as long."""

from collections.abc import Sequence
from functools import lru_cache
from html import escape as escaped
from typing import Any, Final
from urllib.parse import quote

from markupsafe import Markup, escape

from services.console import dates
from services.console.fact_words import LACKS

KEPT_MAX: Final = 4096
"""Badges and instants that a process keeps: a page shows the same ones often. Names are not kept."""

_STATUSES: Final = {
    "compliant": ("ok", "Compliant"),
    "in_window": ("warn", "In window"),
    "suspended": ("bad", "Suspended"),
    "not_yet_authorised": ("muted", "Not yet authorised"),
    "not_enrolled": ("muted", "Not enrolled"),
    "open": ("warn", "Open"),
    "closed": ("ok", "Closed in time"),
    "closed_late": ("info", "Closed late"),
    "expired": ("bad", "Expired"),
    "void": ("muted", "No longer applies"),
}


@lru_cache(KEPT_MAX, typed=True)
def icon(name: str, label: str | None = None) -> Markup:
    """A symbol of the sprite; without a label it says nothing to a screen reader."""
    said = f'role="img" aria-label="{escape(label)}"' if label else 'aria-hidden="true"'
    return Markup(f'<svg class="icon" {said}><use href="#i-{escape(name)}"></use></svg>')


@lru_cache(KEPT_MAX, typed=True)
def badge(kind: str, word: Any) -> Markup:
    """A word with a symbol: no colour speaks alone."""
    return Markup(f'<span class="badge {escape(kind)}">{icon(kind)}{escape(word)}</span>')


def status(name: str) -> Markup:
    """The badge of a standing or a window."""
    kind, word = _STATUSES.get(name) or ("info", name.replace("_", " ").replace("-", " ").capitalize())
    return badge(kind, word)


def certified(yes: bool) -> Markup:
    """The badge of a person."""
    return badge("ok", "Certified") if yes else badge("muted", "Not certified")


def lacks(things: Sequence[str], maintenance_due_on: str | None) -> Markup:
    """What a person lacks, in words, and by when maintenance is due."""
    words = [escaped(LACKS.get(thing, thing)) for thing in things]
    if maintenance_due_on and "maintenance" not in things:
        words.append(LACKS["maintenance"])
    said = ", ".join(words) or '<span class="muted">nothing</span>'
    return Markup(f"<span>{said}{f' due {_day(maintenance_due_on)}' if maintenance_due_on else ''}</span>")


def time(instant: str | None, blank: str = "–") -> Markup:
    """London's day and time; the exact instant on hover and focus."""
    return _time(instant) if instant else _blank(blank)


def date(instant: str | None, blank: str = "–") -> Markup:
    """London's day of an instant; the exact instant on hover and focus."""
    return _date(instant) if instant else _blank(blank)


def day(written: str | None, blank: str = "–") -> Markup:
    """A whole London day, such as a due day."""
    return _day(written) if written else _blank(blank)


def partner(partner_id: str, name: str | None = None) -> Markup:
    """The partner by its name, with the id behind; a link to its page."""
    return _named("/partners/", partner_id, name)


def person(consultant_id: str, name: str | None = None) -> Markup:
    """The person, likewise."""
    return _named("/people/", consultant_id, name)


def fact(fact_id: str) -> Markup:
    """A fact by the beginning of its id, and by its number where it is one of several that follow from another."""
    parts = fact_id.split("-", 5)
    shown = fact_id[:8] + (f"…{parts[5]}" if len(parts) > 5 else "")
    return Markup(
        f'<a class="mono" href="/log/{quote(fact_id, safe="")}" title="{escaped(fact_id)}">{escaped(shown)}</a>'
    )


def _named(path: str, known_id: str, name: str | None) -> Markup:
    shown = escaped(known_id)
    called = escaped(name) if name else shown
    part = known_id if known_id.isascii() and known_id.isalnum() else quote(known_id, safe="")  # to quote takes long
    link = f'<a class="name" href="{path}{part}"><bdi>{called}</bdi></a>'
    return Markup(link if called == shown else f'{link} <span class="id"><bdi>{shown}</bdi></span>')


@lru_cache(KEPT_MAX)
def _time(instant: str) -> Markup:
    return _when(instant, dates.london(instant))


@lru_cache(KEPT_MAX)
def _date(instant: str) -> Markup:
    return _when(instant, dates.london_day(instant))


@lru_cache(KEPT_MAX)
def _day(written: str) -> Markup:
    return Markup(f'<time datetime="{escape(written)}">{escape(dates.london_day(written))}</time>')


def _when(instant: str, words: str) -> Markup:
    exact = escape(dates.exact(instant))
    return Markup(
        f'<time class="when" datetime="{escape(instant)}" title="{exact}" tabindex="0">{escape(words)}</time>'
    )


def _blank(word: str) -> Markup:
    return Markup(f'<span class="muted">{escape(word)}</span>') if word else Markup()
