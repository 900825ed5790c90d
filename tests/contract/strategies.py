"""Facts at random, made from the annotations of the contract's classes alone."""

import types
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec
from hypothesis import strategies as st

from shared.events.envelope import Fact
from shared.events.facts import TOPICS, FactData, Minimum, Period

TEXTS = st.text(st.characters(codec="utf-8"), max_size=20)
MICROSECONDS = int(timedelta(days=365 * 101).total_seconds()) * 1_000_000
INSTANTS = st.one_of(
    st.integers(0, MICROSECONDS).map(lambda after: datetime(2000, 1, 1, tzinfo=UTC) + timedelta(microseconds=after)),
    st.integers(0, MICROSECONDS // 1_000_000).map(
        lambda after: datetime(2000, 1, 1, tzinfo=UTC) + timedelta(seconds=after)
    ),
)
DAYS = st.dates(date(2000, 1, 1), date(2100, 12, 31))


def values(annotation: Any) -> st.SearchStrategy[Any]:
    """Values of one field's type; raises `TypeError` for a type that the contract does not use yet."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return values(arguments[0])
    if origin is Literal:
        return st.sampled_from(arguments)
    if origin in (Union, types.UnionType):
        return st.one_of(*map(values, arguments))
    if origin is tuple:
        return st.lists(values(arguments[0]), max_size=3).map(tuple)
    plain: dict[Any, st.SearchStrategy[Any]] = {
        str: TEXTS,
        bool: st.booleans(),
        int: st.integers(1, 366),
        datetime: INSTANTS,
        date: DAYS,
        type(None): st.none(),
    }
    if annotation in plain:
        return plain[annotation]
    if annotation in (Minimum, Period):
        return instances(annotation)
    raise TypeError(f"no strategy for {annotation}: give it one, and say in shared/events/facts.py what it means")


def instances(cls: type[msgspec.Struct]) -> st.SearchStrategy[Any]:
    """Instances of a struct, every field at random."""
    hints = get_type_hints(cls, include_extras=True)
    return st.builds(cls, **{field.name: values(hints[field.name]) for field in msgspec.structs.fields(cls)})


DATA: st.SearchStrategy[FactData] = st.one_of(*map(instances, TOPICS.values()))

FACTS: st.SearchStrategy[Fact] = st.builds(
    Fact,
    fact_id=TEXTS,
    effective_at=INSTANTS,
    recorded_at=INSTANTS,
    data=DATA,
    position=st.integers(1, 2**53),
    append_position=st.integers(1, 2**53),
    actor=TEXTS,
    correlation_id=TEXTS,
    causation_id=st.none() | TEXTS,
    history=st.booleans(),
)
