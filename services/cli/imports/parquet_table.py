"""Parquet files, read with pyarrow (the extra `parquet`)."""

from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pyarrow
from pyarrow import compute, parquet

from services.cli.imports.table import Cell, RowProblem, TableRow, UnreadableTable

ROW_GROUP_BYTES_MAX: Final = 1 << 30
"""The limit on uncompressed data in memory at once."""
CELL_BYTES_MAX: Final = 1 << 17
_ROWS_READ: Final = 1_000


def read_parquet(
    path: Path, require_columns: Callable[[Sequence[str]], None], on_read: Callable[[int], None]
) -> Iterator[TableRow | RowProblem]:
    """The rows of the file, from 1. Raises `UnreadableTable`."""
    try:
        metadata = parquet.read_metadata(path)
        require_columns(metadata.schema.to_arrow_schema().names)
        leaves = (metadata.schema.column(number) for number in range(metadata.num_columns))
        texts = [leaf.path for leaf in leaves if leaf.physical_type == "BYTE_ARRAY"]
        with parquet.ParquetFile(path, read_dictionary=texts) as file:
            _refuse_great_groups(file)
            number, share = 0, path.stat().st_size / max(1, file.metadata.num_rows)
            for batch in file.iter_batches(batch_size=_ROWS_READ):
                _refuse_great_cells(batch)
                for place in range(batch.num_rows):
                    number += 1
                    yield _row(number, batch, place)
                on_read(round(share * batch.num_rows))
    except (pyarrow.ArrowException, UnicodeError, OSError) as problem:
        if isinstance(problem, OSError) and problem.errno is not None:
            raise
        raise UnreadableTable(f"The file is not a Parquet file: {' '.join(str(problem).split())[:200]}") from None


def _refuse_great_groups(file: parquet.ParquetFile) -> None:
    for number in range(file.metadata.num_row_groups):
        size = file.metadata.row_group(number).total_byte_size
        if size > ROW_GROUP_BYTES_MAX:
            raise UnreadableTable(
                f"Row group {number + 1} of the file has {size:,} bytes: write it with row groups of at most "
                f"{ROW_GROUP_BYTES_MAX:,}."
            )


def _refuse_great_cells(batch: pyarrow.RecordBatch) -> None:
    """A text that many rows have is in memory once, until a row is taken out."""
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        values = column.flatten() if pyarrow.types.is_list(column.type) else column
        if pyarrow.types.is_dictionary(values.type):
            longest = compute.max(compute.binary_length(values.dictionary)).as_py() or 0
            if longest > CELL_BYTES_MAX:
                raise UnreadableTable(
                    f"A cell of column {name} has {longest:,} bytes, and has at most {CELL_BYTES_MAX:,}."
                )


def _row(number: int, batch: pyarrow.RecordBatch, place: int) -> TableRow | RowProblem:
    try:
        cells = zip(batch.schema.names, batch.columns, strict=True)
        return TableRow(number, {name: _cell(column[place].as_py()) for name, column in cells})
    except ValueError as problem:
        return RowProblem(number, f"{problem}.")


def _cell(value: Any) -> Cell:
    """Raises `ValueError` for a nested value."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case str():
            return value.strip()
        case Decimal():
            return format(value, "f")
        case int() | float():
            return repr(value)
        case date() | datetime():
            return value.isoformat()
        case list():
            return tuple(str(_cell(part)) for part in value)
        case _:
            raise ValueError(f"A cell holds a {type(value).__name__}: rows are flat")
