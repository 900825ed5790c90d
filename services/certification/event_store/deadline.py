"""Deadlines on calls of the database, also where the server does not answer at all.

A frozen server keeps its sockets open: neither `statement_timeout` nor a broken connection ends the wait. So a
watch shuts the socket down at the deadline, and the waiting thread goes on with an ordinary connection error.
"""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from time import monotonic
from typing import Any, Final

import psycopg
from psycopg import Connection

from services.certification.refusals import Unavailable

_deadline: ContextVar[float] = ContextVar("deadline", default=float("inf"))

DID_NOT_ANSWER: Final = "The database did not answer in time. Asking again with the same key is safe."

LOOK_SECONDS: Final = 0.1
"""How often the watch looks; deadlines are kept to within this."""


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Bounds every call of the database made inside; an earlier deadline of the caller stays."""
    deadline = min(monotonic() + seconds, _deadline.get())
    token = _deadline.set(deadline)
    try:
        yield
    finally:
        _deadline.reset(token)


def seconds_left() -> float:
    """Seconds to the deadline, more than 0; infinite outside `within`. Raises `Unavailable` once it has passed."""
    left = _deadline.get() - monotonic()
    if left <= 0:
        raise Unavailable(DID_NOT_ANSWER)
    return left


class Watch:
    """Shuts down the connections whose deadline has passed."""

    def __init__(self) -> None:
        self._until: dict[Connection[Any], float] = {}
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._look, name="database-watch", daemon=True)
        self._thread.start()

    @contextmanager
    def over(self, connection: Connection[Any]) -> Iterator[None]:
        """Watches one connection until its work is done, or the deadline of the thread."""
        self._until[connection] = monotonic() + seconds_left()
        try:
            yield
        finally:
            self._until.pop(connection, None)

    def close(self) -> None:
        """Ends the watch."""
        self._stopped.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._stopped.wait(LOOK_SECONDS):
            now = monotonic()
            for connection, until in list(self._until.items()):
                if until <= now:
                    self._until.pop(connection, None)
                    _cut(connection)


def _cut(connection: Connection[Any]) -> None:
    with suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(connection.fileno())) as its_socket:
        its_socket.shutdown(socket.SHUT_RDWR)
