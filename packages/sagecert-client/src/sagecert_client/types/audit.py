"""The types of the audit service. Written by `python -m tests.client.generator --write`; do not edit."""

from __future__ import annotations

from typing import Any, NotRequired, TypeAlias, TypedDict

Problem: TypeAlias = "dict[str, Any]"

FieldError: TypeAlias = "dict[str, Any]"


class Alive(TypedDict):
    """The process answers."""

    status: NotRequired[str]


class Readiness(TypedDict):
    """How many facts and compliance events are recorded, and how many of them are sealed."""

    facts: int
    facts_sealed: int
    events: int
    events_sealed: int


class RecordedFact(TypedDict):
    """A fact as it is recorded. Where it is one of the same batch, the instant of its recording is not known yet."""

    fact_id: str
    type: str
    effective_at: str
    data: dict[str, Any]
    recorded_at: NotRequired[str | None]
