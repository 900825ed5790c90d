"""Files that are none, or do harm: one clear sentence each, soon, and with little memory."""

import os
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from pathlib import Path
from random import Random
from socket import AF_UNIX, socket
from typing import BinaryIO, Final

import pytest
from click.testing import CliRunner

from services.cli import main

MAPPING: Final = """
    [[fact]]
    path = "/certification/v1/partners/{partner_id}/consultants"
    [fact.values]
    partner_id = { column = "Account" }
    consultant_id = { column = "Employee" }
    effective_at = { column = "Joined", type = "instant" }
"""
HEADER: Final = b"Account,Employee,Joined\n"
ROW: Final = b"P1,C1,2026-01-05T11:30:00Z\n"
NOWHERE: Final = "http://127.0.0.1:9"
"""What makes a file unusable is found before anything is sent."""


@contextmanager
def little_memory() -> Iterator[None]:
    """So much more memory, and no more, while the context lasts."""
    with open("/proc/self/statm") as file:  # noqa: PTH123 - a file of the system
        used = int(file.read().split()[0]) * resource.getpagesize()
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (used + (256 << 20), before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def said(directory: Path, name: str, mapping: str = MAPPING) -> tuple[int, str]:
    """The exit status of an import of this file, and what it says."""
    (directory / "mapping.toml").write_text(mapping)
    with little_memory():
        done = CliRunner().invoke(
            main, ["import", str(directory / name), "--mapping", str(directory / "mapping.toml"), "--url", NOWHERE]
        )
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.output


def sparse(file: BinaryIO) -> None:
    file.truncate(2 << 30)


def endless_line(file: BinaryIO) -> None:
    file.write(HEADER)
    file.write(b"x" * (1 << 22))


def endless_row(file: BinaryIO) -> None:
    file.write(HEADER)
    file.write(b'"a\n",' * 1_000_000)


def blank_lines(file: BinaryIO) -> None:
    file.write(HEADER + b"\n" * (1 << 20))


FILES: Final[dict[str, tuple[Callable[[BinaryIO], object], str]]] = {
    "sparse.csv": (sparse, "Line 1 holds a NUL"),
    "sparse.ndjson": (sparse, "Line 1 holds a NUL"),
    "sparse.parquet": (sparse, "is not a Parquet file"),
    "endless-line.csv": (endless_line, "Line 2 has more than 1,048,576 characters"),
    "endless-row.csv": (endless_row, "The row that begins in line 2 does not end"),
    "blank-lines.csv": (blank_lines, "are empty"),
    "nul.csv": (lambda file: file.write(HEADER + ROW * 3 + b"P1,C\x001,\n"), "Line 5 holds a NUL"),
    "open-quote.csv": (
        lambda file: file.write(HEADER + ROW + b'P1,"C2,2026\n' + ROW * 100_000),
        "The row that begins in line 3 does not end: a quotation mark does not close within 131,072 characters",
    ),
    "open-quote-at-end.csv": (
        lambda file: file.write(HEADER + ROW + b'P1,"C2'),
        "The row that begins in line 3 does not end: a quotation mark does not close before the end",
    ),
    "quote-in-a-cell.csv": (lambda file: file.write(HEADER + b'P1,"C"2,x\n'), "closes in the middle of a cell"),
    "utf-16.csv": (
        lambda file: file.write((HEADER + ROW).decode().encode("utf-16")),
        'begins as utf-16 does: write encoding = "utf-16"',
    ),
    "latin-1.csv": (
        lambda file: file.write(HEADER + ROW + "P1,Zoë,\n".encode("latin-1")),
        'Line 3 is not written in utf-8. Files that Excel saves as "CSV" are often encoding = "windows-1252"',
    ),
    "columns.csv": (
        lambda file: file.write(b",".join(b"c%d" % number for number in range(10_000)) + b"\n"),
        "columns.csv: The table has 10,000 columns, and may have 1,000",
    ),
    "empty.csv": (lambda file: file.write(b""), "The file is empty"),
    "empty.parquet": (lambda file: file.write(b""), "is not a Parquet file"),
    "other-columns.csv": (lambda file: file.write(b"Konto,Wer\n"), "no column Account, Employee, Joined; it has Konto"),
    "array.ndjson": (lambda file: file.write(b'[\n{"Account": "P1"}\n]\n'), "Line 1 begins an array"),
    "table.xlsx": (lambda file: file.write(b"PK"), "is not a .csv, .ndjson or .parquet file"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_no_table_ends_the_import_with_a_sentence(name: str, tmp_path: Path) -> None:
    if name.endswith(".parquet"):
        pytest.importorskip("pyarrow")
    write, sentence = FILES[name]
    with (tmp_path / name).open("wb") as file:
        write(file)
    status, output = said(tmp_path, name)
    assert status == 1
    assert sentence in output
    assert len(output) < 500


@pytest.mark.parametrize(
    ("name", "line", "sentence"),
    [
        ("cells.csv", b"P1,C1\n", "row 2: The row has 2 cells, and the header has 3 (line 2)"),
        ("formula.csv", b'"=cmd|"" /C calc""!A0",C1,2026-01-05\n', "row 2: partner_id: column Account holds a formula"),
        ("deep.ndjson", b"[" * 100_000 + b"\n", "row 1: The line nests too deeply"),
        ("text.ndjson", b"no json\n", "row 1: The line is not a JSON object"),
        ("nan.ndjson", b'{"Account": NaN}\n', "row 1: The line is not a JSON object: NaN is not a number"),
        ("twice.ndjson", b'{"Account": "P1", "Account": "P2"}\n', "a member is named twice"),
        (
            "half.ndjson",
            b'{"Account": "P1", "Employee": "\\ud800"}\n',
            "row 1: Member Employee holds half of a character",
        ),
        ("nested.ndjson", b'{"Account": {}}\n', "row 1: Member Account holds an object"),
        (
            "beside.ndjson",
            b'{"Account": "P 1", "Other": [{"half": "\\ud800"}]}\n',
            "partner_id: 'P 1' is not an id",
        ),
        (
            "long.ndjson",
            b'{"Account": "P1", "Employee": "%b", "Joined": "2026-01-05T09:00:00Z"}\n' % (b"x" * 200_000),
            "row 1: The fact has more than 130,972 bytes",
        ),
        ("number.ndjson", b'{"Account": 1e+99999999}\n', "partner_id: '1e+99999999' is not an id"),
    ],
)
def test_a_row_that_is_none_is_refused_and_no_other(name: str, line: bytes, sentence: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes((HEADER if name.endswith(".csv") else b"") + line)
    status, output = said(tmp_path, name)
    assert status == 3
    assert sentence in output


def test_a_line_that_tells_excel_the_delimiter_is_no_row(tmp_path: Path) -> None:
    (tmp_path / "excel.csv").write_bytes((b"sep=,\n" + HEADER + b"P 1,C1,2026-01-05T11:30:00Z\n").replace(b",", b";"))
    status, output = said(tmp_path, "excel.csv", '[file]\ndelimiter = ";"\n' + MAPPING)
    assert status == 3
    assert "row 2: partner_id: 'P 1' is not an id" in output


@pytest.mark.parametrize("kept", [True, False])
def test_a_small_parquet_file_of_great_cells_fills_no_memory(kept: bool, tmp_path: Path) -> None:
    """Each of a hundred thousand rows has the same text of 4 MiB, which the file holds once."""
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    text = pyarrow.array(["x" * (4 << 20)], pyarrow.string())
    great = pyarrow.DictionaryArray.from_arrays(pyarrow.array([0] * 100_000, pyarrow.int32()), text)
    table = pyarrow.table({"Account": great, "Employee": great, "Joined": great})
    parquet.write_table(table, tmp_path / "great.parquet", compression="zstd", store_schema=kept)
    status, output = said(tmp_path, "great.parquet")
    assert status == 1
    assert "A cell of column Account has 4,194,304 bytes, and has at most 131,072" in output


def test_each_value_of_a_parquet_file_is_read_or_named_and_no_column_beside_matters(tmp_path: Path) -> None:
    """A row that a mapping can read is refused for its account alone, which is no id."""
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    def stamped(value: int, unit: str, zone: str | None) -> object:
        return pyarrow.array([value], pyarrow.int64()).cast(pyarrow.timestamp(unit, zone))

    text, moment = pyarrow.array(["C1"]), stamped(1_704_189_600_000_000, "us", "Europe/London")
    not_utf_8 = [None, pyarrow.py_buffer(b"\0\0\0\0\2\0\0\0"), pyarrow.py_buffer(b"\xff\xfe")]
    read = "row 1: partner_id: 'P 1' is not an id"
    columns = [
        ("Employee", pyarrow.array(["C1"], pyarrow.large_string()), read),
        ("Employee", text.dictionary_encode(), read),
        ("Employee", pyarrow.array([Decimal(7)]), read),
        ("Joined", stamped(1_704_189_600_000, "ms", None), read),
        ("Other", pyarrow.array([{"a": [b"\xff"]}]), read),
        ("Employee.Name", pyarrow.array([{"a": 1}]), read),
        ("Joined", stamped(2**60, "us", "UTC"), "Column Joined holds a value that cannot be read: it lies outside"),
        ("Joined", stamped(1_704_189_600_000_000_001, "ns", "UTC"), "it is not a whole number of microseconds"),
        ("Joined", stamped(0, "us", "Mars/Base"), "its time zone is unknown"),
        ("Joined", pyarrow.array([2**30], pyarrow.int32()).cast(pyarrow.date32()), "it lies outside the years"),
        ("Joined", pyarrow.array([date(2026, 1, 5)]), "'2026-01-05' has no time of day"),
        ("Employee", pyarrow.Array.from_buffers(pyarrow.string(), 1, not_utf_8), "it is not UTF-8"),
        ("Employee", pyarrow.array([float("nan")]), "Column Employee holds nan, which is not a number"),
        ("Employee", pyarrow.array([{"a": 1}]), "Column Employee holds a dict"),
        ("Employee", pyarrow.array([["C1", "C2"]]), "column Employee holds a list"),
    ]
    for name, column, sentence in columns:
        table = {"Account": pyarrow.array(["P 1"]), "Employee": text, "Joined": moment, name: column}
        parquet.write_table(pyarrow.table(table), tmp_path / "a.parquet")
        status, output = said(tmp_path, "a.parquet")
        assert (status, sentence in output) == (3, True), output


@pytest.mark.parametrize("command", ["import", "reconcile"])
def test_what_is_not_a_file_is_refused_before_it_is_waited_for(command: str, tmp_path: Path) -> None:
    good, mapping, pipe = tmp_path / "good.csv", tmp_path / "mapping.toml", tmp_path / "pipe.csv"
    good.write_bytes(HEADER + ROW)
    mapping.write_text(MAPPING)
    os.mkfifo(pipe)
    with socket(AF_UNIX) as listening:
        listening.bind(str(tmp_path / "socket.csv"))
        for path, sentence in (
            (pipe, "is a pipe, a device or a socket"),
            (tmp_path / "socket.csv", "is a pipe, a device or a socket"),
            (Path("/dev/zero"), "is a pipe, a device or a socket"),
            (tmp_path, "is a directory"),
            (tmp_path / "none.csv", "does not exist"),
        ):
            for file, mapped in ((path, mapping), (good, path)):
                done = CliRunner().invoke(main, [command, str(file), "--mapping", str(mapped), "--url", NOWHERE])
                assert (done.exit_code, sentence in done.output) == (2, True), done.output
    for read in (good, mapping):
        arguments = [command, str(good), "--mapping", str(mapping), "--report", str(read), "--url", NOWHERE]
        done = CliRunner().invoke(main, arguments)
        assert (done.exit_code, "would overwrite" in done.output) == (2, True), done.output
    done = CliRunner().invoke(main, [command, str(good), "--mapping", str(mapping), "--report", str(pipe)])
    assert (done.exit_code, "which waits for a reader" in done.output) == (2, True), done.output
    assert good.read_bytes() == HEADER + ROW


def test_a_damaged_parquet_file_is_named_in_a_sentence(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    parquet.write_table(pyarrow.table({"Account": ["P1"], "Employee": ["C1"], "Joined": ["x"]}), tmp_path / "a.parquet")
    content, random = (tmp_path / "a.parquet").read_bytes(), Random(1)
    for _ in range(50):
        damaged = bytearray(content)
        for _ in range(random.randint(1, 4)):
            damaged[random.randrange(len(damaged))] = random.randrange(256)
        (tmp_path / "b.parquet").write_bytes(damaged[: random.choice((None, random.randrange(len(damaged))))])
        status, output = said(tmp_path, "b.parquet")
        assert status in (1, 3)
        assert len(output) < 600


KILLED: Final = """
import os
from datetime import UTC, datetime
from services.cli.imports.import_spool import ImportSpool
from services.cli.imports.mapping import MappedFact

with ImportSpool() as spool:
    for row in range(20_000):
        spool.add(0, MappedFact(row, 1, "/certification/v1/partners", f"key-{row}", b"{}", datetime.now(UTC), {}))
    print(spool.unsent())
    os.kill(os.getpid(), 9)
"""


def test_nothing_is_left_of_an_import_that_is_killed(tmp_path: Path) -> None:
    """What is sorted lies in a file without a name."""
    done = subprocess.run(
        [sys.executable, "-c", KILLED],
        env={**os.environ, "SQLITE_TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == -9, done.stderr
    assert list(tmp_path.iterdir()) == []
