"""Random histories for as long as wanted: python -m tests.every_answer --seconds 600 --first 1000."""

import argparse
import subprocess
import sys
import time
import traceback

from services.host.embedded_postgres.binaries import find_binaries
from tests.databases import clone, reachable_directory, start_server
from tests.every_answer.trial import Trial
from tests.network import separate
from tests.oracle.shrinking import told
from tests.systems import environment, running_system, sagecert

REBUILT_EVERY = 10
"""After so many histories the read model is derived again, and compared with the one in use."""


def rebuilt_otherwise(owner_url: str) -> list[str]:
    """What `sagecert compliance rebuild --verify` finds to differ."""
    command = sagecert("compliance", "rebuild", "--verify", "--json")
    settings = environment({"SAGECERT_OWNER_DATABASE_URL": owner_url, "SAGECERT_SANDBOX": "true"})
    ended = subprocess.run(command, check=False, env=settings, capture_output=True, text=True)
    return [] if ended.returncode == 0 else [f"rebuilt otherwise: {ended.stdout}{ended.stderr}"]


def main() -> int:
    """How many histories differed, at most 100."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--first", type=int, default=1000, help="the seed of the first history")
    parser.add_argument("--histories", type=int, default=10**6)
    arguments = parser.parse_args()
    separate()
    until, histories, compared, failed = time.monotonic() + arguments.seconds, 0, 0, 0
    with (
        reachable_directory() as directory,
        start_server(directory, find_binaries(), lambda _: None, durable=False) as server,
    ):
        clone(server, "template1", "all_in_one")
        with running_system(server.url(database="all_in_one")) as system:
            for seed in range(arguments.first, arguments.first + arguments.histories):
                if time.monotonic() > until:
                    break
                trial = Trial(system, seed)
                try:
                    trial.run()
                except Exception:  # the campaign goes on with the next history
                    trial.found.append(traceback.format_exc())
                if histories % REBUILT_EVERY == 0:
                    trial.found += rebuilt_otherwise(server.url(database="all_in_one"))
                histories, compared, failed = histories + 1, compared + trial.compared, failed + bool(trial.found)
                if trial.found:
                    print("\n".join(trial.found), "with the facts", told(trial.history), sep="\n", flush=True)
    print(f"{histories} histories, {compared} answers compared, {failed} histories differ", flush=True)
    return min(failed, 100)


if __name__ == "__main__":
    sys.exit(main())
