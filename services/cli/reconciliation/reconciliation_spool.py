"""The facts of a transcript and of a log, and their differences, on disk and in order."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, islice
from operator import itemgetter
from typing import Final, NamedTuple

import msgspec

from services.cli.disk_spool import DiskSpool
from services.cli.reconciliation.comparable_facts import CORRECTED, SCORED, Comparable
from services.cli.reconciliation.differences import Difference, Standing, Stated, Subject, What

_ADDED_TOGETHER: Final = 1_000
_TABLES: Final = """
    CREATE TABLE stated (kind, key, instant INTEGER, content, row INTEGER, path, body BLOB);
    CREATE TABLE recorded (
        kind, key, own_kind, instant INTEGER, content, position INTEGER, fact_id PRIMARY KEY, voided INTEGER);
    CREATE TABLE voided (fact_id);
    CREATE TABLE difference (
        number INTEGER PRIMARY KEY, what, kind, key, instant INTEGER, row INTEGER, fact_id, recorded, stated,
        lines BLOB, outcome TEXT DEFAULT '');
"""
_IN_ORDER: Final = """
    SELECT kind, key, 0 AS voided, 0 AS side, instant, content, row AS place, path, body FROM stated
    UNION ALL
    SELECT kind, key, voided, 1, instant, content, position, fact_id, own_kind FROM recorded
    ORDER BY kind, key, side, instant, place
"""
_PROPOSED: Final = """
    SELECT instant, number, lines FROM difference
    WHERE lines IS NOT NULL AND (instant, number) > (?, ?)
    ORDER BY instant, number LIMIT ?
"""


class Proposal(NamedTuple):
    """The lines that would end a difference, and its place in the order in which they are sent."""

    instant: int
    number: int
    lines: Sequence[bytes]


class ReconciliationSpool(DiskSpool):
    """Everything that a reconciliation knows. Raises `click.ClickException` if the disk is full."""

    def __init__(self) -> None:
        super().__init__(_TABLES, "The comparison cannot be kept on disk")

    def add_stated(self, rows: Iterable[tuple[Comparable, int, str, bytes]]) -> None:
        """Adds what rows say: their number, and path and body of the call that records it."""
        self._insert("INSERT INTO stated VALUES (?, ?, ?, ?, ?, ?, ?)", ((*said, *call) for said, *call in rows))

    def add_recorded(self, facts: Iterable[tuple[Comparable, int, str]]) -> None:
        """Adds facts, with position and id. A correction is kept with the score that it corrects, too."""
        self._insert(
            "INSERT INTO recorded VALUES (?, ?, ?, ?, ?, ?, ?, 0)",
            (
                (said.kind, said.key, said.kind, said.instant, said.content, position, fact_id)
                for said, position, fact_id in facts
            ),
        )

    def keep_corrections_with_scores(self) -> None:
        """Where the transcript has no corrections, they decide what a score is."""
        self._database.execute("UPDATE recorded SET kind = ? WHERE kind = ?", (SCORED.name, CORRECTED.name))

    def add_void(self, fact_id: str) -> None:
        """Adds the void of a fact, also while facts are added."""
        self._database.execute("INSERT INTO voided VALUES (?)", (fact_id,))

    def leave_out_voided(self) -> None:
        """Leaves the voided facts out of the comparison."""
        self._database.execute("UPDATE recorded SET voided = 1 WHERE fact_id IN (SELECT fact_id FROM voided)")

    def subjects(self) -> Iterator[Subject]:
        """Everything about each key, rows and facts in the order of their instants."""
        rows = self._database.execute(_IN_ORDER)
        for (kind, key), group in groupby(rows, key=itemgetter(0, 1)):
            stated, recorded, voided = list[Stated](), list[Standing](), 0
            for _kind, _key, is_voided, side, instant, content, place, name, rest in group:
                if side == 0:
                    stated.append(Stated(instant, content, place, name, rest))
                elif is_voided:
                    voided += 1
                else:
                    recorded.append(Standing(instant, content, place, name, rest))
            yield Subject(kind, key, stated, recorded, voided)

    def add_differences(self, found: Iterable[Difference]) -> None:
        """Adds differences."""
        self._insert(
            "INSERT INTO difference (what, kind, key, instant, row, fact_id, recorded, stated, lines)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            ((*row[:-1], msgspec.msgpack.encode(row.lines) if row.lines else None) for row in found),
        )

    def add_unreadable(self, found: Difference) -> None:
        """Adds a row that cannot be read, also while others are added."""
        self.add_differences([found])

    def proposed(self) -> int:
        """For how many differences something is proposed."""
        count: int = self._database.execute("SELECT count(*) FROM difference WHERE lines IS NOT NULL").fetchone()[0]
        return count

    def counts(self) -> dict[What, int]:
        """How many differences there are of each kind."""
        return dict(self._database.execute("SELECT what, count(*) FROM difference GROUP BY what").fetchall())

    def proposals(self, limit: int) -> Iterator[list[Proposal]]:
        """The proposals, earliest first. Outcomes may be recorded in between."""
        after: tuple[int, int] = (-(1 << 62), 0)
        while rows := self._database.execute(_PROPOSED, (*after, limit)).fetchall():
            yield [Proposal(instant, number, _lines(lines)) for instant, number, lines in rows]
            after = rows[-1][:2]

    def record_outcomes(self, outcomes: Iterable[tuple[int, str]]) -> None:
        """Stores the outcomes of proposals, by the number of the difference."""
        self._insert(
            "UPDATE difference SET outcome = ?2 WHERE number = ?1", ((number, outcome) for number, outcome in outcomes)
        )

    def unsettled(self) -> int:
        """How many differences remain: nothing is proposed for them, or what was proposed was not made."""
        count: int = self._database.execute("SELECT count(*) FROM difference WHERE outcome <> 'made'").fetchone()[0]
        return count

    def report(self) -> Iterator[tuple[What, str, str, int | None, str | None, str, str, list[bytes], str]]:
        """Each difference by kind and key: what, kind, key, row, fact, recorded, stated, lines, outcome."""
        rows = self._database.execute(
            "SELECT what, kind, key, row, fact_id, recorded, stated, lines, outcome FROM difference"
            " ORDER BY kind, key, instant, number"
        )
        for *shown, lines, outcome in rows:
            what, kind, key, row, fact_id, recorded, stated = shown
            yield what, kind, key, row, fact_id, recorded, stated, _lines(lines), outcome

    def _insert(self, statement: str, rows: Iterable[tuple[object, ...]]) -> None:
        remaining = iter(rows)
        while part := list(islice(remaining, _ADDED_TOGETHER)):
            self._database.execute("BEGIN")
            self._database.executemany(statement, part)
            self._database.execute("COMMIT")


def _lines(encoded: bytes | None) -> list[bytes]:
    return [] if encoded is None else msgspec.msgpack.decode(encoded, type=list[bytes])
