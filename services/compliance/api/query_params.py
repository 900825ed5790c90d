"""Reads a question from a query string, by the declaration of the question (`historical_answers.questions`)."""

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from functools import cache
from typing import Annotated, Any, Final, Literal, NamedTuple, TypeVar, get_args, get_origin
from urllib.parse import parse_qsl

import msgspec
from fastapi import Path, Request
from fastapi.exceptions import RequestValidationError
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    WithJsonSchema,
    create_model,
)
from starlette.responses import Response

from services.compliance.api.service import service_of
from services.compliance.historical_answers import facts_without_effect, timeline
from services.compliance.historical_answers.questions import QueryParameter, Question
from services.compliance.policy.calendar import london_day
from services.compliance.refusals import InvalidQuery
from services.web.event_feed import FeedStart
from services.web.feed_events import POSITION_MAX
from services.web.field_errors import fields_of_query
from services.web.input_parsing import (
    INSTANT_OR_DAY_SCHEMA,
    INSTANT_SCHEMA,
    NUMBER,
    WHOLE_NUMBER,
    parse_any_instant,
    parse_beginning,
    parse_due_before,
    parse_instant,
)
from services.web.problem_details import refusal_of
from services.web.sold_products import Product, require_sold

Instant = Annotated[datetime, BeforeValidator(parse_instant), WithJsonSchema(INSTANT_SCHEMA)]
InstantOrDay = Annotated[datetime, BeforeValidator(parse_due_before), WithJsonSchema(INSTANT_OR_DAY_SCHEMA)]
"""The upper bound of a due day or deadline: an instant, or a London day for all that is due on an earlier one."""
Beginning = Annotated[datetime, BeforeValidator(parse_beginning), WithJsonSchema(INSTANT_OR_DAY_SCHEMA)]
"""An instant, or a London day for the midnight that begins it."""
Position = Annotated[int, Field(ge=0, le=POSITION_MAX)]
"""A position in a body."""
ID_PATTERN: Final = r"[A-Za-z0-9_\-]{1,64}"
Id = Annotated[str, Path(pattern=rf"^{ID_PATTERN}$", examples=["ACC1010"])]
WrittenId = Annotated[str, Field(pattern=rf"^{ID_PATTERN}$", examples=["ACC1010"])]
"""An id in a query or in a body."""
_SearchText = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\x00]*$")]
"""A part of a name or of an id."""
_MICROSECOND: Final = timedelta(microseconds=1)


def _cursor(pattern: str, place: Callable[[str], object] = str) -> Any:
    """A cursor, which only the server makes: text of this pattern, read as a place in a list.

    Text of another form raises `ValueError`, which says where cursors come from. Text of this form that is no place
    raises `InvalidQuery`.
    """
    form = re.compile(pattern, re.ASCII)

    def read(written: object) -> object:
        if not isinstance(written, str) or not form.fullmatch(written):
            raise ValueError("it must be the `next` of a page of this list, unchanged; leave it out for the first page")
        try:
            return place(written)
        except ValueError:
            raise InvalidQuery("after must be the `next` of a page of this list.", "after") from None

    return Annotated[Any, BeforeValidator(read), WithJsonSchema({"type": "string", "pattern": f"^{pattern}$"})]


def _duty_place(text: str) -> tuple[date, str, str, str]:
    due_on, portal_change_id, person, product = text.split("~", 3)
    return date.fromisoformat(due_on), portal_change_id, person, product


def _window_place(text: str) -> tuple[datetime, str, str, int]:
    instant, partner_id, rest = text.split("~", 2)
    product, _, number = rest.rpartition("~")
    return parse_any_instant(instant), partner_id, product, int(number)


def _instant_and_ids(text: str) -> tuple[object, ...]:
    instant, *ids = text.split("~")
    return parse_any_instant(instant), *ids


def _first_day_not_over_before(instant: datetime) -> date:
    return london_day(instant - _MICROSECOND)


