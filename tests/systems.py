"""The real system as processes, driven over HTTP."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, Final

import httpx
import msgspec
from cryptography.fernet import Fernet

from services.host.embedded_postgres.server import PARENT_WATCHDOG
from tests.databases import Database
from tests.temporary_directory import temporary_directory

START: Final = "2022-01-01T00:00:00Z"
"""Where the clock of a reset system stands, unless the test says otherwise."""

STOP_SECONDS_MAX: Final = 20

WEBHOOKS: Final = {
    "SAGECERT_COMPLIANCE_WEBHOOK_KEYS": json.dumps([Fernet.generate_key().decode()]),
    "SAGECERT_COMPLIANCE_WEBHOOK_NETWORKS": json.dumps(["127.0.0.0/8", "::1/128"]),
    "SAGECERT_COMPLIANCE_WEBHOOK_WALL_CLOCK": "true",
}
"""Webhooks may go to loopback, where the tests receive them, stamped with the time that libraries compare.

With a key given, `up` keeps none in a directory."""


class System(msgspec.Struct, frozen=True):
    """A running system and a client to call it with. `processes`: by part, for tests that kill one."""

    url: str
    http: httpx.Client
    processes: Mapping[str, subprocess.Popen[str]]

    def reset(self, now: str = START) -> None:
        """Empties the system and sets its clock, which then stands still."""
        self.http.post("/sandbox/v1/reset", json={"now": now}).raise_for_status()

    def set_clock(self, now: str) -> None:
        """Moves the clock forward; every timer due by then has fired when it returns."""
        self.http.put("/sandbox/v1/clock", json={"now": now}).raise_for_status()

    def record(self, path: str, key: str, **body: Any) -> httpx.Response:
        """Posts a fact to the certification service: `path` follows /certification/v1/."""
        return self.http.post(f"/certification/v1/{path}", json=body, headers={"Idempotency-Key": key})


@contextmanager
def running_system(owner_url: str) -> Iterator[System]:
    """`sagecert up --sandbox` on this database."""
    with ExitStack() as running:
        process, url = running.enter_context(serving({"DATABASE_URL": owner_url}, "up", "--sandbox"))
        http = running.enter_context(httpx.Client(base_url=url, timeout=60))
        yield System(url, http, {"up": process})


@contextmanager
def running_system_apart(database: Database) -> Iterator[System]:
    """The parts as a deployment runs them: each with its own role, behind one ingress."""
    sandbox = {"SAGECERT_SANDBOX": "true"}
    owner = {**sandbox, "SAGECERT_OWNER_DATABASE_URL": database.owner_url}
    certification = {**sandbox, "SAGECERT_CERTIFICATION_DATABASE_URL": database.certification_url}
    compliance = {**sandbox, "SAGECERT_COMPLIANCE_DATABASE_URL": database.compliance_url}
    following = {**sandbox, "SAGECERT_FOLLOWER_DATABASE_URL": database.follower_url}
    dispatching = {**sandbox, **WEBHOOKS, "SAGECERT_DISPATCHER_DATABASE_URL": database.dispatcher_url}
    subprocess.run(sagecert("migrate"), env=environment(owner), check=True)
    with ExitStack() as running:
        kept = audit_directory(running)
        auditing = {**sandbox, **kept, "SAGECERT_AUDIT_DATABASE_URL": database.auditor_url}
        sealing = {**sandbox, **kept, "SAGECERT_SEALER_DATABASE_URL": database.sealer_url}
        served = {
            "certification": running.enter_context(serving(certification, "certification", "serve")),
            "compliance": running.enter_context(serving(compliance, "compliance", "serve")),
            "audit": running.enter_context(serving(auditing, "audit", "serve")),
            "sandbox": running.enter_context(serving(owner, "sandbox", "serve")),
        }
        worker = running.enter_context(_running(sagecert("compliance", "work"), following))
        dispatcher = running.enter_context(_running(sagecert("compliance", "dispatch"), dispatching))
        sealer = running.enter_context(_running(sagecert("audit", "seal"), sealing))
        routes = [f"{part}={url}" for part, (_, url) in served.items()]
        ingress = running.enter_context(_running([sys.executable, "-m", "tests.end_to_end.ingress", *routes], {}))
        url = _address(ingress)
        http = running.enter_context(httpx.Client(base_url=url, timeout=60))
        parts = {part: process for part, (process, _) in served.items()}
        background = {"worker": worker, "dispatcher": dispatcher, "sealer": sealer}
        yield System(url, http, {**parts, **background, "ingress": ingress})


def audit_directory(running: ExitStack) -> dict[str, str]:
    """The setting that gives a sealer a directory of its own while the context lasts."""
    return {"SAGECERT_AUDIT_DIRECTORY": str(running.enter_context(temporary_directory("sagecert-audit-")))}


@contextmanager
def serving(settings: Mapping[str, str], *command: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A command that serves, with these settings and `WEBHOOKS`, and its address; stopped with the context.

    Its sealer has a directory of its own, unless the settings name one.
    """
    with ExitStack() as running:
        given = {**WEBHOOKS, **audit_directory(running), **settings}
        process = running.enter_context(_running(sagecert(*command, "--port", "0", "--json"), given))
        yield process, _address(process)


@contextmanager
def _running(command: list[str], settings: Mapping[str, str]) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        ending_with_this_process(command), env=environment(settings), stdout=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        assert process.stdout is not None
        process.stdout.close()


def _address(process: subprocess.Popen[str]) -> str:
    """What the process serves on; it says so in its first line, once it does."""
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line, "it ended before it served; the reason is on stderr"
    return str(json.loads(line)["url"])


def sagecert(*command: str) -> list[str]:
    """The command, run by the Python that runs the tests."""
    return [sys.executable, "-m", "services.cli", *command]


def ending_with_this_process(command: Sequence[str]) -> list[str]:
    """The command, stopped by the system when this process ends, `kill -9` included.

    Linux only. Elsewhere it would take a further process, and killing that one would leave the command behind.
    """
    watchdog: tuple[str, ...] = ()
    if sys.platform == "linux":
        to_stop = str(int(signal.SIGTERM))
        watchdog = (sys.executable, "-I", "-S", str(PARENT_WATCHDOG), str(os.getpid()), "-1", "-1", to_stop)
    return [*watchdog, *command]


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """The settings given, and no others: `tests.clean_environment` has removed those of the caller."""
    return {**os.environ, **settings}


def children(pid: int) -> dict[int, str]:
    """The living processes that a process has started, by number, each with its command line."""
    shown = subprocess.run(
        ["ps", "-A", "-ww", "-o", "pid=,ppid=,stat=,args="], capture_output=True, text=True, check=True
    )
    found = (line.split(None, 3) for line in shown.stdout.splitlines())
    return {int(child): args for child, parent, state, args in found if int(parent) == pid and state[0] != "Z"}


def gone(pid: int, seconds: float = STOP_SECONDS_MAX) -> bool:
    """Whether the process ends within the time."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False
