"""Appends for callers in threads: an `Appender` in a separate event loop groups their calls.

The loop, its connection and its notifications start with the first append; a reader opens none of them.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from threading import Lock, Thread
from typing import NamedTuple

import asyncpg
import uvloop
from eventsourcing.persistence import (
    DatabaseError,
    DataError,
    IntegrityError,
    OperationalError,
    PersistenceError,
    ProgrammingError,
)

from services.certification.event_store.append_request import Outcome
from services.certification.event_store.database import Database
from services.certification.event_store.group_commit import Appender
from services.certification.settings import CertificationSettings
from services.web.refusal import Refusal


class _Running(NamedTuple):
    """The resources of the thread. Only its loop may call `notify_soon` and set `stop`."""

    loop: asyncio.AbstractEventLoop
    database: Database
    appender: Appender
    notify_soon: Callable[[int], None]
    stop: asyncio.Event


class AppendThread:
    """Any thread may append; each waits only for its own outcome."""

    def __init__(self, settings: CertificationSettings) -> None:
        self._settings = settings
        self._lock = Lock()
        self._thread: Thread | None = None
        self._running: _Running | None = None

    def append(self, call: bytes) -> Outcome:
        """Appends a call, encoded as JSON, and returns its outcome once that is durable.

        Raises the library's `OperationalError` at the deadline, when the call may or may not be recorded, and its other
        errors when the database refuses the call.
        """
        running = self._open()
        try:
            return asyncio.run_coroutine_threadsafe(_append(running, call), running.loop).result()
        except Refusal as refusal:
            raise OperationalError(refusal.detail) from refusal
        except asyncpg.PostgresError as error:
            raise _library_error(error) from error

    def notify_soon(self, position: int) -> None:
        """Notifies listeners of what another connection recorded, up to this position."""
        running = self._open()
        running.loop.call_soon_threadsafe(running.notify_soon, position)

    def close(self) -> None:
        """Fails the waiting calls and ends the thread. A notification lost here does no harm: listeners poll."""
        with self._lock:
            thread, self._thread = self._thread, None
            running, self._running = self._running, None
        if thread is not None and running is not None:
            running.loop.call_soon_threadsafe(running.stop.set)
            thread.join()

    def _open(self) -> _Running:
        with self._lock:
            if self._running is None:
                opened: Future[_Running] = Future()
                self._thread = Thread(target=_run, args=(self._settings, opened), name="append", daemon=True)
                self._thread.start()
                self._running = opened.result()
            return self._running


def _run(settings: CertificationSettings, opened: "Future[_Running]") -> None:
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_serve(settings, opened))
    except BaseException as error:
        if opened.done():
            raise
        opened.set_exception(error)  # `_open` waits for a result or an error


async def _serve(settings: CertificationSettings, opened: "Future[_Running]") -> None:
    # Imported when it runs: the module imports this package.
    from services.certification.log_notifications import LogNotifier

    url = settings.database_url.get_secret_value()
    async with Database(url, settings.database_role, 1, settings.call_seconds_max) as database:
        notifier, stop = LogNotifier(database), asyncio.Event()
        appender = Appender(database, recorded=notifier.notify_soon)
        notifying = asyncio.create_task(notifier.run_notifier())
        opened.set_result(_Running(asyncio.get_running_loop(), database, appender, notifier.notify_soon, stop))
        await stop.wait()
        await appender.close()
        notifying.cancel()
        await asyncio.wait([notifying])


async def _append(running: _Running, call: bytes) -> Outcome:
    async with running.database.within_deadline() as bound:
        return await running.appender.append(call, bound.when)


def _library_error(error: asyncpg.PostgresError) -> PersistenceError:
    """The corresponding error of the library."""
    match error:
        case asyncpg.IntegrityConstraintViolationError():
            return IntegrityError(str(error))
        case asyncpg.DataError():
            return DataError(str(error))
        case asyncpg.SyntaxOrAccessError():
            return ProgrammingError(str(error))
        case _:
            return DatabaseError(str(error))
