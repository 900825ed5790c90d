"""What every question may carry: when, known when, and how fresh the answer must be."""

import re
from collections.abc import Collection
from datetime import datetime
from typing import Annotated, Final, Literal, TypeVar
from urllib.parse import parse_qsl

from fastapi import Path, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, WithJsonSchema

from services.compliance.historical_answers import facts_without_effect, timeline
from services.compliance.historical_answers.queries import AsOfMembers
from services.compliance.refusals import InvalidQuery
from services.web.event_broadcast import POSITION_MAX
from services.web.event_feed import FEED_START, LIMIT_DEFAULT, LIMIT_MAX, TIMEOUT_SECONDS_MAX, FeedStart
from services.web.field_errors import fields_of_query
from services.web.input_parsing import (
    INSTANT_OR_DAY_SCHEMA,
    INSTANT_SCHEMA,
    NUMBER,
    WHOLE_NUMBER,
    parse_due_before,
    parse_instant,
)
from services.web.problem_details import refusal_of
from services.web.products import Product
from shared.events.compliance_events import Status
from shared.rules.no_effect import NoEffect

Instant = Annotated[datetime, BeforeValidator(parse_instant), WithJsonSchema(INSTANT_SCHEMA)]
InstantOrDay = Annotated[datetime, BeforeValidator(parse_due_before), WithJsonSchema(INSTANT_OR_DAY_SCHEMA)]
"""What is due before: an instant, which a day in London stands for too."""
Position = Annotated[int, Field(ge=0, le=POSITION_MAX)]
"""A position in a body."""
AskedPosition = Annotated[int, Field(ge=0, le=POSITION_MAX), WHOLE_NUMBER]
"""A position in a query."""
Limit = Annotated[int, Field(ge=1, le=LIMIT_MAX), WHOLE_NUMBER]
"""The size of a page."""
ID_PATTERN: Final = r"[A-Za-z0-9_\-]{1,64}"
Id = Annotated[str, Path(pattern=rf"^{ID_PATTERN}$")]
WrittenId = Annotated[str, Field(pattern=rf"^{ID_PATTERN}$")]
"""An id in a query or in a body."""
SearchText = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\x00]*$")]
"""A part of a name or of an id."""
SEARCHED: Final = "Only where the id or the name holds this, case and accents aside."