_INSTANT: Final = r"[0-9:.TZ\-]{20,27}"
_CURSORS: Final[Mapping[str, Any]] = {
    "id and product cursor": _cursor(rf"{ID_PATTERN}~({ID_PATTERN}|~)", lambda text: tuple(text.split("~", 1))),
    "maintenance cursor": _cursor(
        rf"[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}~{ID_PATTERN}~{ID_PATTERN}~({ID_PATTERN}|~)", _duty_place
    ),
    "suspension cursor": _cursor(rf"{_INSTANT}~{ID_PATTERN}~{ID_PATTERN}", _instant_and_ids),
    "window cursor": _cursor(rf"{_INSTANT}~{ID_PATTERN}~({ID_PATTERN}|~)~[0-9]{{1,9}}", _window_place),
    "portal change cursor": _cursor(rf"{_INSTANT}~{ID_PATTERN}", _instant_and_ids),
    "timeline cursor": _cursor(timeline.CURSOR_PATTERN),
    "facts cursor": _cursor(facts_without_effect.CURSOR_PATTERN),
    "endpoint cursor": _cursor(rf"({ID_PATTERN})?"),
    "parked cursor": _cursor("[0-9]{1,18}~[0-9]{1,18}"),
}
_FORMS: Final[Mapping[str, Any]] = {
    **_CURSORS,
    "instant": Instant,
    "instant or day": InstantOrDay,
    "beginning": Beginning,
    "first day": Annotated[InstantOrDay, AfterValidator(london_day)],
    "bound of days": Annotated[InstantOrDay, AfterValidator(_first_day_not_over_before)],
    "id": WrittenId,
    "search text": _SearchText,
    "product": Product,
    "true or false": Annotated[Literal["true", "false"], AfterValidator(lambda written: written == "true")],
    "feed start": FeedStart,
}
"""How the members of questions are written, by `QueryParameter.form`."""
_Q = TypeVar("_Q", bound=Question)


class Form(NamedTuple):
    """How a question is written in a query. `repeatable`: the parameters that can be given several times."""

    model: type[BaseModel]
    repeatable: frozenset[str]
    is_optional: bool


@cache
def form_of(kind: type[Question]) -> Form:
    """The members of the question that stand in its query."""
    fields: dict[str, Any] = {}
    for field in msgspec.structs.fields(kind):
        if get_origin(field.type) is Annotated:
            value, asked = get_args(field.type)
            is_place = asked.form in _CURSORS and not isinstance(field.default, str)
            default = ... if field.required else None if is_place else field.default
            fields[field.name] = _written(value, asked, default), Field(default=default, description=asked.description)
    model = create_model(kind.__name__, __config__=ConfigDict(extra="forbid", frozen=True), **fields)
    repeatable = (name for name, field in model.model_fields.items() if get_origin(field.annotation) is tuple)
    return Form(model, frozenset(repeatable), not any(field.is_required() for field in model.model_fields.values()))


def _written(value: Any, asked: QueryParameter, default: object) -> Any:
    """The type of the member, with its form and its bounds in a query."""
    repeated = isinstance(default, tuple)
    if asked.form in ("whole number", "number"):
        kind, number = (int, WHOLE_NUMBER) if asked.form == "whole number" else (float, NUMBER)
        one: Any = Annotated[kind, Field(ge=asked.least, le=asked.most), number]
    else:
        one = _FORMS.get(asked.form or "", get_args(value)[0] if repeated else value)
    if repeated:
        return Annotated[tuple[one, ...], Field(max_length=asked.most)]
    return one | None if default is None else one


def question_of(request: Request, kind: type[_Q], **given: Any) -> _Q:
    """The question in the query string: every parameter known, each given once unless it is a list.

    `given`: the members that are not in the query. Raises `InvalidQuery` for a parameter that is given twice,
    `UnknownProduct`, and `Malformed`, which names every parameter that is not acceptable.

    FastAPI could take it apart as well; that takes longer than the rest of a live answer.
    """
    form, query = form_of(kind), request.scope["query_string"]
    if query or not form.is_optional:
        given |= _read(form, query.decode("latin-1"))
    question = kind(**given)
    products = getattr(question, "product", None)
    if products is not None:
        sold = service_of(request).parameters.products
        require_sold((products,) if isinstance(products, str) else products, sold)
    return question


async def derived(request: Request, kind: type[Question], about: str, **given: Any) -> Response:
    """The answer to the question in the query string, by a process that replays history (`Service.derive`)."""
    return await service_of(request).derive(request, question_of(request, kind, **given), about)


def _read(form: Form, query: str) -> dict[str, Any]:
    written: dict[str, str | list[str]] = {}
    lists: dict[str, list[str]] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name in form.repeatable:
            written[name] = lists.setdefault(name, [])
            lists[name].append(value)
        elif name in written:
            raise InvalidQuery(f"The query parameter {name!r} is given twice.", name)
        else:
            written[name] = value
    try:
        read = form.model.model_validate(written)
    except ValidationError as error:
        errors = [{**fault, "loc": ("query", *fault["loc"])} for fault in error.errors()]
        raise refusal_of(RequestValidationError(errors), fields_of_query(form.model)) from None
    return {name: getattr(read, name) for name in read.model_fields_set}
