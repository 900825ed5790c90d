"""Asking the database until it answers, or until the deadline."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from time import sleep
from types import TracebackType
from typing import Any, Final, LiteralString, Self, TypeVar

import psycopg
from eventsourcing.persistence import InterfaceError, OperationalError
from psycopg.rows import tuple_row

from services.certification.event_store.deadline import seconds_left, within
from services.certification.event_store.recorder import FactRecorder, LogDatastore

T = TypeVar("T")

RETRY_SECONDS: Final = 0.05
"""Between two tries of a database that does not answer."""

# Who cannot reach the schema for a moment may reach it soon: the sandbox makes it anew while others look on.
PASSING: Final = (
    psycopg.errors.UndefinedFunction,
    psycopg.errors.UndefinedTable,
    psycopg.errors.InvalidSchemaName,
)


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

    def until_answered(self, ask: Callable[[FactRecorder], T]) -> T:
        """What the recorder answers. Raises `Unavailable` at the deadline."""
        with self.within_deadline():
            while True:
                try:
                    return ask(self._recorder)
                except (InterfaceError, OperationalError):
                    sleep(min(RETRY_SECONDS, seconds_left()))

    def _execute(
        self, statement: LiteralString, parameters: Sequence[Any] | Mapping[str, Any]
    ) -> list[tuple[Any, ...]]:
        with self._datastore.get_connection() as connection:
            cursor = connection.cursor(row_factory=tuple_row, binary=True)
            try:
                cursor.execute(statement, parameters, prepare=True)
            except PASSING as error:
                raise OperationalError(str(error)) from error
            return cursor.fetchall() if cursor.description else []
