"""Starting and stopping the server, and where to connect to it."""

import hashlib
import logging
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final
from urllib.parse import quote

import msgspec

from services.host.embedded_postgres import account as accounts
from services.host.embedded_postgres import cluster as clusters
from services.host.embedded_postgres.account import Account
from services.host.embedded_postgres.binaries import Binaries
from services.host.embedded_postgres.errors import CannotStart

DATABASE: Final = "sagecert"
OWNER: Final = "sagecert_owner"

START_SECONDS_MAX: Final = 120
"""Recovery after a crash is part of a start."""

STOP_SECONDS_MAX: Final = 30

POLL_SECONDS: Final = 0.005
"""The longest delay before a ready server is noticed."""

RESTART_SECONDS: Final = 1.0
"""Between two attempts to start a server again."""

SOCKET_PATH_BYTES_MAX: Final = 100
"""Of the socket's directory and name: the shortest limit of our platforms is 103 (macOS), Linux has 107."""

PORT: Final = 5432
"""Only a part of the socket's name: nothing listens on TCP."""

SOCKET_LOCK: Final = f".s.PGSQL.{PORT}.lock"
"""Beside the socket, in its directory."""

_SOCKET_LINE: Final = 4
_STATE_LINE: Final = 7
"""Of the lock file that the server keeps beside its data, counted from 0."""

DATABASE_MADE: Final = "sagecert-database-made"
"""A file in the cluster, which goes where the cluster goes."""

PARENT_WATCHDOG: Final = Path(__file__).with_name("parent_watchdog.py")

SHUTDOWN_SIGNAL: Final = str(int(signal.SIGINT))
"""PostgreSQL's fast shutdown: roll back, write a checkpoint, go."""

_log: Final = logging.getLogger(__name__)


class Server(msgspec.Struct, frozen=True):
    """A running server, reached through the private directory of its socket."""

    socket_directory: Path
    version: str
    process_id: int

    def url(self, role: str = OWNER, database: str = DATABASE) -> str:
        """Where to connect, as libpq and asyncpg both read it."""
        return f"postgresql://{role}@/{database}?host={quote(str(self.socket_directory), safe='')}&port={PORT}"


@contextmanager
def launch_server(
    data_directory: Path,
    binaries: Binaries,
    on_progress: Callable[[str], None],
    *,
    durable: bool = True,
    kept_running: bool = False,
) -> Iterator[Callable[[], Server]]:
    """The server on this data directory, for as long as the context lasts or this process lives.

    Call the result once: it waits until the server is ready. `on_progress` gets a line for each step that takes long.
    Not `durable`: faster, and lost after a crash. `kept_running`: a server that ends by itself is started again, in the
    same place under another process id. Both raise `CannotStart`. Only the main thread may start it: for Linux, the
    end of the thread that started a process is the end of its parent.
    """
    assert threading.current_thread() is threading.main_thread()
    data_directory = data_directory.absolute()
    with clusters.exclusive(data_directory):
        account = accounts.choose(data_directory / "postgres")
        home = accounts.reachable_home(account, data_directory / "postgres")
        binaries = accounts.reachable_binaries(account, binaries)
        clusters.prepare(home / "cluster", binaries, account, durable, on_progress)
        sockets = _socket_directory(home, account)
        process = _Process(home, sockets / SOCKET_LOCK, _command(home / "cluster", sockets, binaries, account, durable))

        def ready() -> Server:
            server = Server(sockets, binaries.version, process.await_ready())
            _make_database(server, home / "cluster" / DATABASE_MADE, account)
            if kept_running:
                threading.Thread(target=process.keep_running, name="keeper of PostgreSQL", daemon=True).start()
            return server

        try:
            process.start()
            yield ready
        finally:
            process.stop()
            with suppress(OSError):  # a killed server leaves its socket, which the next one takes over
                sockets.rmdir()


class _Process:
    """The server's process, or the one that watches it."""

    def __init__(self, home: Path, socket_lock: Path, command: Sequence[str]) -> None:
        self._home = home
        self._socket_lock = socket_lock
        self._command = command
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts it, once no other server is left on the data."""
        clusters.await_predecessor(self._home / "cluster", self._socket_lock)
        with self._lock, (self._home / "server.log").open("w") as log:
            if self._stopping.is_set():
                raise CannotStart("The server is stopping.")
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd="/",
                env=clusters.environment(),
                start_new_session=True,
            )

    def await_ready(self) -> int:
        """Waits until it is ready. Returns the number of the server's process."""
        assert self._process is not None, "it was started"
        return _await_ready(self._process, self._home)

    def keep_running(self) -> None:
        """Restarts the server whenever it ends, until `stop`. For a thread that lives as long."""
        while self._process is not None:
            status = self._process.wait()
            if self._stopping.is_set():
                return
            _log.error("PostgreSQL ended with %s and is restarted; it recovers from its log", status)
            try:
                self.start()
                self.await_ready()
            except CannotStart as problem:
                _log.error("PostgreSQL cannot be restarted: %s", problem)
                self._stopping.wait(RESTART_SECONDS)

    def stop(self) -> None:
        """Fast shutdown; a server that takes too long is killed with its watchdog."""
        with self._lock:
            self._stopping.set()
        if self._process is None or self._process.poll() is not None:
            return
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()


