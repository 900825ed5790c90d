"""Runs an acceptance runner against the system, all in one and apart: python acceptance.py RUNNER SCENARIOS...

The runner takes --base-url and the files of scenarios, and tells by its exit status whether everything held.
"""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from services.host.embedded_postgres.binaries import find_binaries
from services.host.embedded_postgres.server import Server, start_server
from tests.databases import Database, clone, reachable_directory
from tests.systems import System, running_system, running_system_apart


@contextmanager
def _server() -> Iterator[Server]:
    with (
        reachable_directory() as directory,
        start_server(directory, find_binaries(), print, durable=False) as server,
    ):
        yield server


def _holds(runner: str, scenarios: Sequence[str], name: str, system: System) -> bool:
    print(f"acceptance, {name}", flush=True)
    command = [sys.executable, runner, "--base-url", system.url, *scenarios]
    return subprocess.run(command, check=False).returncode == 0


def main() -> None:
    """Exits with 1 unless everything holds in both."""
    runner, *scenarios = sys.argv[1:]
    with _server() as server:
        clone(server, "template1", "all_in_one")
        with running_system(server.url(database="all_in_one")) as system:
            held = [_holds(runner, scenarios, "all in one", system)]
        clone(server, "template1", "apart")
        with running_system_apart(Database(server, "apart")) as system:
            held.append(_holds(runner, scenarios, "apart", system))
    sys.exit(0 if all(held) else 1)


if __name__ == "__main__":
    main()
