"""Child processes: restarted when they end, and ended with this process, `kill -9` included."""

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final, NamedTuple

from services.host.embedded_postgres.server import PARENT_WATCHDOG

BACKOFF_SECONDS: Final = 0.1
BACKOFF_SECONDS_MAX: Final = 5.0
"""Between two starts of a part that keeps ending; doubled each time."""

STEADY_SECONDS: Final = 10.0
"""A part that ran this long is restarted without backoff."""

STOP_SECONDS_MAX: Final = 10.0
"""The time that a part has to stop; a dispatcher finishes requests for up to five seconds."""

_log: Final = logging.getLogger(__name__)


class Part(NamedTuple):
    """A process to keep running. `arguments`: of the Python that runs us. `environment`: all of it."""

    name: str
    arguments: Sequence[str]
    environment: Mapping[str, str]


@contextmanager
def supervised(parts: Sequence[Part]) -> Iterator[None]:
    """Keeps the parts running while the context lasts and this process lives.

    Each has a session of its own: Ctrl-C in a terminal reaches this process alone, which then stops them. If this
    process is killed, Linux kills them with it; on other systems a watcher does so within a fraction of a second.
    """
    supervisors = [_Supervisor(part) for part in parts]
    for supervisor in supervisors:
        supervisor.start()
    try:
        yield
    finally:
        for supervisor in supervisors:
            supervisor.stop()
        deadline = time.monotonic() + STOP_SECONDS_MAX
        for supervisor in supervisors:
            supervisor.end(max(0.0, deadline - time.monotonic()))


class _Supervisor(threading.Thread):
    """A thread for each part: for Linux, the end of the thread that started a process is the end of its parent."""

    def __init__(self, part: Part) -> None:
        super().__init__(name=f"supervisor of the {part.name}", daemon=True)
        self._part = part
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None

    def run(self) -> None:
        backoff_seconds = BACKOFF_SECONDS
        while (process := self._start()) is not None:
            started_at = time.monotonic()
            status = process.wait()
            if self._stopping.is_set():
                return
            if time.monotonic() - started_at >= STEADY_SECONDS:
                backoff_seconds = BACKOFF_SECONDS
            _log.error("the %s ended with %s and is restarted", self._part.name, status)
            self._stopping.wait(backoff_seconds)
            backoff_seconds = min(2 * backoff_seconds, BACKOFF_SECONDS_MAX)

    def _start(self) -> subprocess.Popen[bytes] | None:
        """Starts the process; None after `stop`."""
        with self._lock:
            if self._stopping.is_set():
                return None
            watchdog = ("-I", "-S", str(PARENT_WATCHDOG), str(os.getpid()), "-1", "-1", str(int(signal.SIGKILL)))
            self._process = subprocess.Popen(
                [sys.executable, *watchdog, sys.executable, *self._part.arguments],
                stdin=subprocess.DEVNULL,
                env=self._part.environment,
                start_new_session=True,
            )
            return self._process

    def stop(self) -> None:
        """Asks the process to end and prevents a restart."""
        with self._lock:
            self._stopping.set()
            if self._process is not None:
                self._process.terminate()

    def end(self, seconds: float) -> None:
        """Waits until the process has ended, and kills it after that time."""
        self.join(seconds)
        if self.is_alive() and self._process is not None:
            _log.warning("the %s does not end in time and is killed", self._part.name)
            os.killpg(self._process.pid, signal.SIGKILL)  # with what watches it
            self.join()
