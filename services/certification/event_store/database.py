"""Asking the database until it answers, or until the deadline."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from time import sleep
from types import TracebackType
from typing import Any, Final, LiteralString, Self, TypeVar

import psycopg
from eventsourcing.persistence import InterfaceError, OperationalError
from psycopg.rows import tuple_row

from services.certification.event_store.calls import Outcome
from services.certification.event_store.deadline import seconds_left, within
from services.certification.event_store.recorder import FactRecorder, LogDatastore

T = TypeVar("T")

RETRY_SECONDS: Final = 0.02
"""Between two tries of a database that does not answer."""

PASSING: Final = (
    InterfaceError,
    OperationalError,
    psycopg.InterfaceError,
    psycopg.OperationalError,
    psycopg.InternalError,
    # The sandbox makes the schema anew while others look on.
    psycopg.errors.UndefinedFunction,
    psycopg.errors.UndefinedTable,
    psycopg.errors.InvalidSchemaName,
)
"""Errors after which the same may be asked again: the library's, and those of a server that is away for a moment."""


class Database(AbstractContextManager["Database"]):
    """The database of the service: the library's recorder, and statements of our own.

    `seconds_max` bounds every call. Everything that is asked can be asked twice.
    """

    def __init__(self, conninfo: str, role: str | None, connections_max: int, seconds_max: float) -> None:
        self._seconds_max = seconds_max
        self._datastore = LogDatastore(conninfo, role, connections_max)
        self._recorder = FactRecorder(self._datastore)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._datastore.close()

    def within_deadline(self) -> AbstractContextManager[None]:
        """Bounds everything asked inside together."""
        return within(self._seconds_max)

    def select(
        self, statement: LiteralString, parameters: Sequence[Any] | Mapping[str, Any] = ()
    ) -> list[tuple[Any, ...]]:
        """The rows of one statement, which is one transaction. Raises `Unavailable` at the deadline."""
        return self.until_answered(lambda _: self._execute(statement, parameters))

    def append(self, calls: bytes) -> list[Outcome]:
        """What becomes of a group of calls, a JSON array; one thread at a time. Raises `Unavailable` at the deadline.

        A connection that breaks is no answer: the calls are sent again, and where they had been stored after all,
        the database finds their keys used and says what is stored.
        """
        return self.until_answered(lambda _: self._datastore.append_line.send(calls))

    def until_answered(self, ask: Callable[[FactRecorder], T]) -> T:
        """What the recorder answers. Raises `Unavailable` at the deadline."""
        with self.within_deadline():
            while True:
                try:
                    return ask(self._recorder)
                except PASSING:
                    sleep(min(RETRY_SECONDS, seconds_left()))

    def _execute(
        self, statement: LiteralString, parameters: Sequence[Any] | Mapping[str, Any]
    ) -> list[tuple[Any, ...]]:
        with self._datastore.get_connection() as connection:
            cursor = connection.cursor(row_factory=tuple_row, binary=True)
            cursor.execute(statement, parameters, prepare=True)
            return cursor.fetchall() if cursor.description else []