def find_running_server(data_directory: Path) -> Server | None:
    """The server that another process of this machine runs on the data directory; null: none is ready there."""
    pid_file = data_directory.absolute() / "postgres" / "cluster" / "postmaster.pid"
    lines = _lines(pid_file)
    if not _is_ready(lines) or not clusters.server_of(pid_file):
        return None
    version = (pid_file.parent / "PG_VERSION").read_text().strip()
    return Server(Path(lines[_SOCKET_LINE]), version, int(lines[0]))


def _command(cluster: Path, sockets: Path, binaries: Binaries, account: Account, durable: bool) -> list[str]:
    settings = {
        "listen_addresses": "",
        "unix_socket_directories": str(sockets),
        "port": str(PORT),
        "timezone": "UTC",
        "log_timezone": "UTC",
        "max_connections": "200",
    }
    if not durable:
        settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
    return [
        sys.executable, "-I", "-S", str(PARENT_WATCHDOG),
        str(os.getpid()), str(account.uid), str(account.gid), SHUTDOWN_SIGNAL,
        str(binaries.directory / "postgres"), "-D", str(cluster),
        *(part for name, value in settings.items() for part in ("-c", f"{name}={value}")),
    ]  # fmt: skip


def _socket_directory(home: Path, account: Account) -> Path:
    """Beside the data where the path is short enough, else in /tmp under a name that follows from the data's."""
    directory = home / "socket"
    if len(os.fsencode(directory / SOCKET_LOCK)) > SOCKET_PATH_BYTES_MAX:
        directory = Path("/tmp") / f"sagecert-{hashlib.sha256(os.fsencode(home)).hexdigest()[:16]}"
    directory.mkdir(mode=0o700, exist_ok=True)
    status = directory.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid not in (os.geteuid(), account.uid) or status.st_mode & 0o077:
        raise CannotStart(f"{directory} should be a private directory for the database's socket and is not: remove it.")
    account.take(directory)
    return directory


def _await_ready(process: subprocess.Popen[bytes], home: Path) -> int:
    """The number of the server's process, which is not the one that we started where that one watches.

    The server writes it into the first line of its lock file.
    """
    until = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < until:
        if process.poll() is not None:
            raise CannotStart(f"PostgreSQL stopped at once: {_reason(home / 'server.log')}")
        lines = _lines(home / "cluster" / "postmaster.pid")
        if _is_ready(lines):
            return int(lines[0])
        time.sleep(POLL_SECONDS)
    raise CannotStart(f"PostgreSQL was not ready within {START_SECONDS_MAX} seconds; see {home / 'server.log'}.")


def _is_ready(lines: Sequence[str]) -> bool:
    return len(lines) > _STATE_LINE and lines[_STATE_LINE].strip() == "ready"


def _lines(pid_file: Path) -> list[str]:
    try:
        return pid_file.read_text().splitlines()
    except OSError:
        return []


def _reason(log: Path) -> str:
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    fatal = [line for line in lines if "FATAL" in line or "PANIC" in line]
    return (fatal or lines or [f"see {log}"])[-1].strip()


def _make_database(server: Server, made: Path, account: Account) -> None:
    """The owner's role and database, once. The owner may make the services' roles and nothing else of the kind."""
    if made.exists():
        return
    import psycopg  # takes a tenth of a later start to load

    with psycopg.connect(server.url(clusters.SUPERUSER, "postgres"), autocommit=True) as connection:
        if connection.execute("SELECT to_regrole(%s)", (OWNER,)).fetchone() == (None,):
            connection.execute(f"CREATE ROLE {OWNER} LOGIN CREATEROLE")
        if connection.execute("SELECT FROM pg_database WHERE datname = %s", (DATABASE,)).fetchone() is None:
            connection.execute(f"CREATE DATABASE {DATABASE} OWNER {OWNER}")
    made.touch()
    account.take(made)
