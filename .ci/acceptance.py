"""Runs an acceptance runner against the system, all in one and apart at once: python acceptance.py RUNNER SCENARIOS...

The runner takes --base-url and the files of scenarios, and tells by its exit status whether everything held.
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from services.host.embedded_postgres.binaries import find_binaries
from services.host.embedded_postgres.server import Server
from tests.databases import Database, clone, reachable_directory, start_server
from tests.systems import running_system, running_system_apart


@contextmanager
def _server() -> Iterator[Server]:
    with (
        reachable_directory() as directory,
        start_server(directory, find_binaries(), print, durable=False) as server,
    ):
        yield server


def main() -> None:
    """Exits with 1 unless everything holds in both."""
    runner, *scenarios = sys.argv[1:]
    with _server() as server:
        for name in ("all_in_one", "apart"):
            clone(server, "template1", name)
        with (
            running_system(server.url(database="all_in_one")) as all_in_one,
            running_system_apart(Database(server, "apart")) as apart,
        ):
            commands = {
                name: [sys.executable, runner, "--base-url", system.url, *scenarios]
                for name, system in (("all in one", all_in_one), ("apart", apart))
            }
            running = {
                name: subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
                for name, command in commands.items()
            }
            for name, process in running.items():
                said, _ = process.communicate()
                print(f"acceptance, {name}\n{said}", flush=True)
    sys.exit(any(process.returncode for process in running.values()))


if __name__ == "__main__":
    main()
