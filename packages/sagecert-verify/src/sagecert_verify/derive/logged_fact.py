"""Facts as the log stores them, and their instants."""

import json
from datetime import date, datetime
from typing import Any, Final, NamedTuple

PREFIX: Final = "com.sage.partnercloud."
VERSION: Final = ".v1"


class UnreadableFactError(ValueError):
    """Stored bytes that are not a fact of the event contract. The message says what is missing or wrong."""


class LoggedFact(NamedTuple):
    """One fact of the log. `kind`: its topic without prefix and version.

    Facts of one append share `append_position`. `cause`: the reported fact that it follows from, or its own id.
    `history`: it was loaded afterwards.
    """

    position: int
    append_position: int
    recorded_at: datetime
    effective_at: datetime
    fact_id: str
    cause: str
    kind: str
    data: dict[str, Any]
    history: bool = False


def read_fact(position: int, append_position: int, topic: str, state: bytes) -> LoggedFact | None:
    """The fact of a row of the log; None for an event of an application that shares the log.

    Raises `UnreadableFactError`.
    """
    if not topic.startswith(PREFIX):
        return None
    if not topic.endswith(VERSION):
        raise UnreadableFactError(f"this verifier does not know the topic {topic}: take a newer one")
    stored = json.loads(state.decode())
    return LoggedFact(
        position,
        append_position,
        instant_of(stored["recorded_at"]),
        instant_of(stored["effective_at"]),
        stored["fact_id"],
        stored.get("causation_id") or stored["fact_id"],
        topic[len(PREFIX) : -len(VERSION)],
        stored["data"],
        stored.get("history", False),
    )


def instant_of(text: str) -> datetime:
    """An instant in UTC, as stored: RFC 3339 with `Z`."""
    if not text.endswith("Z"):
        raise UnreadableFactError(f"{text} is not an instant in UTC")
    return datetime.fromisoformat(text)


def instant_text(instant: datetime) -> str:
    """RFC 3339 in UTC with `Z`, microseconds only where they are not zero."""
    return instant.isoformat()[:-6] + "Z"


def day_of(text: str) -> date:
    """A day, as stored: `YYYY-MM-DD`."""
    return date.fromisoformat(text)
