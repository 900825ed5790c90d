"""Rows of tables, and why a table or a row cannot be used."""

from collections.abc import Mapping
from typing import NamedTuple

import click

Cell = str | tuple[str, ...]
"""The text of a cell, without surrounding blanks; several where the table holds a list."""


class UnreadableTable(click.ClickException):
    """The table cannot be read. The message says where and why."""


class TableRow(NamedTuple):
    """One row. `number`: as a spreadsheet counts, so that the first row below the header is 2; of a file without a
    header, from 1. `cells`: by column; a column that the row does not name is empty.
    """

    number: int
    cells: Mapping[str, Cell]

    def text(self, column: str) -> str:
        """The text of the cell; that of a list is joined by commas."""
        cell = self.cells.get(column, "")
        return cell if isinstance(cell, str) else ",".join(cell)


class RowProblem(NamedTuple):
    """Why a row, or a fact of it, cannot be sent. `fact`: which one of the mapping, from 1; 0: the row as such."""

    row: int
    sentence: str
    fact: int = 0
