"""The server of our own: it starts on what it finds, refuses what it must not touch, and never outlives its owner."""

import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import psycopg
import pytest

from services.host.embedded_postgres import account
from services.host.embedded_postgres import server as postgres_server
from services.host.embedded_postgres.binaries import find_binaries
from services.host.embedded_postgres.errors import CannotStart
from services.host.embedded_postgres.server import (
    SOCKET_LOCK,
    SOCKET_PATH_BYTES_MAX,
    Server,
    find_running_server,
)
from tests.databases import start_server
from tests.systems import gone

SECONDS_MAX = 60

OWNER = """
import sys, time
from pathlib import Path
from services.host.embedded_postgres.binaries import find_binaries
from services.host.embedded_postgres.server import launch_server
with launch_server(Path(sys.argv[1]), find_binaries(), lambda _: None, durable=False) as ready:
    print(ready().process_id, flush=True)
    time.sleep(600)
"""

STOPPED = pytest.mark.parametrize("watches", [False, True], indirect=True, ids=["by the kernel", "by watching"])
"""How the server learns that its owner is gone: Linux tells it, elsewhere somebody watches."""


def start(directory: Path) -> AbstractContextManager[Server]:
    """The server on this directory, quietly."""
    return start_server(directory, find_binaries(), lambda _: None, durable=False)


@contextmanager
def owned(directory: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A process that owns a server, and the server's number."""
    process = subprocess.Popen([sys.executable, "-c", OWNER, str(directory)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process.stdout:
        try:
            yield process, int(process.stdout.readline())
        finally:
            process.kill()
            process.wait()


@pytest.fixture
def watches(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on macOS, where it is asked for."""
    if request.param:
        monkeypatch.setenv("SAGECERT_WATCHDOG_STAYS", "1")


@STOPPED
def test_the_server_stops_when_its_owner_is_killed(data_directory: Path, watches: None) -> None:
    with owned(data_directory) as (owner, server):
        owner.send_signal(signal.SIGKILL)
        assert gone(server)
    with start(data_directory) as again, psycopg.connect(again.url()) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


@STOPPED
def test_a_server_that_does_not_stop_in_time_is_killed(
    data_directory: Path, watches: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_server, "STOP_SECONDS_MAX", 0.1)
    with start(data_directory) as frozen:
        os.kill(frozen.process_id, signal.SIGSTOP)
    assert gone(frozen.process_id)


def test_a_server_that_is_killed_is_started_again_until_it_is_to_stop(data_directory: Path) -> None:
    with start_server(data_directory, find_binaries(), lambda _: None, kept_running=True) as server:
        for _ in range(2):
            running = find_running_server(data_directory)
            assert running is not None
            os.kill(running.process_id, signal.SIGKILL)
            assert gone(running.process_id)
            answers_again(server)
        last = find_running_server(data_directory)
    assert last is not None
    assert gone(last.process_id)


def answers_again(server: Server) -> None:
    """Waits until the database can be used."""
    until = time.monotonic() + SECONDS_MAX
    while True:
        try:
            psycopg.connect(server.url()).close()
        except psycopg.OperationalError:
            assert time.monotonic() < until
            time.sleep(0.02)
        else:
            return


def test_a_data_directory_has_one_owner(data_directory: Path) -> None:
    with start(data_directory), pytest.raises(CannotStart, match=f"process {os.getpid()}"):
        start(data_directory).__enter__()


def test_lock_files_of_a_server_that_is_gone_are_no_obstacle(data_directory: Path) -> None:
    """Its number belongs to another process of the same account by now."""
    with start(data_directory) as server:
        sockets = server.socket_directory
    cluster = data_directory / "postgres" / "cluster"
    sockets.mkdir(mode=0o700)
    with subprocess.Popen(["sleep", "600"], user=cluster.stat().st_uid) as other:
        for left_behind in (cluster / "postmaster.pid", sockets / SOCKET_LOCK):
            left_behind.write_text(f"{other.pid}\n{cluster}\n")
        with start(data_directory) as server:
            assert server.process_id != other.pid
        other.kill()


def test_a_first_start_that_was_cut_off_is_begun_anew(data_directory: Path) -> None:
    with start(data_directory):
        pass
    home = data_directory / "postgres"
    (home / "cluster").rename(home / "unfinished-1")
    with start(data_directory) as server, psycopg.connect(server.url()):
        assert not (home / "unfinished-1").exists()


def test_data_of_another_major_version_are_refused_with_a_hint(data_directory: Path) -> None:
    with start(data_directory):
        pass
    (data_directory / "postgres" / "cluster" / "PG_VERSION").write_text("16\n")
    with pytest.raises(CannotStart, match=r"PostgreSQL 16.*SAGECERT_POSTGRES_BIN"):
        start(data_directory).__enter__()


def test_a_long_path_has_its_socket_elsewhere(data_directory: Path) -> None:
    long = data_directory / ("a-very-long-name-" * 6)
    with start(long) as server:
        assert len(os.fsencode(server.socket_directory)) < SOCKET_PATH_BYTES_MAX
        assert stat.S_IMODE(server.socket_directory.stat().st_mode) == 0o700


def test_nobody_else_is_let_in_and_nothing_above_is_opened(data_directory: Path) -> None:
    above = {path: path.stat().st_mode for path in (data_directory, *data_directory.parents)}
    with start(data_directory) as server:
        assert stat.S_IMODE((data_directory / "postgres").stat().st_mode) == 0o700
        assert stat.S_IMODE(server.socket_directory.stat().st_mode) == 0o700
        with psycopg.connect(server.url()) as connection:
            assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
    assert {path: path.stat().st_mode for path in above} == above


@pytest.mark.skipif(os.geteuid() != 0, reason="only root cannot run PostgreSQL itself")
@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_below_a_private_directory_of_root_the_server_lives_elsewhere(
    data_directory: Path, monkeypatch: pytest.MonkeyPatch, umask: int
) -> None:
    """And its binaries, however private what root installs and makes is."""
    private, shared = data_directory / "private", data_directory / "made" / "shared"
    private.mkdir(mode=0o700)
    monkeypatch.setattr(account, "SHARED_HOME", shared)
    package = find_binaries().directory.parents[1]
    before = os.umask(umask)
    try:
        for part in (package, *package.parent.glob(f"{package.name}.libs")):
            shutil.copytree(part, private / part.name, copy_function=shutil.copyfile)
        for binary in (private / package.name / "pginstall" / "bin").iterdir():
            binary.chmod(0o777 & ~umask)
        binaries = find_binaries(private / package.name / "pginstall" / "bin")
        with start_server(private / "data", binaries, lambda _: None, durable=False) as server:
            psycopg.connect(server.url()).close()
    finally:
        os.umask(before)
    assert stat.S_IMODE(private.stat().st_mode) == 0o700
    assert (private / "data" / "postgres").resolve().is_relative_to(shared.resolve())


def test_binaries_that_are_not_there_are_named(tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match=str(tmp_path)):
        find_binaries(tmp_path)
