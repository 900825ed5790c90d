"""The types of the sandbox service. Written by `python -m tests.client.generator --write`; do not edit."""

from __future__ import annotations

from typing import Any, NotRequired, TypeAlias, TypedDict

Problem: TypeAlias = "dict[str, Any]"

FieldError: TypeAlias = "dict[str, Any]"


class ClockAnswer(TypedDict):
    """What the clock shows."""

    now: str
    running: bool


class ClockBody(TypedDict):
    """The instant that the clock shows. `running`: it goes on from there; otherwise it stands still."""

    now: str
    running: NotRequired[bool]


class RecordedFact(TypedDict):
    """A fact as it is recorded. Where it is one of the same batch, the instant of its recording is not known yet."""

    fact_id: str
    type: str
    effective_at: str
    data: dict[str, Any]
    recorded_at: NotRequired[str | None]
