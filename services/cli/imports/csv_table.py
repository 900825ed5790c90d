"""CSV files (RFC 4180), with the names of the columns in the first row."""

import csv
from collections.abc import Callable, Iterator, Sequence
from typing import BinaryIO, Final

from services.cli.imports.table import RowProblem, TableRow, UnreadableTable
from services.cli.imports.text_lines import LINE_CHARACTERS_MAX, read_lines

EMPTY_ROWS_MAX: Final = 100_000
"""A file with this number of empty rows in sequence is refused."""


class _RowLines:
    """Gives the reader of CSV its lines, and refuses a row that never ends."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self._characters = 0
        self.read = 0
        self.began = 1

    def begin_row(self) -> None:
        """The next line begins a row."""
        self._characters = 0
        self.began = self.read + 1

    def __iter__(self) -> Iterator[str]:
        for line in self._lines:
            self.read += 1
            self._characters += len(line)
            if self._characters > LINE_CHARACTERS_MAX:
                raise UnreadableTable(f"{self.never_closed()} within {LINE_CHARACTERS_MAX:,} characters.")
            yield line

    def never_closed(self) -> str:
        """The beginning of a sentence about the present row."""
        return f"The row that begins in line {self.began:,} does not end: a quotation mark does not close"


def read_csv(
    file: BinaryIO,
    encoding: str,
    delimiter: str,
    require_columns: Callable[[Sequence[str]], None],
    on_read: Callable[[int], None],
) -> Iterator[TableRow | RowProblem]:
    """The rows below the header; rows without any text are left out. Raises `UnreadableTable`.

    A first line such as `sep=;`, which names the delimiter for Excel, is not a row.
    """
    lines = _RowLines(read_lines(file, encoding, on_read))
    rows = csv.reader(iter(lines), delimiter=delimiter, strict=True)
    header: list[str] | None = None
    number = empty = 0
    while True:
        lines.begin_row()
        try:
            row = next(rows)
        except StopIteration:
            break
        except csv.Error as problem:
            raise UnreadableTable(_sentence(problem, lines)) from None
        number += 1
        cells = [cell.strip() for cell in row]
        if not any(cells):
            empty += 1
            if empty > EMPTY_ROWS_MAX:
                raise UnreadableTable(f"{EMPTY_ROWS_MAX:,} rows before line {lines.began:,} are empty.")
            continue
        empty = 0
        if number == 1 and cells[0].startswith("sep="):
            number = 0
        elif header is None:
            header = cells
            require_columns(header)
        elif len(cells) != len(header):
            sentence = f"The row has {len(cells)} cells, and the header has {len(header)} (line {lines.began:,})."
            yield RowProblem(number, sentence)
        else:
            yield TableRow(number, dict(zip(header, cells, strict=True)))
    if header is None:
        raise UnreadableTable("The file is empty: its first row names the columns.")


def _sentence(problem: csv.Error, lines: _RowLines) -> str:
    text = str(problem)
    if "field larger than field limit" in text:
        return f"{lines.never_closed()} within {csv.field_size_limit():,} characters."
    if "unexpected end of data" in text:
        return f"{lines.never_closed()} before the end of the file."
    if "expected after" in text:
        return f"A quotation mark in the row that begins in line {lines.began:,} closes in the middle of a cell: one \
within a quoted cell is doubled."
    return f"The row that begins in line {lines.began:,} is no CSV: {text}."
