"""Calls as values: what is sent, and the type of what is answered."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import Enum
from typing import Any, Final, Generic, TypeVar
from urllib.parse import quote
from uuid import uuid4

Answer = TypeVar("Answer")
Item = TypeVar("Item")
Event = TypeVar("Event", bound=Mapping[str, Any])

Instant = datetime | str
"""An aware datetime, or RFC 3339 text with an offset."""
Day = date | str
"""A London day."""


class Omitted(Enum):
    """A member of a body that is left out, which is not the same as null."""

    OMITTED = "omitted"


OMITTED: Final = Omitted.OMITTED


@dataclass(frozen=True, kw_only=True)
class Request(Generic[Answer]):
    """One call. `path`: with every id in its place. `body`: None where there is none.

    Sent again, it is the same call: a request that records a fact has its idempotency key.
    """

    method: str
    path: str
    query: Sequence[tuple[str, str]] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None

    @property
    def repeatable(self) -> bool:
        """Whether it does no more when it is sent twice."""
        return self.method in ("GET", "PUT", "DELETE") or any(name.lower() == KEY for name in self.headers)


@dataclass(frozen=True, kw_only=True)
class PagedRequest(Request[Answer], Generic[Answer, Item]):
    """Asks for a page of a list. `items`: the member of the answer that holds them."""

    items: str


@dataclass(frozen=True, kw_only=True)
class FeedRequest(Request[list[Event]], Generic[Event]):
    """Asks for a page of a feed of CloudEvents."""


@dataclass(frozen=True, kw_only=True)
class LinesRequest(Request[None], Generic[Item]):
    """Is answered with a JSON value a line."""


@dataclass(frozen=True, kw_only=True)
class FileRequest(Request[None]):
    """Is answered with text or bytes of any length: a table, a proof, an export."""


KEY: Final = "idempotency-key"


def path_of(template: str, **ids: object) -> str:
    """The path with these ids, each encoded."""
    return template.format(**{name: quote(str(value), safe="") for name, value in ids.items()})


def query_of(**given: object) -> list[tuple[str, str]]:
    """The parameters that are given; a sequence gives its name several times. A final `_` is no part of a name."""
    found: list[tuple[str, str]] = []
    for name, value in given.items():
        values = value if isinstance(value, list | tuple) else (value,)
        found += [(name.rstrip("_"), _written(one)) for one in values if one is not None]
    return found


def headers_of(**given: str | None) -> dict[str, str]:
    """The headers that are given; `_` stands for `-`."""
    return {name.replace("_", "-"): value for name, value in given.items() if value is not None}


def recording(idempotency_key: str | None, **given: str | None) -> dict[str, str]:
    """The headers of a call that records a fact: with its key, a new one unless it is given."""
    return headers_of(idempotency_key=idempotency_key or str(uuid4()), **given)


def body_of(**given: object) -> bytes:
    """The members that are given, as JSON. A final `_` is no part of a name."""
    said = {name.rstrip("_"): value for name, value in given.items() if value is not OMITTED}
    return json.dumps(said, default=_written, separators=(",", ":"), allow_nan=False).encode()


def optional_body_of(**given: object) -> bytes | None:
    """The same; None where no member is given."""
    return None if all(value is OMITTED for value in given.values()) else body_of(**given)


def lines_of(lines: Iterable[Mapping[str, Any]]) -> bytes:
    """A JSON value a line."""
    return b"".join(json.dumps(line, default=_written, allow_nan=False).encode() + b"\n" for line in lines)


JSON: Final = {"content-type": "application/json"}
LINES: Final = {"content-type": "application/x-ndjson"}


def _written(value: object) -> str:
    """Instants with their offset, days, and everything else as it reads. Raises `ValueError` for a naive datetime."""
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError(f"{value} has no offset: give an aware datetime, such as datetime.now(UTC)")
        return value.isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise TypeError(f"{type(value).__name__} cannot be sent")
