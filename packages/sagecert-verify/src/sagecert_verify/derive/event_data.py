"""What a compliance event says, byte for byte (docs/events.md)."""

import json
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from operator import attrgetter
from typing import Any, Final, NamedTuple

from sagecert_verify.derive.logged_fact import PREFIX, VERSION, instant_text
from sagecert_verify.derive.sweep import State, Suspension, Window

COUNTED_MAX: Final = 200
UNFILLED_MAX: Final = 200
ENDED_MAX: Final = 20
SUSPENSIONS_MAX: Final = 20
"""Shared by the products that an event can tell of."""
FACT_IDS_MAX: Final = 100


class Event(NamedTuple):
    """One compliance event, as its row of the log has it, but for its number."""

    event_id: str
    type: str
    partner_id: str
    products: Sequence[str]
    effective_at: str
    recorded_at: str
    fact_position: int
    about: str
    data: bytes


def type_of(name: str) -> str:
    """The CloudEvents type of an event."""
    return f"{PREFIX}{name}{VERSION}"


def event_id(type_: str, effective_at: str, recorded_at: str, about: str, ordinal: int, data: bytes) -> str:
    """The id of an event: a hash of what it says and what caused it."""
    what = f"{type_} {effective_at} {recorded_at} {about} {ordinal} "
    return blake2b(what.encode() + data, digest_size=16).hexdigest()


def encoded(value: Any) -> bytes:
    """Compact JSON in the order of its members."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def window_json(window: Window) -> dict[str, Any]:
    """A window, as events and answers have it."""
    return {
        "opened_at": instant_text(window.opened_at),
        "deadline_on": window.deadline_on.isoformat(),
        "deadline_at": instant_text(window.deadline_at),
        "closed_at": None if window.closed_at is None else instant_text(window.closed_at),
        "outcome": window.outcome,
        "policy_id": window.policy_id,
    }


def standing_json(product: str, state: State, counted: Sequence[str], products: int) -> dict[str, Any]:
    """The standing that an event carries, within the bounds of an event."""
    unfilled = [window for window in state.windows if window.closed_at is None]
    ended = sorted((window for window in state.windows if window.closed_at is not None), key=attrgetter("closed_at"))
    shown = sorted(
        [*_last(ended, ENDED_MAX // products), *unfilled[: UNFILLED_MAX // products]],
        key=attrgetter("opened_at", "ordinal"),
    )
    over = [suspension for suspension in state.suspensions if suspension.to is not None]
    told = [*_last(over, SUSPENSIONS_MAX // products), *state.suspensions[len(over) :]]
    status = state.status
    standing: dict[str, Any] = {
        "product": product,
        "headcount": state.headcount,
        "counted": list(counted[: COUNTED_MAX // products]),
        "minimum": state.minimum,
        "shortfall": state.shortfall,
        "status": status,
        "sell_new": status in ("compliant", "in_window"),
        "maintain_existing": state.is_enrolled,
        "windows": [window_json(window) for window in shown],
        "suspensions": [_suspension_json(suspension) for suspension in told],
    }
    omitted: Mapping[str, int] = {
        "counted_omitted": len(counted) - len(standing["counted"]),
        "windows_omitted": len(state.windows) - len(shown),
        "suspensions_omitted": len(state.suspensions) - len(told),
    }
    return standing | {name: number for name, number in omitted.items() if number}


def _suspension_json(suspension: Suspension) -> dict[str, Any]:
    return {
        "from": instant_text(suspension.since),
        "to": None if suspension.to is None else instant_text(suspension.to),
    }


def _last(things: list[Any], number: int) -> list[Any]:
    return things[-number:] if number else []
