"""How long `sagecert up` takes from a `kill -9` of all its processes until both services answer, against a bare start.

`python -m benchmarks.restart [--rounds 7]`. Each round kills every process of a running system, starts it on the same
data and waits for a POST of a fact and a GET of a live answer; PostgreSQL has to recover. The limit does the same with
as little as can answer: one process that starts PostgreSQL on its data and serves a bare FastAPI application which
inserts and selects one row with asyncpg. Both start in turn, with compiled modules, as an installed package has them.
Then the follower alone is killed, and a fact posted at once is waited for with `min_position`.
"""

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Final, NamedTuple
from uuid import uuid4

import uvicorn
from fastapi import FastAPI

from benchmarks.bare import LinkBody, bare_application
from services.host.embedded_postgres.binaries import find_binaries
from services.host.listening_socket import listen
from tests.databases import start_server
from tests.temporary_directory import temporary_directory

HOST: Final = "127.0.0.1"
START_SECONDS_MAX: Final = 60
FACTS: Final = 200
_CREATE: Final = "CREATE TABLE IF NOT EXISTS link (key text PRIMARY KEY, partner_id text NOT NULL, consultant_id text)"
_INSERT: Final = "INSERT INTO link VALUES ($1, $2, $3)"
_SELECT: Final = "SELECT count(*) FROM link WHERE partner_id = $1"


class System(NamedTuple):
    """Something that answers. `command`: starts it, but for the port. `post`, `get`: the paths of one partner."""

    command: Sequence[str]
    post: str
    get: str


def bare(url: str) -> FastAPI:
    """What one would write first: a row in, a row out."""

    app = bare_application(url, (1, 8), _CREATE)

    @app.post("/bare/{partner_id}/consultants", status_code=201)
    async def link(partner_id: str, body: LinkBody) -> dict[str, int]:
        await app.state.pool.execute(_INSERT, uuid4().hex, partner_id, body.consultant_id)
        return {"position": 0}

    @app.get("/bare/{partner_id}")
    async def count(partner_id: str) -> dict[str, int]:
        return {"consultants": await app.state.pool.fetchval(_SELECT, partner_id)}

    return app


def serve_bare(data_directory: Path, port: int) -> None:
    """The limit: a socket, PostgreSQL, the application."""
    listening = listen(HOST, port)
    with start_server(data_directory, find_binaries(), lambda _: None) as server:
        uvicorn.Server(uvicorn.Config(bare(server.url()), log_level="error")).run(sockets=[listening])


def tree(pid: int) -> list[int]:
    """The process and everything that descends from it."""
    children: dict[int, list[int]] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            found = status.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        children.setdefault(int(found[1]), []).append(int(status.parent.name))
    descendants = [pid]
    for one in descendants:
        descendants += children.get(one, [])
    return descendants


def kill(process: subprocess.Popen[bytes]) -> None:
    """Ends the process and all of its descendants at once, and waits until they are gone."""
    pids = tree(process.pid)
    for pid in pids:
        with suppress(ProcessLookupError):  # it ended with the one before
            os.kill(pid, signal.SIGKILL)
    process.wait()
    while any(_lives(pid) for pid in pids):
        time.sleep(0.01)


def _lives(pid: int) -> bool:
    try:
        return " Z " not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:  # it has ended
        return b""


def call(port: int, method: str, path: str, body: str | None = None) -> dict[str, object]:
    """What is answered. Tries until something listens; raises `RuntimeError` for anything but 200 and 201."""
    deadline = time.monotonic() + START_SECONDS_MAX
    while True:
        connection = HTTPConnection(HOST, port, timeout=START_SECONDS_MAX)
        try:
            headers = {"Content-Type": "application/json", "Idempotency-Key": uuid4().hex}
            connection.request(method, path, body, headers if body else {})
            answer = connection.getresponse()
            said: dict[str, object] = json.loads(answer.read())
        except (OSError, HTTPException):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.005)
            continue
        finally:
            connection.close()
        if answer.status not in (200, 201):
            raise RuntimeError(f"{method} {path}: {answer.status} {said}")
        return said


def link(number: int) -> str:
    """The body of a POST."""
    return json.dumps({"consultant_id": f"C{number}"})


@contextmanager
def running(system: System, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """Starts it; at the end it is killed, whatever became of it."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    command = [sys.executable, *system.command, str(port)]
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            kill(process)


def prepare(system: System, port: int) -> None:
    """Makes the database, lets Python keep the compiled modules, and posts the first facts."""
    with running(system, port):
        for number in range(FACTS):
            position = call(port, "POST", system.post, link(number))["position"]
        call(port, "GET", f"{system.get}?min_position={position}")


def start_seconds(system: System, port: int, number: int) -> float:
    """From the start of a process until both calls are answered. It is killed under the next writes."""
    started = time.perf_counter()
    with running(system, port):
        call(port, "POST", system.post, link(number))
        call(port, "GET", system.get)
        seconds = time.perf_counter() - started
        for more in range(FACTS):
            call(port, "POST", system.post, link(number + more + 1))
        return seconds


def follower_seconds(system: System, port: int, rounds: int) -> list[float]:
    """From a `kill -9` of the follower until a fact that was posted then is seen in an answer."""
    found = []
    with running(system, port) as process:
        for number in range(rounds):
            call(port, "GET", f"{system.get}?min_position={call(port, 'POST', system.post, link(number))['position']}")
            (follower,) = (
                pid
                for pid in tree(process.pid)
                if b"background_main\0follower" in Path(f"/proc/{pid}/cmdline").read_bytes()
            )
            os.kill(follower, signal.SIGKILL)
            started = time.perf_counter()
            position = call(port, "POST", system.post, link(number))["position"]
            call(port, "GET", f"{system.get}?min_position={position}")
            found.append(time.perf_counter() - started)
    return found


def measure(directory: Path, rounds: int) -> None:
    """Prints the figures."""
    with listen(HOST, 0) as free:
        port = free.getsockname()[1]
    up = ("-m", "services.cli", "up", "--data-dir", str(directory / "up"), "--port")
    ours = System(up, "/certification/v1/partners/P1/consultants", "/compliance/v1/partners/P1/compliance/S200P")
    limit = System(
        ("-m", "benchmarks.restart", "--bare", str(directory / "bare"), "--port"), "/bare/P1/consultants", "/bare/P1"
    )
    times: dict[System, list[float]] = {ours: [], limit: []}
    for system in times:
        prepare(system, port)
    for turn in range(1, rounds + 1):
        for system, taken in times.items():
            taken.append(start_seconds(system, port, turn * 1_000))
    ratios = [one / other for one, other in zip(times[ours], times[limit], strict=True)]
    print(
        f"from kill -9 of all processes to a POST and a GET answered: {statistics.median(times[ours]):.2f} s"
        f" ({min(times[ours]):.2f} to {max(times[ours]):.2f});"
        f" PostgreSQL and a bare application {statistics.median(times[limit]):.2f} s; {statistics.median(ratios):.2f}x"
    )
    seen = follower_seconds(ours, port, rounds)
    print(
        f"from kill -9 of the follower alone to a new fact in an answer: {statistics.median(seen):.2f} s"
        f" ({min(seen):.2f} to {max(seen):.2f})"
    )


def main() -> None:
    """Measures, or is the limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--bare", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.bare:
        serve_bare(arguments.bare, arguments.port)
        return
    with temporary_directory("sagecert-bench-") as directory:
        directory.chmod(0o755)
        measure(directory, arguments.rounds)


if __name__ == "__main__":
    main()
