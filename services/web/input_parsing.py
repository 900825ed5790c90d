"""Validation shared by every request: instants, numbers, bodies."""

import json
import re
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, BeforeValidator, ConfigDict
from starlette.exceptions import HTTPException

from shared.events.london import LONDON

YEARS: Final = range(2000, 2101)
"""Years, in UTC, in which something can be true."""

_RFC_3339: Final = re.compile(
    r"\d{4}-\d\d-\d\d[Tt]([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,6})?([Zz]|[+-]([01]\d|2[0-3]):[0-5]\d)", re.ASCII
)
_WHOLE_NUMBER: Final = re.compile(r"0|-?[1-9][0-9]{0,18}")
_NUMBER: Final = re.compile(r"-?(0|[1-9][0-9]{0,18})(\.[0-9]{1,18})?")


MEMBERS_MAX: Final = 100
"""The most fields of one JSON object: each unknown field costs an error. No body of the contract has ten."""

_28_DAYS, _30_DAYS, _31_DAYS = ("(0[1-9]|1[0-9]|2[0-8])", "(0[1-9]|[12][0-9]|30)", "(0[1-9]|[12][0-9]|3[01])")


def _days(january: str = _31_DAYS, december: str = _31_DAYS) -> str:
    """A pattern of the days of a common year, with these of January and December."""
    return f"(01-{january}|02-{_28_DAYS}|(0[3578]|10)-{_31_DAYS}|(0[469]|11)-{_30_DAYS}|12-{december})"


_INNER_DAYS: Final = (
    f"((200[1-9]|20[1-9][0-9])-{_days()}|2000-{_days(january='(0[2-9]|[12][0-9]|3[01])')}"
    f"|2100-{_days(december=_30_DAYS)}|20(0[048]|[2468][048]|[13579][26])-02-29)"
)
_FIRST_DAY, _LAST_DAY = f"{YEARS[0]}-01-01", f"{YEARS[-1]}-12-31"
_TIME: Final = r"[Tt]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6})?"
_OFFSET: Final = "([01][0-9]|2[0-3]):[0-5][0-9]"
DAY_PATTERN: Final = f"({_INNER_DAYS}|{_FIRST_DAY}|{_LAST_DAY})"
"""The days there are in `YEARS`."""
_DAY: Final = re.compile(DAY_PATTERN)

INSTANT_SCHEMA: Final = {
    "type": "string",
    "format": "date-time",
    # On the first and the last day an offset may only lead inwards: outwards it would leave the years.
    "pattern": (
        rf"^({_INNER_DAYS}{_TIME}([Zz]|[+-]{_OFFSET})|{_FIRST_DAY}{_TIME}([Zz]|-{_OFFSET}|\+00:00)"
        rf"|{_LAST_DAY}{_TIME}([Zz]|\+{_OFFSET}|-00:00))$"
    ),
    "description": "RFC 3339 with an offset and at most six decimals, in the years 2000 to 2100.",
    "examples": ["2026-03-01T09:00:00Z"],
}


INSTANT_OR_DAY_SCHEMA: Final = {
    "type": "string",
    "pattern": f"^({str(INSTANT_SCHEMA['pattern'])[1:-1]}|{DAY_PATTERN})$",
    "description": "An instant, or a day in Europe/London.",
    "examples": ["2026-03-02", "2026-03-01T09:00:00Z"],
}


