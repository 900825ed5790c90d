"""The memory of a witness, in SQLite: the latest checkpoint of each log, and those that contradict it."""

import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

_Result = TypeVar("_Result")

CONFLICTS_MAX: Final = 100
"""Contradicting checkpoints that are kept for each log: the first one is proof enough."""
BUSY_SECONDS_MAX: Final = 5.0

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS checkpoint (
    origin TEXT PRIMARY KEY,
    origin_hash TEXT NOT NULL UNIQUE,
    size INTEGER NOT NULL,
    root BLOB NOT NULL,
    note TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS conflict (
    origin TEXT NOT NULL, seen_at INTEGER NOT NULL, why TEXT NOT NULL, note TEXT NOT NULL
) STRICT;
"""
_LATEST: Final = "SELECT size, root, note FROM checkpoint WHERE origin = ?"
_NOTE: Final = "SELECT note FROM checkpoint WHERE origin_hash = ?"
_KEEP: Final = """
    INSERT INTO checkpoint (origin, origin_hash, size, root, note) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (origin) DO UPDATE SET size = excluded.size, root = excluded.root, note = excluded.note
"""
_KEEP_CONFLICT: Final = """
    INSERT INTO conflict (origin, seen_at, why, note)
    SELECT ?1, ?2, ?3, ?4 WHERE (SELECT count(*) FROM conflict WHERE origin = ?1) < ?5
"""


class Seen(NamedTuple):
    """The latest checkpoint of a log that the witness cosigned. `note`: with its cosignature."""

    size: int
    root: bytes
    note: str


class WitnessState:
    """One file. What `exclusively` does is committed and on the disk when it returns, or not done at all."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(
            path, timeout=BUSY_SECONDS_MAX, isolation_level=None, check_same_thread=False
        )
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.executescript(_SCHEMA)

    def exclusively(self, change: Callable[["WitnessState"], _Result]) -> _Result:
        """Runs the change alone: no other thread or process reads in between."""
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                result = change(self)
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")
            return result

    def latest(self, origin: str) -> Seen | None:
        """The latest checkpoint of the log; within `exclusively`."""
        row = self._connection.execute(_LATEST, (origin,)).fetchone()
        return None if row is None else Seen(*row)

    def keep(self, origin: str, origin_hash: str, seen: Seen) -> None:
        """Keeps the latest checkpoint of the log; within `exclusively`."""
        self._connection.execute(_KEEP, (origin, origin_hash, *seen))

    def keep_conflict(self, origin: str, seconds: int, why: str, note: str) -> None:
        """Keeps a signed checkpoint that contradicts what was seen; within `exclusively`."""
        self._connection.execute(_KEEP_CONFLICT, (origin, seconds, why, note, CONFLICTS_MAX))

    def note(self, origin_hash: str) -> str | None:
        """The latest checkpoint of the log whose origin has this SHA-256."""
        with self._lock:
            row = self._connection.execute(_NOTE, (origin_hash,)).fetchone()
        return None if row is None else str(row[0])

    def close(self) -> None:
        """Closes the file."""
        self._connection.close()
