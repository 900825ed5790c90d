"""Appends through the library's persistence modules, its own for PostgreSQL and ours, and what a follower misses.

`python -m benchmarks.recorders [--calls 3000] [--rounds 3]`. Each of 1, 8 and 32 threads appends one event a call, to a
new stream. Meanwhile another process follows the notification log as the library's subscription does: it asks for what
comes after the last position that it has seen. Rounds alternate; the median of appends a second is printed, and how
many events the follower never saw, of all rounds together. `POSTGRES_ENABLE_DB_FUNCTIONS` is the switch of the
library's module that appends faster, without its table lock.
"""

import statistics
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any, Final, NamedTuple
from uuid import uuid4

from eventsourcing.persistence import ApplicationRecorder, InfrastructureFactory, StoredEvent

from benchmarks.append import sync_microseconds
from benchmarks.command_line import options
from benchmarks.servers import server
from benchmarks.stock import environment
from services.host.database_urls_and_roles import Databases

THREADS: Final = (1, 8, 32)
LIMIT: Final = 1_000
POLL_SECONDS: Final = 0.001
STATE: Final = b'{"timestamp":{"_type_":"datetime_iso","_data_":"2026-01-01T00:00:00+00:00"},"partner_id":"P1"}'


class Round(NamedTuple):
    """Appends a second, and events that the follower never saw."""

    rate: float
    missed: int


def environments(databases: Databases) -> dict[str, dict[str, str]]:
    """The settings of each module, on the same server, with a connection for each thread."""
    pool = {"POSTGRES_POOL_SIZE": str(max(THREADS)), "POSTGRES_MAX_OVERFLOW": "0", "ORIGINATOR_ID_TYPE": "text"}
    ours = "SAGECERT_CERTIFICATION_DATABASE_"
    return {
        "library": {**environment(databases.owner_url), **pool},
        "library, DB functions": {
            **environment(databases.owner_url, "stock_functions"),
            **pool,
            "POSTGRES_ENABLE_DB_FUNCTIONS": "yes",
        },
        "ours": {
            "PERSISTENCE_MODULE": "services.certification.event_store.factory",
            f"{ours}URL": databases.certification_url,
            f"{ours}CONNECTIONS_MAX": str(max(THREADS)),
        },
    }


@contextmanager
def recorder(env: Mapping[str, str]) -> Iterator[ApplicationRecorder]:
    """The application recorder of a module."""
    factory = InfrastructureFactory[Any].construct(dict(env))
    try:
        yield factory.application_recorder()
    finally:
        factory.close()


def follow(env: Mapping[str, str], connection: Connection) -> None:
    """Follows from the end of the log; once asked to stop, to its end. Sends how many events it has seen."""
    with recorder(env) as log:
        last, seen, stopped = log.max_notification_id() or 0, 0, False
        connection.send(last)
        while True:
            newer = log.select_notifications(last, LIMIT, inclusive_of_start=False)
            seen += len(newer)
            if newer:
                last = newer[-1].id
            elif stopped:
                break
            else:
                stopped = connection.poll(POLL_SECONDS)
    connection.send(seen)


def append(log: ApplicationRecorder, calls: int) -> None:
    """One event a call."""
    for _ in range(calls):
        log.insert_events([StoredEvent(str(uuid4()), 1, "benchmarks.stock:Link.Created", STATE)])


def measure(env: Mapping[str, str], calls: int, threads: int) -> Round:
    """So many calls by so many threads together, while a process follows."""
    here, there = get_context("spawn").Pipe()
    follower = get_context("spawn").Process(target=follow, args=(dict(env), there), daemon=True)
    follower.start()
    here.recv()
    share = calls // threads
    with recorder(env) as log, ThreadPoolExecutor(threads) as pool:
        for done in [pool.submit(append, log, 1) for _ in range(threads)]:
            done.result()
        started = time.perf_counter()
        for done in [pool.submit(append, log, share) for _ in range(threads)]:
            done.result()
        seconds = time.perf_counter() - started
    here.send("stop")
    seen = here.recv()
    follower.join()
    return Round(share * threads / seconds, (share + 1) * threads - seen)


def main() -> None:
    """Starts a server of its own, with fsync on, and measures on it."""
    arguments = options(__doc__, calls=3000, rounds=3)
    with server(None) as databases:
        print(f"one fsync of the disk: {sync_microseconds():,.0f} µs")
        modules = environments(databases)
        for threads in THREADS:
            rounds: dict[str, list[Round]] = {name: [] for name in modules}
            for _ in range(arguments.rounds):
                for name, env in modules.items():
                    rounds[name].append(measure(env, arguments.calls, threads))
            peer = statistics.median(each.rate for each in rounds["library"])
            print(f"append, {threads} thread(s):", end="")
            for name, each in rounds.items():
                rate, missed = statistics.median(one.rate for one in each), sum(one.missed for one in each)
                print(f" {name} {rate:,.0f}/s = {rate / peer:.2f}x, {missed} missed;", end="")
            print()


if __name__ == "__main__":
    main()
