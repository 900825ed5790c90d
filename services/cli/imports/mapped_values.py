"""One value of a fact: from which column it comes, and how it is written there."""

import re
from datetime import UTC, date, datetime, time
from typing import Any, Final, Literal, assert_never

import msgspec

from services.cli.imports.local_times import Nonexistent, Repeated, Zone, instant_at
from services.cli.imports.table import Cell, TableRow

TimeOfDay = time
Type = Literal["text", "integer", "decimal", "boolean", "day", "instant", "list"]

_DIGITS_MAX: Final = 18
_INTEGER: Final = re.compile(rf"-?[0-9]{{1,{_DIGITS_MAX}}}")
_DECIMAL: Final = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,18})?")
_BOOLEANS: Final = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_TIME_DIRECTIVE: Final = re.compile(r"%[HIcXT]")
_EXAMPLE: Final = datetime(2000, 1, 2, 3, 4, 5, tzinfo=UTC)
_SHOWN_MAX: Final = 80


class ValueRefused(Exception):
    """The cell has no such value. The message says what is expected."""


class ValueMapping(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a value comes from, and what it means.

    `column` or `constant`: one of them. `values`: what each text stands for; any other text is refused.
    `in_body`: false for what only the path or the key takes. `optional`: an empty cell leaves the value out; otherwise
    it is refused.
    `format`: of days and instants, as `datetime.strptime` takes it; without it ISO 8601. `time`: of an instant of which
    only the day is written. `zone`: of instants without an offset, with `nonexistent` and `repeated` for the hours that
    the change of the clocks leaves out and brings twice. `decimal_mark`: of decimals. `separator`: of lists.
    """

    column: str | None = None
    constant: str | int | bool | list[str] | None = None
    type: Type = "text"
    values: dict[str, str | int | bool] | None = None
    in_body: bool = True
    optional: bool = False
    format: str | None = None
    time: TimeOfDay | None = None
    zone: Zone = "Europe/London"
    nonexistent: Nonexistent = "refuse"
    repeated: Repeated = "refuse"
    decimal_mark: Literal[".", ","] = "."
    separator: str = ";"

    def fault(self) -> str | None:
        """The fault of this value's mapping, if it has one."""
        if (self.column is None) == (self.constant is None):
            return "a value has either column or constant"
        if self.format is not None and self.type not in ("day", "instant"):
            return 'format is for type = "day" or "instant"'
        if self.format is not None:
            try:
                datetime.strptime(_EXAMPLE.strftime(self.format), self.format)  # noqa: DTZ007 - only whether it can be used
            except re.error:
                return f"format names a part of it twice: {shown(self.format)}"
            except ValueError as problem:
                return f"format {shown(self.format)} cannot be used: {shown(str(problem))}"
        if self.values is not None and self.type not in ("text", "list"):
            return 'values are for type = "text" or "list": they say what a text stands for'
        if self.type == "list" and not self.separator:
            return "separator is not empty"
        if isinstance(self.constant, int) and abs(self.constant) >= 10**_DIGITS_MAX:
            return f"constant has at most {_DIGITS_MAX} digits"
        if self.constant is not None and self.type == "instant":
            try:
                self.read(TableRow(0, {}))
            except ValueRefused as refused:
                return str(refused)
        return None

    def read(self, row: TableRow) -> Any:
        """The value in the row; None: it is left out. Raises `ValueRefused`."""
        if self.column is None:
            return (
                self._instant(self.constant)
                if isinstance(self.constant, str) and self.type == "instant"
                else self.constant
            )
        cell = row.cells.get(self.column, "")
        if not cell:
            if self.optional:
                return None
            raise ValueRefused(f"column {self.column} is empty")
        if self.type == "list":
            parts = cell if isinstance(cell, tuple) else [part.strip() for part in cell.split(self.separator)]
            return [self._translated(part) for part in parts if part]
        if isinstance(cell, tuple):
            raise ValueRefused(f"column {self.column} holds a list")
        if cell.startswith("="):
            raise ValueRefused(f"column {self.column} holds a formula, {shown(cell)}: export values")
        return self._read(cell)

    def _read(self, cell: str) -> Any:
        match self.type:
            case "text" | "list":
                return self._translated(cell)
            case "integer":
                return self._integer(cell)
            case "decimal":
                return self._decimal(cell)
            case "boolean":
                return self._boolean(cell)
            case "day":
                return self._day(cell)
            case "instant":
                return self._instant(cell)
            case _:
                assert_never(self.type)

    def _translated(self, text: str) -> Any:
        if self.values is None:
            return text
        if text not in self.values:
            raise ValueRefused(f"{shown(text)} is none of {', '.join(list(self.values)[:20])}")
        return self.values[text]

    def _integer(self, text: str) -> int:
        if not _INTEGER.fullmatch(text):
            raise ValueRefused(f"{shown(text)} is not a whole number such as 2")
        return int(text)

    def _decimal(self, text: str) -> str:
        written = text.replace(self.decimal_mark, ".") if self.decimal_mark == "," and "." not in text else text
        if not _DECIMAL.fullmatch(written) or (self.decimal_mark == "," and "." in text):
            raise ValueRefused(f"{shown(text)} is not a number such as 79{self.decimal_mark}5")
        return written

    def _boolean(self, text: str) -> bool:
        if text.lower() not in _BOOLEANS:
            raise ValueRefused(f"{shown(text)} is none of {', '.join(_BOOLEANS)}")
        return _BOOLEANS[text.lower()]

    def _day(self, text: str) -> str:
        moment = self._moment(text)
        return (moment.date() if isinstance(moment, datetime) else moment).isoformat()

    def _instant(self, text: str) -> datetime:
        moment = self._moment(text)
        if not isinstance(moment, datetime):
            if self.time is None:
                raise ValueRefused(f"{shown(text)} has no time of day: the mapping says one with time")
            moment = datetime.combine(moment, self.time)
        try:
            return instant_at(moment, self.zone, self.nonexistent, self.repeated)
        except ValueError as problem:
            raise ValueRefused(f"{shown(text)} {problem}") from None

    def _moment(self, text: str) -> date | datetime:
        """As it is written: a day, or a day with a time, perhaps with an offset."""
        try:
            if self.format is None:
                return date.fromisoformat(text) if len(text) <= len("2026-01-05") else datetime.fromisoformat(text)
            moment = datetime.strptime(text, self.format)  # noqa: DTZ007 - the mapping says the zone
        except ValueError:
            expected = "2026-01-05T11:30:00" if self.type == "instant" else "2026-01-05"
            raise ValueRefused(f"{shown(text)} is not written as {self.format or expected}") from None
        return moment if _TIME_DIRECTIVE.search(self.format) else moment.date()


def shown(cell: Cell) -> str:
    """The cell as a sentence shows it: quoted, and shortened."""
    text = cell if isinstance(cell, str) else ",".join(cell)
    return repr(text if len(text) <= _SHOWN_MAX else text[: _SHOWN_MAX - 1] + "…")
