"""The facts that an import has read, and their outcomes, on disk: facts by `effective_at`, outcomes by row."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from typing import Final, Literal, NamedTuple

import msgspec

from services.cli.disk_spool import DiskSpool
from services.cli.imports.mapping import MappedFact
from services.cli.imports.table import RowProblem

Result = Literal["recorded", "held", "replayed", "refused", "no fact", "not sent"]
RESULTS: Final[tuple[Result, ...]] = ("recorded", "held", "replayed", "refused", "no fact", "not sent")

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = datetime.resolution
_ADDED_TOGETHER: Final = 250
_TABLE: Final = """
    CREATE TABLE entry (
        file INTEGER NOT NULL,
        row INTEGER NOT NULL,
        fact INTEGER NOT NULL,
        effective INTEGER,
        path TEXT NOT NULL DEFAULT '',
        idempotency_key TEXT NOT NULL DEFAULT '',
        line BLOB,
        result TEXT NOT NULL,
        status INTEGER,
        fact_id TEXT,
        position INTEGER,
        detail TEXT,
        PRIMARY KEY (file, row, fact)
    ) WITHOUT ROWID
"""
_NEXT: Final = """
    SELECT effective, file, row, fact, line FROM entry
    WHERE result = 'not sent' AND (effective, file, row, fact) > (?, ?, ?, ?)
    ORDER BY effective, file, row, fact LIMIT ?
"""


class Place(NamedTuple):
    """Where a fact comes in the order in which facts are sent: microseconds, then its place in the files."""

    effective: int
    file: int
    row: int
    fact: int


class SpooledLine(NamedTuple):
    """A line of a batch, and whose it is."""

    place: Place
    line: bytes


class Outcome(NamedTuple):
    """What became of a fact, or a row. `status`: of the answer; `detail`: why it is refused, or changes nothing now."""

    result: Result
    status: int | None = None
    fact_id: str | None = None
    position: int | None = None
    detail: str | None = None


class ReportRow(NamedTuple):
    """A fact, or a row that became none, as the report shows it."""

    file: int
    row: int
    fact: int
    path: str
    idempotency_key: str
    outcome: Outcome


class ImportSpool(DiskSpool):
    """Everything that an import knows. Raises `click.ClickException` if the disk is full."""

    def __init__(self) -> None:
        super().__init__(_TABLE, "The import cannot be kept on disk while it is sorted")
        self._added: list[tuple[object, ...]] = []
        self._indexed = False

    def add(self, file: int, fact: MappedFact) -> None:
        """Adds a fact to be sent. `file`: the number of the file of its row."""
        line = msgspec.json.encode(
            {"path": fact.path, "idempotency_key": fact.idempotency_key, "body": msgspec.Raw(fact.body)}
        )
        effective = (fact.effective_at - _EPOCH) // _MICROSECOND
        self._put(file, fact.row, fact.fact, effective, fact.path, fact.idempotency_key, line, "not sent", None)

    def add_problem(self, file: int, problem: RowProblem) -> None:
        """Adds what a row cannot become."""
        self._put(file, problem.row, problem.fact, None, "", "", None, "refused", problem.sentence)

    def add_without_fact(self, file: int, row: int) -> None:
        """Adds a row that no fact of the mapping matches."""
        self._put(file, row, 0, None, "", "", None, "no fact", None)

    def _put(self, *values: object) -> None:
        self._added.append(values)
        if len(self._added) == _ADDED_TOGETHER:
            self._write()

    def _write(self) -> None:
        with closing(self._database.cursor()) as cursor:
            cursor.execute("BEGIN")
            cursor.executemany(
                "INSERT INTO entry (file, row, fact, effective, path, idempotency_key, line, result, detail)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                self._added,
            )
            cursor.execute("COMMIT")
        self._added = []

    def unsent(self) -> int:
        """The number of facts that are still to be sent."""
        self._write()
        count: int = self._database.execute("SELECT count(*) FROM entry WHERE result = 'not sent'").fetchone()[0]
        return count

    def batches(self, lines_max: int, bytes_max: int) -> Iterator[Sequence[SpooledLine]]:
        """The facts to be sent, earliest first, in batches. Outcomes may be recorded in between."""
        self._write()
        if not self._indexed:
            self._database.execute(
                "CREATE INDEX unsent_idx ON entry (effective, file, row, fact) WHERE result = 'not sent'"
            )
            self._indexed = True
        after = Place(-(1 << 62), 0, 0, 0)
        while batch := self._next(after, lines_max, bytes_max):
            yield batch
            after = batch[-1].place

    def _next(self, after: Place, lines_max: int, bytes_max: int) -> list[SpooledLine]:
        batch: list[SpooledLine] = []
        size = 0
        with closing(self._database.execute(_NEXT, (*after, lines_max))) as rows:
            for *place, line in rows:
                size += len(line) + 1
                if batch and size > bytes_max:
                    break
                batch.append(SpooledLine(Place(*place), line))
        return batch

    def record_outcomes(self, outcomes: Sequence[tuple[Place, Outcome]]) -> None:
        """Stores the outcomes of facts that were sent; the line itself is needed no longer."""
        with closing(self._database.cursor()) as cursor:
            cursor.execute("BEGIN")
            cursor.executemany(
                "UPDATE entry SET line = NULL, result = ?, status = ?, fact_id = ?, position = ?, detail = ?"
                " WHERE file = ? AND row = ? AND fact = ?",
                [(*outcome, place.file, place.row, place.fact) for place, outcome in outcomes],
            )
            cursor.execute("COMMIT")

    def counts(self) -> dict[Result, int]:
        """How many facts, or rows that became none, there are of each result."""
        self._write()
        found = dict(self._database.execute("SELECT result, count(*) FROM entry GROUP BY result").fetchall())
        return {result: found.get(result, 0) for result in RESULTS}

    def report(self, result: Result | None = None, limit: int = -1) -> Iterator[ReportRow]:
        """What became of each, in the order of the files and their rows; None: of every result."""
        self._write()
        rows = self._database.execute(
            "SELECT file, row, fact, path, idempotency_key, result, status, fact_id, position, detail FROM entry"
            " WHERE ?1 IS NULL OR result = ?1 ORDER BY file, row, fact LIMIT ?2",
            (result, limit),
        )
        for file, row, fact, path, key, *outcome in rows:
            yield ReportRow(file, row, fact, path, key, Outcome(*outcome))
