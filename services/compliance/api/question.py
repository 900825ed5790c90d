"""What every question may carry: when, known when, and how fresh the answer must be."""

import re
from datetime import UTC, datetime
from typing import Annotated, Final, Literal

from fastapi import Path
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

POSITION_MAX: Final = 2**63 - 1

_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,6})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


_FIRST_INSTANT: Final = datetime(2000, 1, 1, tzinfo=UTC)
_LAST_INSTANT: Final = datetime(2100, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)


def parse_instant(text: object) -> datetime:
    """An RFC 3339 instant with an offset, at most microseconds, in UTC, of the years 2000 to 2100."""
    if not isinstance(text, str) or _INSTANT.fullmatch(text) is None:
        raise ValueError("an instant is RFC 3339 with an offset, such as 2026-01-31T09:00:00Z ('+' is written %2B)")
    instant = datetime.fromisoformat(text.upper())
    if not _FIRST_INSTANT <= instant <= _LAST_INSTANT:
        raise ValueError("the year lies outside 2000 to 2100")
    return instant.astimezone(UTC)


Instant = Annotated[datetime, BeforeValidator(parse_instant, json_schema_input_type=str)]
Position = Annotated[int, Field(ge=0, le=POSITION_MAX)]
_ID: Final = r"[A-Za-z0-9_\-]{1,64}"
Id = Annotated[str, Path(pattern=rf"^{_ID}$")]
_WINDOW_AFTER: Final = rf"^[0-9:.TZ\-]{{20,27}}~{_ID}~{_ID}~[0-9]{{1,9}}$"
Product = Annotated[str, Field(pattern=rf"^{_ID}$")]


class Question(BaseModel):
    """`at` and `known_at` default to now. `known_position` is asked instead of `known_at`.

    `min_position`: waits up to five seconds until the facts up to there are applied.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    at: Instant | None = Field(default=None, description="True at this instant; it may lie in the future.")
    known_at: Instant | None = Field(default=None, description="Judged from the facts recorded by then.")
    known_position: Position | None = Field(default=None, description="Judged from exactly the facts up to there.")
    min_position: Position | None = Field(default=None, description="Wait up to 5 s until it is applied.")

    @property
    def live(self) -> bool:
        """Whether it asks about now, as known now."""
        return self.at is None and self.known_at is None and self.known_position is None


class AuthorisationQuestion(Question):
    """Which customers it is about."""

    customer: Literal["new", "existing"] = Field(description="A customer that is new, or one that exists already.")


class _Page(Question):
    limit: int = Field(default=100, ge=1, le=1000, description="How many at most.")


class PartnersQuestion(_Page):
    """Which partners."""

    status: Literal["not_enrolled", "not_yet_authorised", "compliant", "in_window", "suspended"] | None = None
    product: Product | None = None
    after: str | None = Field(default=None, pattern=rf"^{_ID}~({_ID}|~)$", description="`next` of the page before.")


class WindowsQuestion(_Page):
    """Which windows."""

    status: Literal["open", "closed", "expired", "closed_late", "void"] | None = None
    product: Product | None = None
    due_before: Instant | None = Field(default=None, description="With a deadline before this instant.")
    after: str | None = Field(default=None, pattern=_WINDOW_AFTER, description="`next` of the page before.")


class EventsQuestion(Question):
    """Which compliance events, and how long to wait for one."""

    after: Position = Field(default=0, description="The `sequence` of the last event that is known already.")
    limit: int = Field(default=100, ge=1, le=1000, description="How many at most.")
    timeout: float = Field(default=0, ge=0, le=30, allow_inf_nan=False, description="Seconds to wait for a first one.")