class FreshQuery(BaseModel):
    """`min_position`: waits up to five seconds until the facts up to there are applied."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    min_position: AskedPosition | None = Field(default=None, description="Wait up to 5 s until it is applied.")


class AsOfQuery(FreshQuery):
    """`at` and `known_at` default to now. `known_position` is asked instead of `known_at`."""

    at: Instant | None = Field(default=None, description="True at this instant; it may lie in the future.")
    known_at: Instant | None = Field(default=None, description="Judged from the facts recorded by then.")
    known_position: AskedPosition | None = Field(default=None, description="Judged from exactly the facts up to there.")

    @property
    def live(self) -> bool:
        """Whether it asks about now, as known now."""
        return self.at is None and self.known_at is None and self.known_position is None

    @property
    def moment(self) -> AsOfMembers:
        """What it says of its moment."""
        return AsOfMembers(self.at, self.known_at, self.known_position)


_NOW: Final = AsOfQuery()
_Q = TypeVar("_Q", bound=BaseModel)


def question_of(request: Request, kind: type[_Q], repeatable: Collection[str] = ()) -> _Q:
    """The question in the query string: every parameter known, each given once unless it is `repeatable`.

    Raises `InvalidQuery` for one that is given twice, and `Malformed`, which names every one that is not acceptable.

    FastAPI could take it apart as well; that takes longer than the rest of a live answer.
    """
    query = request.scope["query_string"]
    if not query and kind is AsOfQuery:
        return _NOW  # type: ignore[return-value]  # _Q is Question here
    given: dict[str, str | list[str]] = {}
    lists: dict[str, list[str]] = {}
    for name, value in parse_qsl(query.decode("latin-1"), keep_blank_values=True):
        if name in repeatable:
            given[name] = lists.setdefault(name, [])
            lists[name].append(value)
        elif name in given:
            raise InvalidQuery(f"The query parameter {name!r} is given twice.", name)
        else:
            given[name] = value
    try:
        return kind.model_validate(given)
    except ValidationError as error:
        errors = [{**fault, "loc": ("query", *fault["loc"])} for fault in error.errors()]
        raise refusal_of(RequestValidationError(errors), fields_of_query(kind)) from None


class _Cursor:
    """What only the server makes: an `after` of this form. Raises `ValueError`, which says where it comes from."""

    def __init__(self, pattern: str) -> None:
        self._form = re.compile(pattern, re.ASCII)
        self.schema = WithJsonSchema({"type": "string", "pattern": f"^{pattern}$"})

    def __call__(self, written: object) -> object:
        if not isinstance(written, str) or not self._form.fullmatch(written):
            raise ValueError("it is the `next` of a page of this list, as it was given; without it the list begins")
        return written


_PARTNER: Final = _Cursor(rf"{ID_PATTERN}~({ID_PATTERN}|~)")
_CONSULTANT: Final = _Cursor(rf"{ID_PATTERN}~({ID_PATTERN}|~)")
_MAINTENANCE: Final = _Cursor(rf"[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}~{ID_PATTERN}~{ID_PATTERN}~({ID_PATTERN}|~)")
_WINDOW: Final = _Cursor(rf"[0-9:.TZ\-]{{20,27}}~{ID_PATTERN}~({ID_PATTERN}|~)~[0-9]{{1,9}}")
_TIMELINE: Final = _Cursor(timeline.CURSOR_PATTERN)
_FACTS: Final = _Cursor(facts_without_effect.CURSOR_PATTERN)
_PORTAL_CHANGE: Final = _Cursor(rf"[0-9:.TZ\-]{{20,27}}~{ID_PATTERN}")
_ENDPOINT: Final = _Cursor(rf"({ID_PATTERN})?")
_PARKED: Final = _Cursor("[0-9]{1,18}~[0-9]{1,18}")
PartnerCursor = Annotated[str, BeforeValidator(_PARTNER), _PARTNER.schema]
ConsultantCursor = Annotated[str, BeforeValidator(_CONSULTANT), _CONSULTANT.schema]
MaintenanceCursor = Annotated[str, BeforeValidator(_MAINTENANCE), _MAINTENANCE.schema]
WindowCursor = Annotated[str, BeforeValidator(_WINDOW), _WINDOW.schema]
TimelineCursor = Annotated[str, BeforeValidator(_TIMELINE), _TIMELINE.schema]
FactsCursor = Annotated[str, BeforeValidator(_FACTS), _FACTS.schema]
PortalChangeCursor = Annotated[str, BeforeValidator(_PORTAL_CHANGE), _PORTAL_CHANGE.schema]
EndpointCursor = Annotated[str, BeforeValidator(_ENDPOINT), _ENDPOINT.schema]
ParkedCursor = Annotated[str, BeforeValidator(_PARKED), _PARKED.schema]


class AuthorisationQuestion(AsOfQuery):
    """Which customers it is about."""

    customer: Literal["new", "existing"] = Field(description="A customer that is new, or one that exists already.")


class _Page(AsOfQuery):
    limit: Limit = Field(default=LIMIT_DEFAULT, description="How many at most.")


PARTNERS_FILTER: Final = ("status",)
"""What may be given several times in a `PartnersQuestion`."""


class PartnersQuestion(_Page):
    """Which partners."""

    status: tuple[Status, ...] = Field(default=(), max_length=5, description="Only with one of these statuses.")
    product: Product | None = Field(default=None, description="Only for this product.")
    q: SearchText | None = Field(default=None, description=SEARCHED)
    after: PartnerCursor | None = Field(default=None, description="`next` of the page before.")


class WindowsQuestion(_Page):
    """Which windows."""

    status: Literal["open", "closed", "expired", "closed_late", "void"] | None = Field(
        default=None, description="Only with this outcome."
    )
    product: Product | None = Field(default=None, description="Only for this product.")
    due_before: InstantOrDay | None = Field(
        default=None, description="With a deadline before this instant, or before this day in London."
    )
    after: WindowCursor | None = Field(default=None, description="`next` of the page before.")


class PartnerConsultantsQuestion(_Page):
    """Which people of a partner."""

    product: Product | None = Field(default=None, description="Only for this product.")
    certified: Literal["true", "false"] | None = Field(
        default=None, description="Only who is certified, or only who is not."
    )
    after: ConsultantCursor | None = Field(default=None, description="`next` of the page before.")


class ConsultantsQuestion(PartnerConsultantsQuestion):
    """Which people."""

    partner_id: WrittenId | None = Field(default=None, description="Only who is linked to this partner.")
    q: SearchText | None = Field(default=None, description=SEARCHED)


class MaintenanceQuestion(_Page):
    """Which maintenance that is owed."""

    due_before: InstantOrDay | None = Field(
        default=None, description="Due before this instant, or before this day in London."
    )
    portal_change_id: WrittenId | None = Field(default=None, description="Only for this portal change.")
    product: Product | None = Field(default=None, description="Only for this product.")
    partner_id: WrittenId | None = Field(default=None, description="Only by who is linked to this partner.")
    after: MaintenanceCursor | None = Field(default=None, description="`next` of the page before.")


class PortalChangesQuestion(_Page):
    """Which part of the portal changes."""

    after: PortalChangeCursor | None = Field(default=None, description="`next` of the page before.")


class TimelineQuestion(_Page):
    """Which part of a history."""

    after: TimelineCursor | None = Field(default=None, description="`next` of the page before.")


class StandingsQuestion(_Page):
    """How much of a history: `limit` spans of each product, the latest."""


class FactsWithoutEffectQuestion(_Page):
    """Which of the facts that changed nothing."""

    partner_id: WrittenId | None = Field(default=None, description="Only those that name this partner.")
    consultant_id: WrittenId | None = Field(default=None, description="Only those about this consultant.")
    reason: NoEffect | None = Field(default=None, description="Only for this reason.")
    after: FactsCursor | None = Field(default=None, description="`next` of the page before.")


class ChangesQuestion(FreshQuery):
    """Which instant, and between what was known when."""

    at: Instant | None = Field(default=None, description="True at this instant; without it now.")
    known_from: Instant | None = Field(default=None, description="As known then; without it as known at `at`.")
    known_to: Instant | None = Field(default=None, description="To what is known then; without it now.")
    after: AskedPosition | None = Field(default=None, description="`next` of the page before.")
    limit: Limit = Field(default=LIMIT_DEFAULT, description="How many at most.")


class EventsOfFactQuestion(FreshQuery):
    """Which of the events that a fact led to."""

    after: AskedPosition = Field(default=0, description="`next` of the page before.")
    limit: Limit = Field(default=LIMIT_DEFAULT, description="How many at most.")


class NoQuestion(BaseModel):
    """Nothing: the path says it all."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class WhatIfPageQuestion(BaseModel):
    """Which part of the differences."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    after: AskedPosition = Field(default=0, description="`next` of the page before.")
    limit: Limit = Field(default=LIMIT_DEFAULT, description="How many at most.")


RECORDED_EVENTS_FILTER: Final = ("type", "partner_id")
"""What may be given several times: the parameters of `RecordedEventsQuestion` that say which events."""


class RecordedEventsQuestion(FreshQuery):
    """Which events, newest first."""

    recorded_from: InstantOrDay | None = Field(
        default=None, description="Recorded at or after this instant, or the midnight that begins this day in London."
    )
    type: tuple[str, ...] = Field(default=(), description="Only these; short or full names.")
    partner_id: tuple[WrittenId, ...] = Field(default=(), description="Only about these.")
    limit: Limit = Field(default=LIMIT_DEFAULT, description="How many at most.")
    after: AskedPosition | None = Field(default=None, description="`next` of the page before.")


EVENTS_FILTER: Final = ("type", "partner_id", "product")
"""What may be given several times: the parameters of `EventsQuestion` that say which events."""


class EventsQuestion(AsOfQuery):
    """Which compliance events, and how long to wait for one."""

    after: FeedStart = Field(default=0, description=FEED_START)
    limit: Limit = Field(default=LIMIT_DEFAULT, description="How many at most.")
    timeout: Annotated[float, Field(ge=0, le=TIMEOUT_SECONDS_MAX), NUMBER] = Field(
        default=0,
        description="Seconds to wait for a first event where there is none.",
    )
    type: tuple[str, ...] = Field(default=(), description="Only these; short or full names.")
    partner_id: tuple[WrittenId, ...] = Field(default=(), description="Only about these.")
    product: tuple[Product, ...] = Field(default=(), description="Only about these.")
