"""The rebuild of read model and compliance events, against reading and decoding the same log and the stock projection.

`python -m benchmarks.rebuild [--facts 1000000] [--rounds 3] [--memory] [--data-dir D]`. Ours is the command `sagecert
compliance rebuild`, from its start to its end. The limit is one process that reads every row with asyncpg and makes
facts of them; the peer is the library's ProjectionRunner counting events, one transaction each. `--memory` measures
once more on three times as many facts.
"""

import argparse
import asyncio
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from benchmarks.servers import fill, server, settings_for
from benchmarks.stock import Link, Links, counting, environment
from services.compliance.database import connect
from services.host.database_urls_and_roles import Databases
from shared.events.wire import decode

PAGE = 5_000
STOCK_EVENTS = 5_000

_READ = """
    SELECT topic, state, notification_id, append_position FROM certification.stored_events
    WHERE notification_id > $1 ORDER BY notification_id LIMIT $2
"""

_T = TypeVar("_T")


def apart(work: Callable[..., _T], *arguments: Any) -> _T:
    """What the work returns, in a fresh process, so that its memory is its own."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return pool.submit(work, *arguments).result()


def read_and_decode(url: str) -> tuple[int, float]:
    """How many facts, and in how many seconds."""

    async def read() -> int:
        connection = await connect(settings_for(url))
        position = 0
        while rows := await connection.fetch(_READ, position, PAGE):
            for row in rows:
                decode(*row)
            position = rows[-1]["notification_id"]
        await connection.close()
        return position

    started = time.perf_counter()
    facts = asyncio.run(read())
    return facts, time.perf_counter() - started


class Rebuilt(msgspec.Struct):
    """What the command says of a rebuild."""

    events: int
    partners: int


def rebuild_once(owner_url: str) -> tuple[Rebuilt, float, float]:
    """What the command rebuilt, in how many seconds, and the peak of the greatest of its processes in MB."""
    started = time.perf_counter()
    command = [sys.executable, "-m", "services.cli", "compliance", "rebuild", "--json"]
    nowhere = "/nonexistent/sagecert-bench-audit"  # not the sealed logs of a system that ran in this folder
    environment = {**os.environ, "SAGECERT_OWNER_DATABASE_URL": owner_url, "SAGECERT_AUDIT_DIRECTORY": nowhere}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True)
    taken = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return msgspec.json.decode(done.stdout, type=Rebuilt), taken, peak / 1024


def stock_rate(owner_url: str) -> float:
    """Events a second of the library's projection that counts them."""
    application = Links(environment(owner_url))
    notification_id = 0
    for number in range(STOCK_EVENTS):
        notification_id = application.save(Link("P1", f"C{number}"))[-1].notification.id
    application.close()
    started = time.perf_counter()
    with counting(owner_url) as runner:
        runner.wait(notification_id, timeout=120)
    return STOCK_EVENTS / (time.perf_counter() - started)


def measure(databases: Databases, facts: int, rounds: int) -> float:
    """Prints the figures; returns the peak memory."""
    fill(databases, facts)
    limits, rebuilds, peaks = [], [], []
    for _ in range(rounds):
        total, seconds = apart(read_and_decode, databases.compliance_url)
        limits.append(total / seconds)
        rebuilt, seconds, peak = apart(rebuild_once, databases.owner_url)
        rebuilds.append(total / seconds)
        peaks.append(peak)
    limit, ours = statistics.median(limits), statistics.median(rebuilds)
    print(
        f"rebuild of {total:,} facts to {rebuilt.events:,} events of {rebuilt.partners:,} partners: {ours:,.0f}/s;"
        f" reading and decoding in one process {limit:,.0f}/s; {ours / limit:.2f} of it"
    )
    peer = apart(stock_rate, databases.owner_url)
    print(f"the library's stock projection counting events: {peer:,.0f}/s; the rebuild is {ours / peer:.0f}x")
    return max(peaks)


def main() -> None:
    """Starts a server of its own and measures on it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--facts", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--memory", action="store_true", help="measure peak memory on three times as many facts, too")
    parser.add_argument("--data-dir", type=Path, help="keeps the server's data, to be measured on again")
    arguments = parser.parse_args()
    with server(arguments.data_dir) as databases:
        peak = measure(databases, arguments.facts, arguments.rounds)
    print(f"peak memory of a rebuilding process: {peak:.0f} MB")
    if arguments.memory:
        with server(None) as databases:
            fill(databases, 3 * arguments.facts)
            _, _, greater = apart(rebuild_once, databases.owner_url)
        print(f"on three times as many facts: {greater:.0f} MB = {greater / peak:.2f}x")


if __name__ == "__main__":
    main()
