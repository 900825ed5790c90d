"""Entries of the sealed logs: a line of JSON with the columns of a row, and the exact bytes of the fact or event."""

import json
from collections.abc import Mapping
from json.encoder import encode_basestring
from typing import Any, Final, NamedTuple

FACT_COLUMNS: Final[Mapping[str, tuple[type, ...]]] = {
    "actor": (str, type(None)),
    "append_position": (int,),
    "consultant_id": (str, type(None)),
    "content_hash": (str, type(None)),
    "effective_at": (str,),
    "fact_id": (str,),
    "held": (bool, type(None)),
    "idempotency_key": (str, type(None)),
    "into_partner_id": (str, type(None)),
    "notification_id": (int,),
    "originator_id": (str,),
    "originator_version": (int,),
    "partner_id": (str, type(None)),
    "recorded_at": (str,),
    "topic": (str,),
    "voided_fact_id": (str, type(None)),
}
EVENT_COLUMNS: Final[Mapping[str, tuple[type, ...]]] = {
    "about": (str,),
    "effective_at": (str,),
    "event_id": (str,),
    "fact_position": (int,),
    "partner_id": (str,),
    "position": (int,),
    "products": (list,),
    "recorded_at": (str,),
    "type": (str,),
}
CLAIM_COLUMNS: Final[Mapping[str, tuple[type, ...]]] = {
    "actor": (str,),
    "allowed": (bool,),
    "at": (str,),
    "customer": (str,),
    "engine": (str,),
    "number": (int,),
    "partner_id": (str,),
    "policy_id": (str,),
    "position": (int,),
    "product": (str,),
    "recorded_at": (str,),
}
INSTANTS: Final = ("at", "effective_at", "recorded_at")
INSTANT_CHARACTERS: Final = len("2022-01-13T11:00:05.250000Z")
WHOLE_SECOND: Final = ".000000Z"


class WrongEntryError(ValueError):
    """An entry that no log of this system has. The message says what is wrong."""


class Row(NamedTuple):
    """The columns of an entry, and its bytes."""

    columns: dict[str, Any]
    body: bytes


def read_row(entry: bytes, expected: Mapping[str, tuple[type, ...]]) -> Row:
    """Raises `WrongEntryError` if the line is not exactly how such columns are written."""
    head, separator, body = entry.partition(b"\n")
    try:
        line = head.decode()
        columns = json.loads(line)
    except (ValueError, RecursionError):
        raise WrongEntryError("the line of its columns is not JSON") from None
    if not separator or not isinstance(columns, dict):
        raise WrongEntryError("it has no line with its columns")
    for name, types in expected.items():
        if type(columns.get(name, ...)) not in types:
            raise WrongEntryError(f"its column {name} is missing or of another type")
    if written(columns) != line:
        raise WrongEntryError("the line of its columns is not written as the log writes it")
    for name in expected.keys() & INSTANTS:
        if len(columns[name]) != INSTANT_CHARACTERS or not columns[name].endswith("Z"):
            raise WrongEntryError(f"its column {name} is not an instant")
    return Row(columns, body)


def quick_row(entry: bytes) -> Row:
    """A row of an entry that was read before."""
    head, _, body = entry.partition(b"\n")
    return Row(json.loads(head.decode()), body)


def written(columns: Mapping[str, Any]) -> str:
    """The one way in which columns are written: compact JSON, in the order of the names."""
    return "{" + ",".join([f"{encode_basestring(name)}:{_value(columns[name])}" for name in sorted(columns)]) + "}"


def _value(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, str):
        return encode_basestring(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def short(instant: str) -> str:
    """An instant of a column as the bytes have it: without microseconds where they are zero."""
    return instant[: -len(WHOLE_SECOND)] + "Z" if instant.endswith(WHOLE_SECOND) else instant


def check_fact_bytes(row: Row) -> None:
    """The columns of a fact say what its bytes say. Raises `WrongEntryError`."""
    columns, body = row
    try:
        stored = json.loads(body.decode())
        data = stored["data"]
        said = {
            "fact_id": stored["fact_id"],
            "recorded_at": stored["recorded_at"],
            "effective_at": stored["effective_at"],
        }
        in_bytes = {
            "partner_id": data.get("partner_id", columns["partner_id"]),
            "into_partner_id": data.get("into", columns["into_partner_id"]),
            "consultant_id": data.get("consultant_id", columns["consultant_id"]),
            "voided_fact_id": data.get("fact_id") if ".fact-voided." in columns["topic"] else None,
        }
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
        raise WrongEntryError("its bytes are not a fact") from None
    for name, value in said.items():
        if value != short(columns[name]):
            raise WrongEntryError(f"its column {name} is not what its bytes say")
    for name, value in in_bytes.items():
        if value != columns[name]:
            raise WrongEntryError(f"its column {name} is not what its bytes say")
