"""The first place where what was published is not what follows, in words."""

import json
from collections.abc import Iterator
from typing import Any, Final

from sagecert_verify.checked_export import CheckedExport
from sagecert_verify.derive.event_data import Event
from sagecert_verify.finding import Finding, Status
from sagecert_verify.rows import Row, short

RULE_OF: Final = {
    "standing-changed": "R9",
    "minimum-reached": "R12",
    "replacement-window-opened": "R13",
    "replacement-window-closing": "R15",
    "replacement-window-closed": "R18",
    "replacement-window-expired": "R16",
    "replacement-window-voided": "R28",
    "selling-suspended": "R19",
    "selling-reinstated": "R21",
    "authorisation-ended": "R28",
    "certification-lapsed": "R26",
    "maintenance-required": "R27",
    "dual-link-detected": "R23",
    "dual-link-cleared": "R23",
    "retracted": "R33",
}


def is_same(expected: Event, found: Row) -> bool:
    """Whether the event is published as it follows: every column, and every byte."""
    columns, body = found
    return (
        body == expected.data
        and columns["event_id"] == expected.event_id
        and columns["type"] == expected.type
        and columns["about"] == expected.about
        and columns["fact_position"] == expected.fact_position
        and columns["products"] == list(expected.products)
        and short(columns["effective_at"]) == expected.effective_at
        and short(columns["recorded_at"]) == expected.recorded_at
    )


def difference(partner: str, expected: Event | None, found: tuple[int, Row] | None, export: CheckedExport) -> Finding:
    """In words: which event, and what the rules say instead."""
    fact_ids: tuple[str, ...] = ()
    if expected is not None:
        fact_ids = tuple(json.loads(expected.data).get("fact_ids", ()))
    rule = _rule(expected.type if expected is not None else found[1].columns["type"] if found else "")
    if found is None:
        assert expected is not None
        what = f"{_said(expected.type)} of {partner} at {expected.effective_at}"
        sentence = f"the compliance log lacks an event: {what}, known from {expected.recorded_at}"
        return Finding(Status.DIFFERS, sentence, "compliance", len(export.events.spool) + 1, rule, fact_ids)
    position, (columns, body) = found
    what = f"event {position} says {_said(columns['type'])} of {partner} at {short(columns['effective_at'])}"
    if expected is None:
        sentence = f"{what}, and nothing follows from the facts"
    elif (columns["type"], short(columns["effective_at"])) != (expected.type, expected.effective_at):
        sentence = f"{what}; what follows is {_said(expected.type)} at {expected.effective_at}"
    else:
        sentence = f"{what}; {_first_difference(expected, columns, body)}"
    engine = export.facts.system.engine_when(columns["recorded_at"])
    if engine is not None:
        sentence += f" (then the engine {engine.engine_id} decided, version {engine.code_version})"
    return Finding(Status.DIFFERS, sentence, "compliance", position, rule, fact_ids)


def _first_difference(expected: Event, columns: dict[str, Any], body: bytes) -> str:
    try:
        said, follows = json.loads(body), json.loads(expected.data)
    except (ValueError, RecursionError):
        return "its bytes are not an event"
    for path, value in _flat(follows):
        found = dict(_flat(said)).get(path)
        if found != value:
            return f"its {path} is {found!r}, and {value!r} follows"
    if columns["event_id"] != expected.event_id:
        return "its id is not that of what it says"
    return "it is written otherwise than what follows"


def _flat(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for name, member in value.items():
            yield from _flat(member, f"{path}.{name}" if path else name)
    elif isinstance(value, list) and value:
        for place, member in enumerate(value):
            yield from _flat(member, f"{path}[{place}]")
    else:
        yield path, value


def _said(type_: str) -> str:
    return type_.removeprefix("com.sage.partnercloud.").removesuffix(".v1")


def _rule(type_: str) -> str:
    return RULE_OF.get(_said(type_), "")
