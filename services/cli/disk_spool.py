"""Tables of one command on disk, because they need not fit into memory.

SQLite sorts in bounded memory. Its file has no name, so nothing of it is left, however the command ends.
"""

import sqlite3
from types import TracebackType
from typing import Self

import click


class DiskSpool:
    """Tables that end with the context. Raises `click.ClickException` if the disk is full.

    `failure`: the beginning of the message then.
    """

    def __init__(self, tables: str, failure: str) -> None:
        self._failure = failure
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.executescript(f"PRAGMA journal_mode = OFF; {tables}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._database.close()
        if isinstance(problem, sqlite3.OperationalError):
            raise click.ClickException(f"{self._failure}: {problem}.") from problem
