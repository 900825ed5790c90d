"""The exact form of each field: nothing is coerced, unknown fields are refused."""

import re
from datetime import date, datetime
from typing import Annotated, Any, Final, TypeVar

from fastapi import Path, Query
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, PlainSerializer, StringConstraints
from pydantic import Field as ModelField
from pydantic.json_schema import WithJsonSchema

from services.web.feed_events import POSITION_MAX
from services.web.input_parsing import DAY_PATTERN, INSTANT_SCHEMA, WHOLE_NUMBER, YEARS, Body, parse_instant
from services.web.sold_products import Product
from shared.events.facts import ELIGIBLE_PROGRAMMES
from shared.events.wire import instant_text

DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def parse_day(written: Any) -> date:
    """A day, YYYY-MM-DD. Raises `ValueError`."""
    if not isinstance(written, str) or not DAY.fullmatch(written):
        raise ValueError("a day is written YYYY-MM-DD")
    try:
        day = date.fromisoformat(written)
    except ValueError:
        raise ValueError("there is no such day") from None
    if day.year not in YEARS:
        raise ValueError(f"a day lies in the years {YEARS[0]} to {YEARS[-1]}")
    return day


_T = TypeVar("_T", str, int)


def distinct(values: list[_T]) -> list[_T]:
    """Raises `ValueError` if a value is named twice."""
    if len(set(values)) < len(values):
        raise ValueError("each value may be given once")
    return values


Instant = Annotated[datetime, BeforeValidator(parse_instant), WithJsonSchema(INSTANT_SCHEMA)]
"""An instant as callers write it."""

InstantAnswer = Annotated[
    datetime,
    PlainSerializer(instant_text, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}, mode="serialization"),
]
"""An instant as it is answered: UTC with `Z`, microseconds only where they are not zero."""

Day = Annotated[
    date,
    BeforeValidator(parse_day),
    WithJsonSchema(
        {
            "type": "string",
            "format": "date",
            "pattern": f"^{DAY_PATTERN}$",
            "description": "A day of Europe/London, YYYY-MM-DD, in the years 2000 to 2100.",
            "examples": ["2026-04-30"],
        }
    ),
]

Id = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$"),
    ModelField(description="1 to 64 letters, digits, `_` and `-`.", examples=["ACC1010"]),
]
"""The id of a partner, consultant, registration or portal change, given by the caller; also that of a fact."""

Score = Annotated[
    str,
    StringConstraints(pattern=r"^(0|[1-9][0-9]{0,2})(\.[0-9]{1,2})?$"),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": r"^(100(\.0{1,2})?|(0|[1-9][0-9]?)(\.[0-9]{1,2})?)$",
            "description": "A decimal string, 0 to 100, at most two decimals.",
            "examples": ["79.99"],
        }
    ),
]
"""More than 100 is refused by its rule (R6), not for its form."""

_ATTEMPT_SCHEMA: Final = WithJsonSchema({"type": "integer", "minimum": 1, "maximum": 2})
AttemptNumber = Annotated[int, _ATTEMPT_SCHEMA]
"""Any other number is refused by its rule (R5), not for its form."""
AttemptInPath = Annotated[int, Path(ge=0, le=9, description="1 or 2 (R5)."), WHOLE_NUMBER, _ATTEMPT_SCHEMA]

Text = Annotated[
    str,
    StringConstraints(min_length=1, max_length=2000, pattern=r"^[^\x00]*$"),
    ModelField(description="Text of 1 to 2,000 characters, without NUL.", examples=["recorded for another person"]),
]
"""Free text."""

Name = Annotated[
    str,
    StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00]*$"),
    ModelField(description="A name of 1 to 200 characters, without NUL.", examples=["Harbour Software Ltd"]),
]

NewestFirst = Annotated[
    int | None, Query(ge=1, le=POSITION_MAX, description="`next` of the page before."), WHOLE_NUMBER
]
"""The `after` of a page of a list that begins with the newest; None: of the first page."""

KEY_PATTERN: Final = r"^[\x21-\x7E]{1,255}$"
"""An idempotency key: visible ASCII."""

NO_PROGRAMME: Final = "NONE"
PROGRAMME: Final = re.compile(r"[A-Z][A-Z0-9_]{0,63}")


def parse_programme(written: Any) -> str:
    """The code of a programme. Raises `ValueError`, which names the codes that enrol at first (see `programmes`)."""
    if not isinstance(written, str) or not PROGRAMME.fullmatch(written):
        raise ValueError(
            "a programme is a code of capital letters, digits and underscores; those that enrol are "
            f"{' and '.join(ELIGIBLE_PROGRAMMES)}, and {NO_PROGRAMME} means none"
        )
    return written


Programme = Annotated[
    str,
    BeforeValidator(parse_programme),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": f"^{PROGRAMME.pattern}$",
            "description": "A code. Those that enrol are of the policy in force (R11, R39), at first "
            f"{' and '.join(ELIGIBLE_PROGRAMMES)}. {NO_PROGRAMME}: no programme.",
            "examples": [ELIGIBLE_PROGRAMMES[0]],
        }
    ),
]
"""A code, never free text: the fact keeps it for ever."""


def _enrols(programme: str) -> str:
    if programme == NO_PROGRAMME:
        raise ValueError(f"{NO_PROGRAMME} means no programme: a partner cannot enrol in it")
    return programme


EligibleProgramme = Annotated[Programme, AfterValidator(_enrols)]
"""A code, but not the one of those who left."""

CORRELATION_ID: Final = re.compile(
    r"[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}"  # a UUID
    r"|[0-7]([0-9A-HJKMNP-TV-Z]{25}|[0-9a-hjkmnp-tv-z]{25})"  # a ULID
    r"|[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}"  # a W3C traceparent
    r"|[0-9A-Fa-f]{16,64}"  # a trace id, a span id, a hash; fewer digits could be a date or a telephone number
)


def parse_correlation_id(written: str) -> str:
    """An opaque token. Raises `ValueError` for text in which a person could read a name, an address or a number."""
    if not CORRELATION_ID.fullmatch(written):
        raise ValueError("it is an opaque token: a UUID, a ULID, a W3C traceparent, or 16 to 64 hexadecimal digits")
    return written


CorrelationId = Annotated[
    str,
    AfterValidator(parse_correlation_id),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": f"^({CORRELATION_ID.pattern})$",
            "examples": ["01890a5d-ac96-774b-bcce-b302099a8057"],
        }
    ),
]
"""The caller's id for a conversation. The fact keeps it for ever, so its form has no room for a name."""

Products = Annotated[
    list[Product],
    ModelField(min_length=1, max_length=100, json_schema_extra={"uniqueItems": True}),
    AfterValidator(distinct),
]


class FactBody(Body):
    """The base of every fact's body. `effective_at`: when it was true; by default when it is recorded (R30)."""

    effective_at: Instant | None = None


class Answer(BaseModel):
    """The base of every answer."""

    model_config = ConfigDict(frozen=True)