class Body(BaseModel):
    """The fields of a body, as they were sent."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


def gives_one_of(*names: str) -> ConfigDict:
    """The configuration of a body whose schema says that at least one of these fields has a value."""
    given: list[Any] = [{"required": [name], "properties": {name: {"not": {"type": "null"}}}} for name in names]
    return ConfigDict(json_schema_extra={"anyOf": given})


def parse_instant(written: object) -> datetime:
    """RFC 3339 with an offset and at most microseconds, in UTC, within `YEARS`. Raises `ValueError`."""
    instant = parse_any_instant(written)
    if instant.year not in YEARS:
        raise ValueError(f"an instant lies in the years {YEARS[0]} to {YEARS[-1]}")
    return instant


def parse_beginning(written: object) -> datetime:
    """An instant, or a day in London: the midnight that begins it. Raises `ValueError`."""
    if _is_day(written):
        return datetime.combine(date.fromisoformat(str(written)), time(), LONDON).astimezone(UTC)
    try:
        return parse_instant(written)
    except ValueError as error:
        raise ValueError(f"{error}; or a day such as 2026-03-02") from None


def parse_due_before(written: object) -> datetime:
    """An instant, or a day in London: the bound of what is due before it. Raises `ValueError`.

    What is due on a day is due at the London midnight that ends it. So what is due before a day is due by the midnight
    that begins it: before the first instant after that.
    """
    beginning = parse_beginning(written)
    return beginning + timedelta(microseconds=1) if _is_day(written) else beginning


def _is_day(written: object) -> bool:
    return isinstance(written, str) and _DAY.fullmatch(written) is not None


def parse_any_instant(written: object) -> datetime:
    """RFC 3339 with an offset and at most microseconds, in UTC, of any year. Raises `ValueError`."""
    if not isinstance(written, str) or not _RFC_3339.fullmatch(written):
        raise ValueError(
            "an instant is RFC 3339 with an offset and at most six decimals, such as 2026-01-31T09:00:00Z"
            " (in a query, '+' is written %2B)"
        )
    try:
        return datetime.fromisoformat(written.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("there is no such instant") from None


def parse_whole_number(written: object) -> int:
    """A whole number in a path or a query, in the one way that JSON would write it. Raises `ValueError`."""
    if not isinstance(written, str) or not _WHOLE_NUMBER.fullmatch(written):
        raise ValueError("a whole number has decimal digits only, without leading zeros")
    return int(written)


def parse_number(written: object) -> float:
    """A number in a query, as JSON would write it without an exponent. Raises `ValueError`."""
    if not isinstance(written, str) or not _NUMBER.fullmatch(written):
        raise ValueError("a number has decimal digits, without leading zeros, and at most one point")
    return float(written)


# After the bounds: pydantic forgets them in the schema of what it cannot see through.
WHOLE_NUMBER: Final = BeforeValidator(parse_whole_number)
NUMBER: Final = BeforeValidator(parse_number)
"""The annotations of numbers in a path or a query."""


async def reject_duplicate_keys(request: Request) -> bytes:
    """Returns the body. Raises `RequestValidationError` for an object with a duplicate key or too many fields.

    A body that is not JSON is refused elsewhere.
    """
    body = await request.body()
    with suppress(ValueError, RecursionError):
        _BODY.decode(body.decode("utf-8-sig"))
    return body


def duplicate_key_error(part: str, name: str) -> RequestValidationError:
    """The error for a call whose `part` (body, header or query) has the same name twice."""
    return RequestValidationError([{"type": "doubled", "loc": (part, name), "msg": "it is given twice", "input": None}])


def body_error(error: RequestValidationError | HTTPException) -> str | None:
    """Why the body as a whole cannot be read, and what to send; None: the error is about a part, or not about a body.

    The framework answers 400 to a body that fails for another reason than its syntax; behind the request guard, only a
    number can.
    """
    if isinstance(error, HTTPException):
        return "The body has a number with too many digits to be read." if error.status_code == 400 else None
    first = error.errors()[0]
    if first["type"] == "json_invalid":
        return f"The body is not JSON: it cannot be read from character {first['loc'][1] + 1} on."
    if first["loc"] == ("body",) and first["type"] == "value_error":
        return f"The body is not acceptable: {first['msg'].removeprefix('Value error, ')}."
    if first["loc"] == ("body",):
        return "A body is needed: a JSON object, with Content-Type: application/json."
    return None


def distinct_members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The members of a JSON object. Raises `RequestValidationError` for a name given twice, and for too many."""
    if len(pairs) > MEMBERS_MAX:
        too_many = {"type": "too_many", "loc": ("body", pairs[-1][0][:100]), "input": None}
        raise RequestValidationError([{**too_many, "msg": f"an object has at most {MEMBERS_MAX} fields"}])
    members = dict(pairs)
    if len(members) < len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise duplicate_key_error("body", name[:100].encode(errors="replace").decode())
            seen.add(name)
    return members


_BODY: Final = json.JSONDecoder(object_pairs_hook=distinct_members)
