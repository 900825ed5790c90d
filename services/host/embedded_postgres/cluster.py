"""The server's data on disk: created once, used by one server at a time, never opened by another major version."""

import fcntl
import os
import secrets
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from services.host.embedded_postgres.account import Account
from services.host.embedded_postgres.binaries import Binaries
from services.host.embedded_postgres.errors import CannotStart

SUPERUSER: Final = "postgres"

POLL_SECONDS: Final = 0.005
"""The longest delay before a stopped server is noticed."""

PREDECESSOR_SECONDS_MAX: Final = 30
"""The time that a server whose owner was killed has to write its checkpoint and stop."""


@contextmanager
def exclusive(data_directory: Path) -> Iterator[None]:
    """Locks the data directory for this process. Raises `CannotStart` if another process holds it."""
    data_directory.mkdir(parents=True, exist_ok=True)
    lock = os.open(data_directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(lock, 20).decode().strip() or "unknown"
            raise CannotStart(
                f"Another sagecert (process {holder}) already uses {data_directory}: stop it, "
                "or start with another --data-dir and --port."
            ) from None
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(lock)


def prepare(
    cluster: Path, binaries: Binaries, account: Account, durable: bool, on_progress: Callable[[str], None]
) -> None:
    """Creates the cluster if there is none. Raises `CannotStart` if it is of another major version."""
    if not cluster.exists():
        on_progress(f"PostgreSQL {binaries.version}: making a new database (once)")
        _initialise(cluster, binaries, account, durable)
    major = int((cluster / "PG_VERSION").read_text().split(".")[0])
    if major != binaries.major:
        raise CannotStart(
            f"The data in {cluster} were written by PostgreSQL {major} and cannot be opened by "
            f"{binaries.version}: set SAGECERT_POSTGRES_BIN to the bin directory of a PostgreSQL {major}, "
            "or start with another --data-dir."
        )


def _initialise(cluster: Path, binaries: Binaries, account: Account, durable: bool) -> None:
    """Whole or not at all, wherever it is interrupted. The result does not depend on the machine's locale."""
    for left_behind in cluster.parent.glob("unfinished-*"):
        shutil.rmtree(left_behind, ignore_errors=True)
    unfinished = cluster.with_name(f"unfinished-{secrets.token_hex(4)}")
    locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"] if binaries.major >= 17 else []
    command = [
        str(binaries.directory / "initdb"),
        f"--pgdata={unfinished}",
        f"--username={SUPERUSER}",
        "--auth=trust",
        "--encoding=UTF8",
        "--locale=C",
        *locale,
        *([] if durable else ["--no-sync"]),
    ]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        cwd="/",
        env=environment(),
        check=False,
        user=account.uid if account.uid >= 0 else None,
        group=account.gid if account.uid >= 0 else None,
        extra_groups=[] if account.uid >= 0 else None,
    )
    if done.returncode:
        raise CannotStart(f"PostgreSQL could not make a database in {cluster}: {_last_line(done.stderr)}")
    unfinished.rename(cluster)


def environment() -> dict[str, str]:
    """The environment of this process, in the locale that every machine has.

    The server's log is searched for what stopped it. On macOS a server without a valid locale can start threads when
    it asks for one, and then refuses to run.
    """
    return {**os.environ, "LC_ALL": "C"}


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else "it gave no reason"


def await_predecessor(cluster: Path, socket_lock: Path) -> None:
    """Waits for a server that is still stopping, and forgets one that is gone.

    PostgreSQL takes any living process of the number in `postmaster.pid` for a server; after a restart of the
    machine or container that number often belongs to something else, and one that waits to be reaped still lives. The
    same holds of the lock file beside its socket.
    """
    pid_file = cluster / "postmaster.pid"
    until = time.monotonic() + PREDECESSOR_SECONDS_MAX
    while pid := server_of(pid_file):
        if time.monotonic() > until:
            raise CannotStart(f"A PostgreSQL server (process {pid}) still runs on {cluster}: stop it first.")
        time.sleep(POLL_SECONDS)
    for left_behind in (pid_file, socket_lock):
        left_behind.unlink(missing_ok=True)


def server_of(pid_file: Path) -> int | None:
    """The process that the file names, if that is a PostgreSQL server."""
    try:
        pid = int(pid_file.read_text().split("\n", 1)[0])
    except (OSError, ValueError):
        return None
    return pid if _is_server(pid) else None


def _is_server(pid: int) -> bool:
    """Whether a living PostgreSQL has this number; one that waits to be reaped is dead."""
    if Path("/proc/self/stat").exists():
        try:
            status = Path(f"/proc/{pid}/stat").read_text()
        except OSError:
            return False
        return "(postgres)" in status and not status.rpartition(")")[2].startswith(" Z")
    shown = subprocess.run(["ps", "-o", "comm=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return Path(shown.stdout.strip()).name == "postgres"
