"""A subscription to the log that also polls, so that a lost notification only delays an event."""

from time import monotonic
from typing import Final

from eventsourcing.postgres import PostgresSubscription
from psycopg.sql import SQL, Identifier

POLL_SECONDS: Final = 0.25
_STOP_SECONDS: Final = 0.1
"""The longest time until a stopped subscription ends."""


class LogSubscription(PostgresSubscription):
    """Polls besides: the library's subscription only waits for notifications, which a killed process never sends."""

    def _listen(self) -> None:
        try:
            with self._recorder.datastore.get_connection() as connection:
                connection.execute(SQL("LISTEN {}").format(Identifier(self._recorder.channel_name)))
                pulled_at = monotonic()
                while not self._has_been_stopped and not self._thread_error:
                    notified = list(connection.notifies(timeout=_STOP_SECONDS, stop_after=1))
                    if notified or monotonic() - pulled_at >= POLL_SECONDS:
                        pulled_at = monotonic()
                        self._has_been_notified.set()
        except BaseException as error:
            if self._thread_error is None:
                self._thread_error = error
            self.stop()
