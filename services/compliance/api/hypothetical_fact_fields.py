"""Facts that a caller supposes: as the service that records facts would show them, and held to the same bounds."""

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime
from typing import Annotated, Any, Final

import msgspec
from pydantic import Field

from services.compliance.api.query_params import ID_PATTERN, Instant, WrittenId
from services.compliance.historical_answers.questions import HypotheticalFact
from services.web.input_parsing import YEARS, Body
from shared.events.facts import DECIDED, REPORTED, TOPICS, FactData, Minimum, Period, products_of

_TYPES: Final = {topic: kind for topic, kind in TOPICS.items() if kind in REPORTED | DECIDED}
_PERIODS_MAX: Final = 100
_FACTS_MAX: Final = 1_000
_PRODUCTS_MAX: Final = 10
_ID: Final = re.compile(ID_PATTERN)
_CODE: Final = re.compile(r"[A-Z][A-Z0-9_]{0,63}")
_decoders: Final = {topic: msgspec.json.Decoder(kind) for topic, kind in _TYPES.items()}
_Type = Annotated[str, Field(json_schema_extra={"enum": list(_TYPES)})]


class HypotheticalFactBody(Body):
    """A fact that might be recorded, as `show_facts` of a validated batch shows it.

    `effective_at`: by default the instant of the answer. `causation_id`: of a decision, the fact before it from which
    it follows; both are recorded together. `data`: the members of a fact of the type.
    """

    fact_id: WrittenId
    type: _Type
    effective_at: Instant | None = None
    causation_id: WrittenId | None = None
    data: dict[str, Any]

    @property
    def fault(self) -> str | None:
        """Why no recorded fact says this; None: one can."""
        try:
            return next(_faults(self.fact_data()), None)
        except ValueError as error:
            return str(error)

    def fact_data(self) -> FactData:
        """What it says. Raises `ValueError`."""
        if self.type not in _decoders:
            raise ValueError(f"type is one of {', '.join(_decoders)}")
        try:
            return _decoders[self.type].decode(msgspec.json.encode(self.data))
        except (msgspec.DecodeError, RecursionError, UnicodeEncodeError, OverflowError) as error:
            raise ValueError(f"data is not that of a {self.type}: {error}") from None

    @property
    def products(self) -> tuple[str, ...]:
        """The products that it names (R2)."""
        return products_of(self.fact_data())

    @property
    def question(self) -> HypotheticalFact:
        """The fact as a process that replays history takes it."""
        return HypotheticalFact(
            fact_id=self.fact_id,
            type=self.type,
            effective_at=self.effective_at,
            causation_id=self.causation_id,
            data=msgspec.json.encode(self.fact_data()),
        )


def _faults(data: FactData) -> Iterator[str]:
    """Refuses values that no recorded fact can have: the policy relies on the bounds of the domain."""
    for name in data.__struct_fields__:
        value = getattr(data, name)
        check = _CHECKS.get(name)
        if value is not None and check is not None and not check(value):
            yield f"data.{name} is not what a recorded fact can have there"
    if getattr(data, "into", None) is not None and getattr(data, "into", None) == getattr(data, "partner_id", None):
        yield "a partner cannot be merged into itself (R29)"


def _is_id(value: str) -> bool:
    return _ID.fullmatch(value) is not None


def _is_code(value: str) -> bool:
    return _CODE.fullmatch(value) is not None


def _in_years(value: date | datetime) -> bool:
    return value.year in YEARS


def _is_minimum(value: Minimum) -> bool:
    return all(least is None or 1 <= least <= 99 for least in (value.var, value.developer))


def _in_order(periods: Sequence[Period]) -> bool:
    """Whether the periods have a length and lie one after the other; only the last may have no end."""
    starts = [period.start for period in periods]
    ends = [period.end for period in periods if period.end is not None]
    facts = [fact_id for period in periods for fact_id in (*period.start_facts, *period.end_facts)]
    return (
        len(periods) <= _PERIODS_MAX
        and len(facts) <= _FACTS_MAX
        and all(map(_is_id, facts))
        and all(map(_in_years, (*starts, *ends)))
        and all(period.end is not None for period in periods[:-1])
        and all(start < end for start, end in zip(starts, ends, strict=False))
        and all(end <= start for end, start in zip(ends, starts[1:], strict=False))
    )


def _within(least: int, most: int) -> Callable[[int], bool]:
    return lambda value: least <= value <= most


def _each(check: Callable[[Any], bool], least: int, most: int) -> Callable[[Sequence[Any]], bool]:
    return lambda values: least <= len(values) <= most and len(set(values)) == len(values) and all(map(check, values))


_CHECKS: Final[dict[str, Callable[[Any], bool]]] = {
    **dict.fromkeys(
        ("partner_id", "into", "consultant_id", "registration_id", "portal_change_id", "policy_id"), _is_id
    ),
    **dict.fromkeys(("grant_id", "fact_id"), _is_id),
    "programme": _is_code,
    "programmes": _each(_is_code, 1, 20),
    "products": _each(_is_id, 1, _PRODUCTS_MAX),
    "product": _is_id,
    "due_on": _in_years,
    "granted_at": _in_years,
    "periods": _in_order,
    "window_days": _within(1, 366),
    "minimum": _is_minimum,
    "reminder_days": _each(_within(1, 365), 0, 10),
}
"""The checks by field name. None is left to the type."""
