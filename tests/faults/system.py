"""The system under test as processes, each of which can be killed or frozen, and is started again as in production."""

import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Final, Protocol

from services.host.database_urls_and_roles import CERTIFICATION_ROLE, COMPLIANCE_ROLE, DISPATCHER_ROLE, FOLLOWER_ROLE
from services.host.embedded_postgres.binaries import find_binaries
from services.host.embedded_postgres.server import find_running_server
from tests.databases import start_server
from tests.systems import WEBHOOKS, children, ending_with_this_process, environment, sagecert

START_SECONDS_MAX: Final = 60.0
STOP_SECONDS_MAX: Final = 20.0
POSTGRES: Final = "postgres"


class Process:
    """A command that is kept running, as a service manager does, from a thread of its own."""

    def __init__(self, name: str, command: Sequence[str], settings: Mapping[str, str], log: Path) -> None:
        self.name = name
        self._command, self._settings, self._log = command, settings, log
        self._lock, self._stopping = threading.Lock(), False
        self._process = self._start()
        self._keeper = threading.Thread(target=self._keep_running, daemon=True)
        self._keeper.start()

    def _start(self) -> "subprocess.Popen[bytes]":
        with self._log.open("ab") as log:
            return subprocess.Popen(
                ending_with_this_process(self._command),
                env=environment(self._settings),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _keep_running(self) -> None:
        while True:
            self._process.wait()
            with self._lock:
                if self._stopping:
                    return
                self._process = self._start()

    @property
    def pid(self) -> int:
        """Of the process that runs now."""
        return self._process.pid

    def stop(self) -> None:
        """Ends it for good, in order where it can."""
        with self._lock:
            self._stopping = True
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGCONT)
            self._process.terminate()
        self._keeper.join(STOP_SECONDS_MAX)
        if self._keeper.is_alive():
            self._process.kill()
            self._keeper.join()


class System(Protocol):
    """What faults are done to."""

    certification_port: int
    compliance_port: int

    def processes(self) -> dict[str, int]:
        """The processes of ours that run, by name."""

    def server(self) -> int:
        """The number of PostgreSQL's first process."""

    def owner_url(self) -> str:
        """The database."""

    def stop(self) -> None:
        """Ends everything."""


def free_port() -> int:
    """A port that nothing listens on now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


class Apart:
    """Each part a process of its own, two of those that may run twice, on a PostgreSQL that is kept running."""

    def __init__(self, directory: Path, root: Path) -> None:
        self._data, self._server = directory / "data", ExitStack()
        self._url = self._server.enter_context(
            start_server(self._data, find_binaries(), lambda _: None, kept_running=True)
        ).url
        self.certification_port, self.compliance_port = free_port(), free_port()
        settings = {**WEBHOOKS, "SAGECERT_SANDBOX": "true", "PYTHONPATH": str(root)}
        owner = {**settings, "SAGECERT_OWNER_DATABASE_URL": self.owner_url()}
        subprocess.run(sagecert("migrate"), env=environment(owner), check=True)
        certification = {**settings, "SAGECERT_CERTIFICATION_DATABASE_URL": self._url(CERTIFICATION_ROLE)}
        compliance = {**settings, "SAGECERT_COMPLIANCE_DATABASE_URL": self._url(COMPLIANCE_ROLE)}
        following = {**settings, "SAGECERT_FOLLOWER_DATABASE_URL": self._url(FOLLOWER_ROLE)}
        dispatching = {**settings, "SAGECERT_DISPATCHER_DATABASE_URL": self._url(DISPATCHER_ROLE)}
        parts: dict[str, tuple[list[str], Mapping[str, str]]] = {
            "certification": (["certification", "serve", "--port", str(self.certification_port)], certification),
            "compliance": (["compliance", "serve", "--port", str(self.compliance_port)], compliance),
            "follower": (["compliance", "work"], following),
            "other follower": (["compliance", "work"], following),
            "dispatcher": (["compliance", "dispatch"], dispatching),
            "other dispatcher": (["compliance", "dispatch"], dispatching),
        }
        self._parts = [
            Process(name, sagecert(*command), part, directory / f"{name.replace(' ', '-')}.log")
            for name, (command, part) in parts.items()
        ]

    def processes(self) -> dict[str, int]:
        return {part.name: part.pid for part in self._parts}

    def server(self) -> int:
        return _server(self._data)

    def owner_url(self) -> str:
        return self._url()

    def stop(self) -> None:
        """Ends everything."""
        for part in self._parts:
            part.stop()
        self._server.close()


class Together:
    """`sagecert up`, as a service manager keeps it running."""

    def __init__(self, directory: Path, root: Path) -> None:
        self.certification_port = self.compliance_port = free_port()
        self._data = directory / "data"
        settings = {**WEBHOOKS, "SAGECERT_SANDBOX": "true", "PYTHONPATH": str(root)}
        command = sagecert("up", "--port", str(self.certification_port), "--data-dir", str(self._data))
        self._up = Process("up", command, settings, directory / "up.log")

    def processes(self) -> dict[str, int]:
        found = {"up": self._up.pid}
        for child, command in children(self._up.pid).items():
            for part in ("follower", "dispatcher"):
                if command.endswith(part):
                    found[part] = child
        return found

    def server(self) -> int:
        return _server(self._data)

    def owner_url(self) -> str:
        server = find_running_server(self._data)
        assert server is not None
        return server.url()

    def stop(self) -> None:
        """Ends everything."""
        self._up.stop()


def _server(data_directory: Path) -> int:
    server = find_running_server(data_directory)
    return server.process_id if server else 0


def backends(server: int) -> list[int]:
    """The processes of PostgreSQL that serve connections."""
    return [pid for pid, command in children(server).items() if "[local]" in command]


@contextmanager
def small_disk(directory: Path, mebibytes: int) -> Iterator[bool]:
    """A file system of its own on the directory, where that may be made: only root can. Says whether it was."""
    made = (
        os.geteuid() == 0
        and shutil.which("mount") is not None
        and subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m,mode=755", "tmpfs", str(directory)],
            capture_output=True,
            check=False,
        ).returncode
        == 0
    )
    try:
        yield made
    finally:
        if made:
            subprocess.run(["umount", "--lazy", str(directory)], check=False)


def await_answer(port: int) -> None:
    """Waits until something listens."""
    until = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < until:
        with socket.socket() as tried:
            if tried.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise TimeoutError(f"nothing listens on port {port}")
