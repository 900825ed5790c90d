"""Parquet files, read with pyarrow (the extra `parquet`)."""

from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from math import isfinite
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
    path: Path,
    columns: Sequence[str],
    require_columns: Callable[[Sequence[str]], None],
    on_read: Callable[[int], None],
) -> Iterator[TableRow | RowProblem]:
    """The rows of the file, from 1, with these columns. Raises `UnreadableTable`."""
    try:
        metadata = parquet.read_metadata(path)
        require_columns(metadata.schema.to_arrow_schema().names)
        leaves = (metadata.schema.column(number) for number in range(metadata.num_columns))
        texts = [leaf.path for leaf in leaves if leaf.physical_type == "BYTE_ARRAY"]
        with parquet.ParquetFile(path, read_dictionary=texts) as file:
            _refuse_great_groups(file)
            number, share = 0, path.stat().st_size / max(1, file.metadata.num_rows)
            for batch in file.iter_batches(batch_size=_ROWS_READ, columns=list(columns)):
                batch = batch.select([name for name in batch.schema.names if name in columns])
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
        return TableRow(number, {name: _cell(name, column[place]) for name, column in cells})
    except ValueError as problem:
        return RowProblem(number, f"{problem}.")


def _cell(name: str, cell: pyarrow.Scalar) -> Cell:
    """Raises `ValueError` for what a mapping cannot read."""
    try:
        value = cell.as_py()
    except (ValueError, OverflowError) as problem:
        raise ValueError(f"Column {name} holds a value that cannot be read: {_reason(cell.type, problem)}") from None
    return _text(name, value)


def _reason(kind: pyarrow.DataType, problem: Exception) -> str:
    """Why a value of this kind cannot be read."""
    if isinstance(problem, UnicodeError):
        return "it is not UTF-8"
    if not pyarrow.types.is_temporal(kind):
        return str(problem)
    if isinstance(problem, OverflowError):
        return "it lies outside the years 1 to 9999"
    if "Nanosecond" in str(problem):
        return "it is not a whole number of microseconds"
    return "its time zone is unknown"


def _text(name: str, value: Any) -> Cell:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case str():
            return value.strip()
        case Decimal():
            return format(value, "f")
        case float() if not isfinite(value):
            raise ValueError(f"Column {name} holds {value}, which is not a number")
        case int() | float():
            return repr(value)
        case date() | datetime():
            return value.isoformat()
        case list():
            return tuple(str(_text(name, part)) for part in value)
        case _:
            kind = type(value).__name__
            raise ValueError(
                f"Column {name} holds a {kind}: a mapping reads texts, numbers, instants and lists of them"
            )
