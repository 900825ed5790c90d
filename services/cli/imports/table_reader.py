"""Reads the rows of a file one after the other, in bounded memory, whatever the file holds."""

import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from services.cli.imports.csv_table import read_csv
from services.cli.imports.mapping import ImportMapping
from services.cli.imports.ndjson_table import read_ndjson
from services.cli.imports.table import RowProblem, TableRow, UnreadableTable

COLUMNS_MAX: Final = 1_000
Columns = Callable[[Sequence[str]], None]
OnRead = Callable[[int], None]
SUFFIXES: Final = (".csv", ".ndjson", ".parquet")


def read_table(
    path: Path, mapping: ImportMapping, on_read: OnRead = lambda _bytes_read: None
) -> Iterator[TableRow | RowProblem]:
    """The rows of a CSV, NDJSON or Parquet file, by its suffix, in their order; a problem for each unusable row.

    `on_read` is given the bytes read since its last call. Raises `UnreadableTable`, with the name of the file, as soon
    as something is read that makes the whole file unusable; a file whose header lacks a column of the mapping at once.
    """
    read = {".csv": _csv, ".ndjson": _ndjson, ".parquet": _parquet}.get(path.suffix.lower())
    if read is None:
        raise UnreadableTable(f"{path} is not a {', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]} file.")

    def checked(columns: Sequence[str]) -> None:
        if len(columns) > COLUMNS_MAX:
            raise UnreadableTable(f"The table has {len(columns):,} columns, and may have {COLUMNS_MAX:,}.")
        mapping.require_columns(columns)

    try:
        yield from read(path, mapping, checked, on_read)
    except UnreadableTable as problem:
        raise UnreadableTable(f"{path}: {problem.message}") from None
    except OSError as problem:
        raise UnreadableTable(f"{path} cannot be read: {problem.strerror}.") from problem


def _csv(path: Path, mapping: ImportMapping, checked: Columns, on_read: OnRead) -> Iterator[TableRow | RowProblem]:
    with path.open("rb") as file:
        yield from read_csv(file, mapping.file.encoding, mapping.file.delimiter, checked, on_read)


def _ndjson(path: Path, mapping: ImportMapping, checked: Columns, on_read: OnRead) -> Iterator[TableRow | RowProblem]:
    del checked
    with path.open("rb") as file:
        yield from read_ndjson(file, mapping.file.encoding, mapping.columns(), on_read)


def _parquet(path: Path, mapping: ImportMapping, checked: Columns, on_read: OnRead) -> Iterator[TableRow | RowProblem]:
    try:
        from services.cli.imports.parquet_table import read_parquet
    except ImportError:
        raise UnreadableTable(
            f"Parquet files are read with pyarrow: {sys.executable} -m pip install 'sagecert[parquet]'."
        ) from None
    yield from read_parquet(path, mapping.columns(), checked, on_read)
