"""Rows of a list as CSV (RFC 4180) that a spreadsheet opens without harm: UTF-8 with a byte order mark.

A spreadsheet takes text that looks like a formula, a number or a date for one: it would run `=HYPERLINK(…)`, make 7 of
the id `007` and a day of `MAR1`. Such text gets an apostrophe in front, and so does text that begins with one: without
its first apostrophe the text is as it was.
"""

import csv
import re
from collections.abc import Iterable, Sequence
from datetime import date
from functools import lru_cache
from io import StringIO
from types import UnionType
from typing import Annotated, Any, Final, NamedTuple, Union, get_args, get_origin

import msgspec
from pydantic import BaseModel

MEDIA_TYPE: Final = "text/csv"
CONTENT_TYPE: Final = "text/csv; charset=utf-8; header=present"
BYTE_ORDER_MARK: Final = "\N{ZERO WIDTH NO-BREAK SPACE}".encode()
"""Without it Excel takes UTF-8 for the code page of its computer."""

_FORMULA: Final = "\\s*[=+\\-@\t\r\n'＝＋－＠]"
_DIGITS: Final = r"(?:0|[1-9][0-9]{0,14})(?:\.[0-9]{1,2})?"
"""A number of which a spreadsheet changes nothing; of longer ones it drops digits."""
_NUMBER: Final = r"[0-9.,][0-9.,/:\-+%eE ]*(?: [AaPp][Mm]?)?"
_MONTH: Final = (
    r"(?i:(?=.*[0-9])[0-9]{0,4}[ \-/.]?(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*[ \-/.,]{0,2}"
    r"[0-9]{0,4}(?:[ \-/,]{1,2}[0-9]{2,4})?)"
)
_TAKEN_FOR_OTHER: Final = re.compile(
    rf"{_FORMULA}|(?!{_DIGITS}\Z)(?:{_NUMBER}|{_MONTH}|(?i:true|false))\Z", re.ASCII
).match

_Plain = str | int | float | bool | None


class Column(NamedTuple):
    """One column. `path`: the names that lead to its value in a row. `guarded`: its text can be anything."""

    name: str
    path: tuple[str, ...]
    guarded: bool


class Table:
    """The columns of a list, and how its rows are written.

    `row`: the type of a row, whose fields are the columns, or the names of the columns. The fields of an object in a
    row have its name in front. Rows that are plain values have one column. `rest`: one more column, with the other
    members of a row as JSON.
    """

    def __init__(self, row: type | Sequence[str], rest: str | None = None) -> None:
        self.columns = _columns(row)
        self.rest = rest
        self._known = {column.path[0] for column in self.columns}

    @property
    def names(self) -> list[str]:
        """The first line."""
        return [column.name for column in self.columns] + ([] if self.rest is None else [self.rest])

    def head(self) -> bytes:
        """The byte order mark and the line with the names."""
        return BYTE_ORDER_MARK + _lines([self.names])

    def lines(self, rows: Iterable[object]) -> bytes:
        """A line for each row. `rows`: as read from JSON."""
        return _lines(self._cells(row if type(row) is dict else {self.columns[0].name: row}) for row in rows)

    def _cells(self, row: dict[str, object]) -> list[_Plain]:
        """A table has very many cells, and most hold text."""
        cells: list[_Plain] = []
        for column in self.columns:
            value: object = row
            for name in column.path:
                value = value.get(name) if isinstance(value, dict) else None
            if isinstance(value, str):
                cells.append(safe(value) if column.guarded else value)
            else:
                cells.append(None if value is None else _cell(value))
        if self.rest is not None:
            others = {name: value for name, value in row.items() if name not in self._known}
            cells.append(_json(others) if others else None)
        return cells


@lru_cache(maxsize=4_096)
def safe(text: str) -> str:
    """The text, with an apostrophe in front where a spreadsheet would take it for something else than text."""
    return f"'{text}" if _TAKEN_FOR_OTHER(text) else text


def _lines(rows: Iterable[Sequence[_Plain]]) -> bytes:
    """Text in quotes: where a semicolon separates cells, one inside a text must not."""
    written = StringIO()
    csv.writer(written, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\r\n").writerows(rows)
    return written.getvalue().encode("utf-8", "replace")


def _cell(value: object) -> _Plain:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return value
    if isinstance(value, list) and all(isinstance(member, str) for member in value):
        return safe(" ".join(value)) if value else None
    return _json(value)


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _columns(row: type | Sequence[str]) -> tuple[Column, ...]:
    if not isinstance(row, type):
        return tuple(Column(name, (name,), guarded=True) for name in row)
    return tuple(_flattened(row, ()))


def _flattened(row: type, path: tuple[str, ...]) -> Iterable[Column]:
    for name, annotation in _members(row):
        kind = _plain_type(annotation)
        inner = (*path, name)
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct | BaseModel):
            yield from _flattened(kind, inner)
        else:
            is_day_or_instant = isinstance(kind, type) and issubclass(kind, date)
            yield Column("_".join(inner), inner, guarded=not is_day_or_instant)


def _members(row: type) -> Iterable[tuple[str, Any]]:
    if issubclass(row, BaseModel):
        return [(field.serialization_alias or name, field.annotation) for name, field in row.model_fields.items()]
    assert issubclass(row, msgspec.Struct)
    return [(field.encode_name, field.type) for field in msgspec.structs.fields(row)]


def _plain_type(annotation: Any) -> Any:
    """The type without its metadata, and without null."""
    if get_origin(annotation) is Annotated:
        return _plain_type(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        kinds = [kind for kind in get_args(annotation) if kind not in (type(None), msgspec.UnsetType)]
        return _plain_type(kinds[0]) if len(kinds) == 1 else annotation
    return annotation
