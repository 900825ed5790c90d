"""The connection on which groups of calls are appended.

It is held by one thread at a time and kept open, with its statement prepared, and libpq is called directly: pool and
cursor would cost a caller more than deciding, encoding and grouping together.
"""

from collections.abc import Callable
from typing import Any, Final

import msgspec
import psycopg
from psycopg import Connection
from psycopg.pq import ConnStatus, ExecStatus
from psycopg.pq.abc import PGresult

from services.certification.event_store.calls import Outcome
from services.certification.event_store.deadline import Watch

APPEND: Final = b"SELECT json_agg(outcomes) FROM certification.append($1) AS outcomes"
NAME: Final = b"append"

_outcomes: Final = msgspec.json.Decoder(list[Outcome])


class AppendLine:
    """Opens its connection when it needs one, and another after an error. `connect` opens one."""

    def __init__(self, connect: Callable[[], Connection[Any]], watch: Watch) -> None:
        self._connect = connect
        self._watch = watch
        self._connection: Connection[Any] | None = None

    def send(self, calls: bytes) -> list[Outcome]:
        """Appends a group of calls, a JSON array, and returns what became of each.

        Raises `psycopg.Error`. After an `OperationalError` the calls may be stored or not: sent again, they say.
        """
        connection = self._connection or self._connect()
        try:
            with self._watch.over(connection):
                if self._connection is None:
                    _checked(connection, connection.pgconn.prepare(NAME, APPEND))
                    self._connection = connection
                answer = _checked(connection, connection.pgconn.exec_prepared(NAME, [calls])).get_value(0, 0)
        except BaseException:
            self._connection = None
            connection.close()
            raise
        assert answer is not None, "there is an outcome for each call, and at least one call"
        return _outcomes.decode(answer)

    def close(self) -> None:
        """Closes the connection; the next call opens another."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def _checked(connection: Connection[Any], result: PGresult) -> PGresult:
    """The result, if the server did what it was asked; raises otherwise."""
    if result.status in (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK):
        return result
    error = psycopg.errors.error_from_result(result)
    if connection.pgconn.status != ConnStatus.OK:
        raise psycopg.OperationalError(str(error)) from error
    raise error
