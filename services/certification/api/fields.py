"""What callers may write in a field, exactly: nothing is coerced, unknown fields are refused."""

import re
from datetime import date, datetime
from typing import Annotated, Any, Final

from fastapi import Path
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, PlainSerializer, StringConstraints
from pydantic import Field as ModelField
from pydantic.json_schema import WithJsonSchema

from services.bodies import INSTANT_SCHEMA, WHOLE_NUMBER, YEARS, Body, parse_instant
from services.products import Product
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


def distinct(values: list[str]) -> list[str]:
    """Raises `ValueError` where a value is named twice."""
    if len(set(values)) < len(values):
        raise ValueError("each is named once")
    return values


Instant = Annotated[
    datetime,
    BeforeValidator(parse_instant),
    WithJsonSchema(INSTANT_SCHEMA),
]
"""An instant as callers write it."""

InstantAnswer = Annotated[
    datetime,
    PlainSerializer(instant_text, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}, mode="serialization"),
]
"""An instant as it is answered: UTC with `Z`, microseconds only where they are not zero."""

Day = Annotated[date, BeforeValidator(parse_day), WithJsonSchema({"type": "string", "format": "date"})]

Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
"""An id of the caller's: of a partner, consultant, registration, portal change; also of a fact."""

Score = Annotated[
    str,
    StringConstraints(pattern=r"^(0|[1-9][0-9]{0,2})(\.[0-9]{1,2})?$"),
    ModelField(description="A decimal string, 0 to 100, at most two decimals.", examples=["79.99"]),
]

AttemptInPath = Annotated[int, Path(ge=0, le=9, description="1 or 2 (R5)."), WHOLE_NUMBER]

Text = Annotated[str, StringConstraints(min_length=1, max_length=2000, pattern=r"^[^\x00]*$")]
"""Free text."""

Name = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]

KEY_PATTERN: Final = r"^[\x21-\x7E]{1,255}$"
"""An idempotency key: visible ASCII."""

Products = Annotated[list[Product], ModelField(min_length=1, max_length=100), AfterValidator(distinct)]


class FactBody(Body):
    """What every fact may say. `effective_at`: when it was true; left out, when it is recorded (R30)."""

    effective_at: Instant | None = None


class Answer(BaseModel):
    """What a call is answered."""

    model_config = ConfigDict(frozen=True)
