"""Days to remember as a calendar (iCalendar, RFC 5545) and as a feed (Atom, RFC 4287)."""

import re
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Final, NamedTuple
from xml.etree import ElementTree

from shared.events.wire import instant_text

CALENDAR: Final = "text/calendar"
ATOM: Final = "application/atom+xml"
REFRESH: Final = timedelta(hours=1)
"""How often a calendar is asked for again."""

_ATOM: Final = "http://www.w3.org/2005/Atom"
_PRODID: Final = "-//Sage Partner Certification//due days//EN"
_NOT_IN_XML: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
"""Characters that XML 1.0 cannot hold; a name can."""


class DatedEntry(NamedTuple):
    """A day to remember. `key`: the same for ever. `since`: when it became one. `path`: where more is said of it."""

    key: str
    day: date
    title: str
    text: str
    category: str
    since: datetime
    path: str


def calendar(title: str, entries: Sequence[DatedEntry]) -> bytes:
    """A calendar with an event of a whole day for each entry."""
    # It takes a fifth of a second to load, and few ask for a calendar.
    from icalendar import Calendar, Event, vText

    found = Calendar()
    found.add("prodid", _PRODID)
    found.add("version", "2.0")
    found.add("name", vText(_clean(title)))
    found.add("x-wr-calname", vText(_clean(title)))
    found.add("refresh-interval", REFRESH, parameters={"VALUE": "DURATION"})
    for entry in entries:
        event = Event()
        event.add("uid", f"{entry.key}@sagecert")
        event.add("dtstamp", entry.since)
        event.add("dtstart", entry.day)
        event.add("summary", _clean(entry.title))
        event.add("description", _clean(entry.text))
        event.add("categories", [entry.category])
        event.add("transp", "TRANSPARENT")
        found.add_component(event)
    return bytes(found.to_ical())


def feed(title: str, path: str, entries: Sequence[DatedEntry], updated: datetime) -> bytes:
    """A feed with an entry for each. `path`: its own. `updated`: when it was made."""
    root = ElementTree.Element("feed", xmlns=_ATOM)
    _text(root, "id", f"urn:sagecert:feed:{path}")
    _text(root, "title", title)
    _text(root, "updated", instant_text(max((entry.since for entry in entries), default=updated)))
    _text(ElementTree.SubElement(root, "author"), "name", "Sage Partner Certification")
    ElementTree.SubElement(root, "link", rel="self", type=ATOM, href=path)
    for entry in entries:
        element = ElementTree.SubElement(root, "entry")
        _text(element, "id", f"urn:sagecert:due-day:{entry.key}")
        _text(element, "title", f"{entry.day.isoformat()}: {entry.title}")
        _text(element, "updated", instant_text(entry.since))
        _text(element, "summary", entry.text)
        ElementTree.SubElement(element, "category", term=entry.category)
        ElementTree.SubElement(element, "link", rel="alternate", type="application/json", href=entry.path)
    written: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return written


def _text(parent: ElementTree.Element, name: str, text: str) -> None:
    ElementTree.SubElement(parent, name).text = _clean(text)


def _clean(text: str) -> str:
    """The text on one line: a line break in a name would end the line of a calendar that is not escaped."""
    return _NOT_IN_XML.sub("\N{REPLACEMENT CHARACTER}", " ".join(text.splitlines()))
