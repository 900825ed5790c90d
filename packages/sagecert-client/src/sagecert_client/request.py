"""Calls as values: what to send, and the type of the answer."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import Enum
from string import Formatter
from typing import Any, Final, Generic, Literal, Self, TypeVar
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


KEY: Final = "idempotency-key"
RECORDING: Final = ("idempotency_key", "x_correlation_id")
"""The headers of a call that records a fact."""
PAGED_BY: Final = ("after", "limit")
"""The parameters of a page, which a table does not take."""


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

    @classmethod
    def of(
        cls,
        operation: str,
        given: Mapping[str, Any],
        *,
        headers: Collection[str] = (),
        body: Literal["needed", "optional", "lines"] | None = None,
        **members: Any,
    ) -> Self:
        """The call of an operation, such as "GET /certification/v1/facts/{fact_id}", with these parameters.

        `headers`: the parameters that are sent as headers; an idempotency key is made where none is given. The members
        of a JSON body are the parameters that are neither in the path nor headers; without one they are the query. An
        "optional" body is left out where no member is given. The body of "lines" is the parameter of that name.
        """
        method, _, template = operation.partition(" ")
        ids = {name for _, name, _, _ in Formatter().parse(template) if name}
        path = template.format(**{name: _in_path(given[name]) for name in ids})
        rest = {name: value for name, value in given.items() if name not in ids and name not in headers}
        sent = {name.replace("_", "-"): given[name] for name in headers if given[name] is not None}
        if "idempotency_key" in headers:
            sent.setdefault(KEY, str(uuid4()))
        if body is None:
            return cls(method=method, path=path, query=_query(rest), headers=sent, **members)
        if body == "lines":
            content: bytes | None = _lines(rest.pop("lines"))
            media_type, query = "application/x-ndjson", _query(rest)
        else:
            left_out = body == "optional" and all(value is OMITTED for value in rest.values())
            content = None if left_out else _json(rest)
            media_type, query = "application/json", []
        sent = {"content-type": media_type, **sent}
        return cls(method=method, path=path, query=query, headers=sent, body=content, **members)

    @property
    def named(self) -> str:
        """Method and path, for a sentence."""
        return f"{self.method} {self.path}"

    @property
    def repeatable(self) -> bool:
        """Whether it does no more when it is sent twice."""
        return self.method in ("GET", "PUT", "DELETE") or any(name.lower() == KEY for name in self.headers)


@dataclass(frozen=True, kw_only=True)
class ListRequest(Request[Answer]):
    """Asks for a list. `table_suffix`: what the path of its table has more."""

    table_suffix: str = ".csv"

    @property
    def table(self) -> "FileRequest":
        """Asks for the whole list as a table, in CSV (RFC 4180)."""
        query = [(name, value) for name, value in self.query if name not in PAGED_BY]
        return FileRequest(method=self.method, path=self.path + self.table_suffix, query=query)


@dataclass(frozen=True, kw_only=True)
class PagedRequest(ListRequest[Answer], Generic[Answer, Item]):
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


def _in_path(value: object) -> str:
    """An id, or the parts of a path. Raises `ValueError` for what would make it another path."""
    parts = [str(part) for part in (value if isinstance(value, tuple) else (value,))]
    if not {"", ".", ".."}.isdisjoint(parts):
        raise ValueError(f"{value!r} is no id: the path would be another one")
    return "/".join(quote(part, safe="") for part in parts)


def _query(given: Mapping[str, object]) -> list[tuple[str, str]]:
    """The parameters that are given; a sequence gives its name several times. A final `_` is not part of a name."""
    found: list[tuple[str, str]] = []
    for name, value in given.items():
        values = value if isinstance(value, list | tuple) else (value,)
        found += [(name.rstrip("_"), _written(value)) for value in values if value is not None]
    return found


def _json(given: Mapping[str, object]) -> bytes:
    """The members that are given, as JSON. A final `_` is not part of a name."""
    said = {name.rstrip("_"): value for name, value in given.items() if value is not OMITTED}
    return json.dumps(said, default=_written, separators=(",", ":"), allow_nan=False).encode()


def _lines(lines: Iterable[Mapping[str, Any]]) -> bytes:
    """A JSON value a line."""
    return b"".join(json.dumps(line, default=_written, allow_nan=False).encode() + b"\n" for line in lines)


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
